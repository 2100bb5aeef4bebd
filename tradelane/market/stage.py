"""One product as the blocks' programs see it: its curves at few vertices, and its lanes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.coupling import OFFSETS
from tradelane.market.curve import Curve
from tradelane.market.network import Network
from tradelane.market.product import Product
from tradelane.market.program import Borders, FloatArray

AROUND = np.arange(-6, 7)
"""Vertices offered around each price that came up."""


class Entries:
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

    def columns(
        self, matrix: Entries, first: int = 0, row: int = 0, lots: float = 1.0
    ) -> tuple[FloatArray, FloatArray]:
        """Reduced cost and width of one product's steps and lanes, whose entries go into ``matrix`` from
        column ``first`` and row ``row`` on; ``lots`` are one of a step or lane.
        """
        fx, borders, price = self.fx, self.borders, self.price
        pairs = list(zip(self.curves, self.chosen, strict=True))
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
