"""Products as the blocks' programs see them: curves at few vertices, lanes, and limits that lanes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.coupling import OFFSETS, dual_bound
from tradelane.market.curve import Curve
from tradelane.market.network import Network
from tradelane.market.pricing import borders
from tradelane.market.product import Product
from tradelane.market.program import Borders, FloatArray

AROUND = np.arange(-6, 7)
"""Vertices offered around each price that came up."""


def duty(network: Network, price: FloatArray) -> FloatArray:
    """Ad-valorem duty of each lane at zone prices, numeraire ticks per lot sent."""
    rates = np.array([float(link.markup - 1) for link in network.links])
    return rates * price[[link.source for link in network.links]]


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


@dataclass(frozen=True, slots=True)
class Market:
    """Products that constraints tie together, mostly one alone; they share lot, tick and price limits.

    ``network`` has their zones and lanes product by product, ``curves`` are those of the orders in its zones.
    """

    products: Sequence[Product]
    network: Network
    curves: Sequence[Curve]

    @property
    def product(self) -> Product:
        """Any of them, for what they share."""
        return self.products[0]

    def places(self) -> list[tuple[str, str]]:
        """Product id and zone id of each zone of the network."""
        zones = self.network.zones[: len(self.network.zones) // len(self.products)]
        return [(product.id, zone.id) for product in self.products for zone in zones]


@dataclass(slots=True)
class Stage:
    """A market as the program sees it: ``price`` in numeraire ticks by zone and ``shadow`` of each limit that
    lanes share, ``unit`` numeraire per tick and lot, ``chosen`` the vertices of each curve.
    """

    market: Market
    borders: Borders
    price: FloatArray
    shadow: FloatArray
    chosen: list[IntArray] = field(default_factory=list)

    @classmethod
    def of(cls, market: Market, price: FloatArray) -> Stage:
        """Duties are those at ``price``."""
        lanes = borders(market.network, duty(market.network, price))
        return cls(market, lanes, price, np.zeros(len(lanes.room)))

    @property
    def curves(self) -> Sequence[Curve]:
        return self.market.curves

    @property
    def rows(self) -> int:
        """Balances of zones, then shared limits."""
        return len(self.curves) + len(self.borders.room)

    @property
    def width(self) -> int:
        """Columns: steps, lanes, room left of shared limits."""
        return sum(len(v) - 1 for v in self.chosen) + len(self.borders) + len(self.borders.room)

    @property
    def balance(self) -> FloatArray:
        """What the rows must come to, lots."""
        return np.concatenate([[c.total_demand for c in self.curves], self.borders.room])

    def move(self, dual: FloatArray) -> None:
        """Take up prices that lie by ``dual`` of each row from the present ones."""
        zones = len(self.curves)
        self.price = self.price + dual[:zones]
        self.shadow = np.maximum(0.0, self.shadow - dual[zones:])

    def bound(self) -> float:
        """Least cost of any quantities without blocks, by these prices on the full curves, numeraire."""
        return self.unit * dual_bound(self.curves, self.fx, self.borders, self.price, self.shadow)

    @property
    def fx(self) -> FloatArray:
        return np.array([float(e) for e in self.market.network.fx])

    @property
    def unit(self) -> float:
        return float(self.market.product.tick * self.market.product.lot)

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
        """Reduced cost and width of steps, lanes and room left of limits, whose entries go into ``matrix``
        from column ``first`` and row ``row`` on; ``lots`` are one of a step or lane.
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
        limit, lane = np.nonzero(borders.use)
        matrix.add(row + len(pairs) + limit, lanes[lane], borders.use[limit, lane])
        limits = np.arange(len(borders.room))
        matrix.add(row + len(pairs) + limits, first + len(zone) + len(borders) + limits, 1.0)
        margin = borders.cost + price[borders.source] - borders.gamma * price[borders.target]
        margin = margin + borders.surcharge(self.shadow)
        left = borders.room + np.abs(borders.use) @ borders.capacity
        return (
            np.concatenate([*slopes, margin, self.shadow]),
            np.concatenate([*widths, borders.capacity, left]) / lots,
        )
