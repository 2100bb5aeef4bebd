"""The mixed-integer program of the blocks: curves at few prices, lanes, and a yes or no for every block.

    minimise  Σ steps + Σ lanes + Σ_b limit_b·a_b
    steps − out + γ·in + Σ_b σ·lots_b·a_b = demand  for each product and zone
    min_acceptance·u ≤ a ≤ u,  u ∈ {0, 1},  a_child ≤ a_parent,  Σ a ≤ 1 in a group

Costs are reduced by given prices and their constant is taken off, so that the objective is what is lost
against the bound at those prices: a small number, of which a relative gap can be asked.

What it cannot do: know whether a block loses at the prices that come of it. selection.py sees to that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from tradelane.market.acceptance import Book
from tradelane.market.batch import IntArray
from tradelane.market.coupling import OFFSETS
from tradelane.market.curve import Curve
from tradelane.market.network import Network
from tradelane.market.product import Product
from tradelane.market.program import Borders, FloatArray, MixedProgram
from tradelane.market.units import MILLI, NANO

AROUND = np.arange(-6, 7)
"""Vertices offered around each price that came up."""


@dataclass(slots=True)
class Stage:
    """One product as the program sees it: ``price`` in numeraire ticks by zone, ``unit`` numeraire per tick
    and lot, ``chosen`` the vertices of each curve. ``curves`` are those of the orders alone.
    """

    product: Product
    network: Network
    curves: list[Curve]
    borders: Borders
    price: FloatArray
    chosen: list[IntArray] = field(default_factory=list)

    @property
    def fx(self) -> FloatArray:
        return np.array([float(e) for e in self.network.fx])

    @property
    def unit(self) -> float:
        return float(self.product.tick * self.product.lot)

    def open(self) -> None:
        """Choose vertices around ``price``, and a few over the whole of each curve."""
        for curve, price in zip(self.curves, self.price / self.fx, strict=True):
            count, at = len(curve.tick), int(np.searchsorted(curve.tick, price))
            spread = np.linspace(0, count, min(count + 1, 9)).astype(np.int64)
            wanted = np.concatenate([spread, at + OFFSETS, at + AROUND])
            self.chosen.append(np.unique(np.clip(wanted, 0, count)))

    def add(self, price: FloatArray) -> bool:
        """Add the vertices around ``price``; whether there were new ones."""
        new = False
        for z, (curve, p) in enumerate(zip(self.curves, price / self.fx, strict=True)):
            left = int(np.searchsorted(curve.tick, p - 1e-6, side="left"))
            right = int(np.searchsorted(curve.tick, p + 1e-6, side="right"))
            wanted = np.concatenate([self.chosen[z], left + AROUND, right + AROUND])
            grown = np.unique(np.clip(wanted, 0, len(curve.tick)))
            new |= len(grown) > len(self.chosen[z])
            self.chosen[z] = grown
        return new


@dataclass(frozen=True, slots=True)
class Limits:
    """What earlier rounds have taught: blocks forbidden, blocks to be taken whole or not at all, and sets of
    accepted blocks that must not come again.
    """

    forbidden: Collection[str] = ()
    whole: Collection[str] = ()
    seen: Sequence[Collection[str]] = ()


class _Matrix:
    """Entries of a sparse matrix, gathered in parts."""

    def __init__(self) -> None:
        self.parts: list[tuple[IntArray, IntArray, FloatArray]] = []

    def add(self, row: IntArray | int, column: IntArray, value: FloatArray | float) -> None:
        rows, columns, values = np.broadcast_arrays(np.asarray(row), column, np.asarray(value))
        self.parts.append((rows.ravel(), columns.ravel(), values.ravel().astype(np.float64)))

    def by_column(self, columns: int) -> tuple[IntArray, IntArray, FloatArray]:
        row, column, value = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        order = np.lexsort((row, column))
        start = np.searchsorted(column[order], np.arange(columns + 1))
        return start, row[order], value[order]


class Layout:
    """Where everything stands in the program: steps and lanes by product, then a of each block, then u of
    those that may be accepted in part (for the others u is a).
    """

    def __init__(self, stages: Sequence[Stage], book: Book, whole: Collection[str]) -> None:
        self.money = max(stage.unit for stage in stages)
        """Numeraire in one of the objective."""
        self.lots = max(1.0, max(float(c.passed[-1]) for s in stages for c in s.curves) / 1e6)
        """Lots in one of a step or lane."""
        self.zones = len(stages[0].curves)
        self.balances = self.zones * len(stages)
        widths = [sum(len(v) - 1 for v in s.chosen) + len(s.borders) for s in stages]
        self.first: list[int] = np.concatenate([[0], np.cumsum(widths)]).astype(int).tolist()
        count = len(book.blocks)
        self.least = [NANO if b.id in whole else b.min_acceptance for b in book.blocks]
        self.a = np.arange(self.first[-1], self.first[-1] + count)
        self.u = self.a.copy()
        partial = [k for k, least in enumerate(self.least) if least < NANO]
        self.u[partial] = self.first[-1] + count + np.arange(len(partial))
        self.columns = self.first[-1] + count + len(partial)


def build(
    stages: Sequence[Stage], book: Book, limits: Limits, relaxed: bool = False
) -> tuple[MixedProgram, Layout]:
    """The program at the stages' vertices and prices; ``relaxed`` lets u be any share."""
    at, matrix = Layout(stages, book, limits.whole), _Matrix()
    cost, upper = np.zeros(at.columns), np.ones(at.columns)
    balance = np.zeros(at.balances)
    for t, stage in enumerate(stages):
        part = slice(at.first[t], at.first[t + 1])
        cost[part], upper[part] = _columns(stage, at.first[t], t * at.zones, matrix, at.lots)
        cost[part] *= stage.unit / at.money * at.lots
        balance[t * at.zones : (t + 1) * at.zones] = [c.total_demand / at.lots for c in stage.curves]
    cost[at.a] = _block_columns(stages, book, at, matrix) / at.money
    upper[at.u] = [float(block.id not in limits.forbidden) for block in book.blocks]
    low, high = _block_rows(book, limits, at, matrix)
    offset = -float(np.minimum(0.0, cost * upper).sum())
    start, row, value = matrix.by_column(at.columns)
    integer = np.zeros(at.columns, bool)
    integer[at.u] = not relaxed
    least, most = np.concatenate([balance, low]), np.concatenate([balance, high])
    lower = np.zeros(at.columns)
    return MixedProgram(cost, lower, upper, least, most, start, row, value, integer, offset), at


def _columns(
    stage: Stage, first: int, row: int, matrix: _Matrix, lots: float
) -> tuple[FloatArray, FloatArray]:
    """Reduced cost and width of one product's steps and lanes, whose entries go into ``matrix``."""
    fx, borders, price = stage.fx, stage.borders, stage.price
    pairs = list(zip(stage.curves, stage.chosen, strict=True))
    widths = [np.diff(c.passed[v]).astype(np.float64) for c, v in pairs]
    slopes = [
        np.diff(c.cost[v]) / w * fx[z] - price[z]
        for z, ((c, v), w) in enumerate(zip(pairs, widths, strict=True))
    ]
    zone = np.repeat(np.arange(len(pairs)), [len(w) for w in widths])
    matrix.add(row + zone, first + np.arange(len(zone)), 1.0)
    lanes = first + len(zone) + np.arange(len(borders))
    matrix.add(row + borders.source, lanes, -1.0)
    matrix.add(row + borders.target, lanes, borders.gamma)
    margin = borders.cost + price[borders.source] - borders.gamma * price[borders.target]
    return np.concatenate([*slopes, margin]), np.concatenate([*widths, borders.capacity]) / lots


def _block_columns(stages: Sequence[Stage], book: Book, at: Layout, matrix: _Matrix) -> FloatArray:
    """What each whole block loses at the stages' prices, numeraire; its lots go into ``matrix``."""
    stage_of = {stage.product.id: t for t, stage in enumerate(stages)}
    place = {zone.id: z for z, zone in enumerate(stages[0].network.zones)}
    loss = np.zeros(len(book.blocks))
    entries: list[tuple[int, int, float]] = []
    for k, block in enumerate(book.blocks):
        sign, z, fx = block.side.sign, place[block.zone], float(book.fx[block.zone])
        for product, quantity in block.profile.items():
            t = stage_of[product]
            limit = fx * book.limit[block.id][product] / MILLI
            loss[k] += sign * (limit - stages[t].price[z]) * quantity * stages[t].unit
            entries.append((t * at.zones + z, at.a[k], sign * quantity / at.lots))
    rows, columns, lots = zip(*entries, strict=True)
    matrix.add(np.array(rows), np.array(columns), np.array(lots))
    return loss


def _block_rows(book: Book, limits: Limits, at: Layout, matrix: _Matrix) -> tuple[FloatArray, FloatArray]:
    """Bounds of the rows that tie blocks to themselves, their parents and groups, and to what came before."""
    place = {block.id: k for k, block in enumerate(book.blocks)}
    low: list[float] = []
    high: list[float] = []

    def row(columns: Sequence[int], values: Sequence[float], least: float, most: float) -> None:
        matrix.add(at.balances + len(low), np.array(columns), np.array(values))
        low.append(least)
        high.append(most)

    for k, block in enumerate(book.blocks):
        if at.least[k] < NANO:
            row([at.a[k], at.u[k]], [1.0, -at.least[k] / NANO], 0.0, np.inf)
            row([at.a[k], at.u[k]], [1.0, -1.0], -np.inf, 0.0)
        if block.linked_to is not None:
            row([at.a[k], at.a[place[block.linked_to]]], [1.0, -1.0], -np.inf, 0.0)
    for members in book.groups.values():
        row([at.a[place[b.id]] for b in members], [1.0] * len(members), -np.inf, 1.0)
    for taken in limits.seen:
        signs = [1.0 if block.id in taken else -1.0 for block in book.blocks]
        row(at.u.tolist(), signs, -np.inf, len(taken) - 1.0)
    return np.array(low), np.array(high)
