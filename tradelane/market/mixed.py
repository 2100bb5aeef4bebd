"""The mixed-integer program of the blocks: curves at few prices, lanes, and a yes or no for every block.

    minimise  Σ steps + Σ lanes + Σ_b limit_b·a_b
    steps − out + γ·in + Σ_b σ·lots_b·a_b = demand  for each product and zone
    Σ use·lanes + left = room                       for each limit that lanes share
    min_acceptance·u ≤ a ≤ u,  u ∈ {0, 1},  a_child ≤ a_parent,  Σ a ≤ 1 in a group

Costs are reduced by given prices and their constant is taken off, so that the objective is what is lost
against the bound at those prices: a small number, of which a relative gap can be asked.

What it cannot do: know whether a block loses at the prices that come of it. selection.py sees to that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tradelane.market.acceptance import Book
from tradelane.market.batch import IntArray
from tradelane.market.block import Block, parents_first
from tradelane.market.block_table import Table
from tradelane.market.program import Chosen, FloatArray, MixedProgram
from tradelane.market.stage import Entries, Stage
from tradelane.market.units import NANO, rounded

NOTHING = 1e-7
"""Share below which a block counts as rejected, and above 1 less which as whole."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What earlier rounds have taught: blocks forbidden, blocks to be taken whole or not at all, sets of
    accepted blocks that must not come again, and blocks to be taken at least by their minimum.
    """

    forbidden: Collection[str] = ()
    whole: Collection[str] = ()
    seen: Sequence[Collection[str]] = ()
    taken: Collection[str] = ()


class Layout:
    """Where everything stands in the program: steps, lanes and limits by stage, then a of each block, then u
    of those that may be accepted in part (for the others u is a).
    """

    def __init__(self, stages: Sequence[Stage], book: Book, whole: Collection[str]) -> None:
        self.money = max(stage.unit for stage in stages)
        """Numeraire in one of the objective."""
        self.lots = max(1.0, max(float(c.passed[-1]) for s in stages for c in s.curves) / 1e6)
        """Lots in one of a step or lane."""
        self.row: list[int] = np.cumsum([0, *(stage.rows for stage in stages)]).tolist()
        widths = [stage.width for stage in stages]
        self.first: list[int] = np.concatenate([[0], np.cumsum(widths)]).astype(int).tolist()
        count = len(book.blocks)
        self.least = [NANO if b.id in whole else max(b.min_acceptance, _a_lot(b)) for b in book.blocks]
        self.a = np.arange(self.first[-1], self.first[-1] + count)
        self.u = self.a.copy()
        partial = [k for k, least in enumerate(self.least) if least < NANO]
        self.u[partial] = self.first[-1] + count + np.arange(len(partial))
        self.columns = self.first[-1] + count + len(partial)


def _a_lot(block: Block) -> int:
    """The share that makes one lot: less would count as accepted where nothing is."""
    return -(-NANO // max(block.profile.values()))


def build(
    stages: Sequence[Stage], table: Table, limits: Limits, relaxed: bool = False
) -> tuple[MixedProgram, Layout]:
    """The program at the stages' vertices and prices; ``relaxed`` lets u be any share."""
    book = table.book
    at, matrix = Layout(stages, book, limits.whole), Entries()
    cost, upper = np.zeros(at.columns), np.ones(at.columns)
    balance = np.concatenate([stage.balance for stage in stages]) / at.lots
    for t, stage in enumerate(stages):
        part = slice(at.first[t], at.first[t + 1])
        cost[part], upper[part] = stage.columns(matrix, at.first[t], at.row[t], at.lots)
        cost[part] *= stage.unit / at.money * at.lots
    price = np.concatenate([stage.price for stage in stages])
    row = table.at + np.subtract(at.row, table.first)[table.stage]
    matrix.add(row, at.a[table.block], table.lots / at.lots)
    cost[at.a] = -table.gains(price, price) / at.money
    upper[at.u] = [float(block.id not in limits.forbidden) for block in book.blocks]
    low, high = _block_rows(table, limits, at, matrix)
    offset = -float(np.minimum(0.0, cost * upper).sum())
    start, rows, value = matrix.by_column(at.columns)
    integer = np.zeros(at.columns, bool)
    integer[at.u] = not relaxed
    least, most = np.concatenate([balance, low]), np.concatenate([balance, high])
    lower = np.zeros(at.columns)
    lower[at.u] = [float(block.id in limits.taken) for block in book.blocks]
    return MixedProgram(cost, lower, upper, least, most, start, rows, value, integer, offset), at


def _block_rows(table: Table, limits: Limits, at: Layout, matrix: Entries) -> tuple[FloatArray, FloatArray]:
    """Bounds of the rows that tie blocks to themselves, their parents and groups, and to what came before."""
    low: list[float] = []
    high: list[float] = []

    def rows(left: IntArray, right: IntArray, times: FloatArray, least: float, most: float) -> None:
        """A row for each: left − times·right."""
        first = at.row[-1] + len(low) + np.arange(len(left))
        matrix.add(first, left, 1.0)
        matrix.add(first, right, -times)
        low.extend([least] * len(left))
        high.extend([most] * len(left))

    def row(columns: IntArray, signs: FloatArray, most: float) -> None:
        matrix.add(at.row[-1] + len(low), columns, signs)
        low.append(-np.inf)
        high.append(most)

    partial = np.flatnonzero(at.a != at.u)
    ones = np.ones(table.count)
    rows(at.a[partial], at.u[partial], np.array(at.least)[partial] / NANO, 0.0, np.inf)
    rows(at.a[partial], at.u[partial], ones[partial], -np.inf, 0.0)
    linked = np.flatnonzero(table.parent >= 0)
    rows(at.a[linked], at.a[table.parent[linked]], ones[linked], -np.inf, 0.0)
    for members in table.groups:
        row(at.a[members], ones[members], 1.0)
    for taken in limits.seen:
        signs = np.array([1.0 if block.id in taken else -1.0 for block in table.book.blocks])
        row(at.u, signs, len(taken) - 1.0)
    return np.array(low), np.array(high)


def accepted(chosen: Chosen, at: Layout, book: Book) -> dict[str, int]:
    """Shares a little off whole or none put right, those between at the nearest whole lot they mean."""
    place = {block.id: k for k, block in enumerate(book.blocks)}
    found: dict[str, int] = {}
    for block in parents_first(book.blocks):
        k = place[block.id]
        share = float(chosen.value[at.a[k]])
        if chosen.value[at.u[k]] < 0.5 or share < NOTHING:
            continue
        most = NANO if block.linked_to is None else found.get(block.linked_to, 0)
        for other in book.groups.get(block.exclusive_group or "", ()):
            most = min(most, NANO - found.get(other.id, 0))
        nano = NANO if share > 1 - NOTHING else max(at.least[k], _on_a_lot(block, share))
        if min(nano, most) >= at.least[k]:
            found[block.id] = min(nano, most)
    return found


def _on_a_lot(block: Block, share: float) -> int:
    """The share nearest to ``share`` that is whole lots of the product of which it nearly is already."""
    off, near = min(
        (abs(share * lots - round(share * lots)), Fraction(round(share * lots), lots))
        for lots in block.profile.values()
    )
    return rounded((near if off < 0.01 else Fraction(share)) * NANO)
