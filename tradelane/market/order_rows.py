"""Rows of orders → one table a product, a column at a time.

A part in which every row is plainly an order becomes columns at once. A part with anything unusual in it is
read again row by row, by the careful reader, which takes each row or names its fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray
from tradelane.market.fields import LARGEST, CaseError, Fields
from tradelane.market.order import Side
from tradelane.market.order_table import OrderTable
from tradelane.market.order_wishes import WishRows
from tradelane.market.product import Product
from tradelane.market.rows import Place, Rows
from tradelane.market.steps import Scales, integers

UNUSUAL = (KeyError, TypeError, ValueError, OverflowError)
"""What converting a column raises when a value in it is not plainly what it should be."""
SIDES = {Side.SELL.value: 0, Side.BUY.value: 1}


@dataclass(frozen=True, slots=True)
class _Part:
    """Orders in the order of their rows. ``product`` and ``zone`` count through the case's."""

    place: Place
    id: Sequence[str]
    seq: IntArray
    product: IntArray
    zone: IntArray
    buys: IntArray
    price: IntArray
    quantity: IntArray

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        return np.stack([self.seq, self.product, self.zone, self.buys, self.price, self.quantity])


class OrderRows:
    def __init__(self, products: Mapping[str, Product], zones: Mapping[str, object]) -> None:
        self._products, self._zones = tuple(products.values()), tuple(zones)
        self._product_of = {name: k for k, name in enumerate(products)}
        self._zone_of = {name: k for k, name in enumerate(zones)}
        self._low = np.array([p.min_price for p in self._products], np.int64)
        self._high = np.array([p.max_price for p in self._products], np.int64)
        self._ticks = Scales([p.tick for p in self._products])
        self._lots = Scales([p.lot for p in self._products])
        self._parts: list[_Part] = []
        self._wishes = WishRows()

    def add(self, rows: Rows) -> None:
        """CaseError when one of ``rows`` is no order of this case."""
        try:
            part = self._plain(rows)
        except UNUSUAL:
            part = self._careful(rows)
        self._wishes.add(rows, part.buys)
        self._parts.append(part)

    def _plain(self, rows: Rows) -> _Part:
        ids = rows.column("id")
        if set(map(type, ids)) != {str} or not all(ids):
            raise ValueError("an id is no text")
        product = _codes(rows.column("product"), self._product_of)
        part = _Part(
            rows.place,
            ids,
            integers(rows.column("seq")),
            product,
            _codes(rows.column("zone"), self._zone_of),
            _codes(rows.column("side"), SIDES),
            self._ticks.counts(rows.column("price"), product),
            self._lots.counts(rows.column("quantity"), product),
        )
        in_range = (abs(part.seq) < LARGEST) & (part.quantity > 0) & (part.quantity < LARGEST)
        in_range &= (self._low[product] <= part.price) & (part.price <= self._high[product])
        if not in_range.all():
            raise ValueError("out of range")
        return part

    def _careful(self, rows: Rows) -> _Part:
        ids, numbers = [], []
        for k in range(len(rows)):
            id, *row = self._order(Fields(rows.row(k), rows.place.of(k)))
            ids.append(id)
            numbers.append(row)
        return _Part(rows.place, ids, *np.array(numbers, np.int64).T)

    def _order(self, f: Fields) -> tuple[str, int, int, int, int, int, int]:
        place = self._product_of[f.known("product", self._product_of)]
        product, zone = self._products[place], f.known("zone", self._zone_of)
        if f.text("side") not in SIDES:
            raise f.fault("side", f"is one of {', '.join(SIDES)}")
        price = f.steps("price", product.tick, "tick")
        if not product.min_price <= price <= product.max_price:
            limits = f"{product.price_text(product.min_price)} to {product.price_text(product.max_price)}"
            raise f.fault("price", f"is outside the product's limits {limits}")
        quantity = f.steps("quantity", product.lot, "lot")
        if quantity <= 0:
            raise f.fault("quantity", "must be greater than zero")
        side = SIDES[f.text("side")]
        return f.text("id"), f.integer("seq"), place, self._zone_of[zone], side, price, quantity

    def tables(self) -> dict[str, OrderTable]:
        """All orders by product id. CaseError when an id or a sequence number stands twice."""
        ids = list(chain.from_iterable(part.id for part in self._parts))
        numbers = np.concatenate(
            [np.zeros((6, 0), np.int64), *(part.numbers for part in self._parts)], axis=1
        )
        if len(set(ids)) < len(ids):
            self._twice("id", ids)
        at = np.lexsort(numbers[:2])  # by product, then sequence
        seq, product, zone, buys, price, quantity = (column[at] for column in numbers)
        if not np.diff(np.sort(seq)).all():
            self._twice("seq", numbers[0].tolist())
        ends = np.searchsorted(product, np.arange(len(self._products) + 1))
        found, wishes = {}, self._wishes.all()
        for k, name in enumerate(self._product_of):
            own = slice(ends[k], ends[k + 1])
            if _too_many(quantity[own]):
                raise CaseError("orders", f"{name}: together 2**53 lots or more; use a larger lot")
            found[name] = OrderTable(
                name, self._zones, list(map(ids.__getitem__, at[own].tolist())), seq[own], zone[own],
                buys[own].astype(np.bool_), price[own], quantity[own],
                wishes.of(at[own]) if wishes else None,
            )  # fmt: skip
        return found

    def _twice(self, name: str, values: Sequence[object]) -> None:
        """Name the first row whose value stood in a row before."""
        seen: set[object] = set()
        k = 0
        while values[k] not in seen:
            seen.add(values[k])
            k += 1
        value = values[k]
        shown = repr(value) if isinstance(value, str) else value
        for part in self._parts:
            if k < len(part.id):
                raise CaseError(f"{part.place.of(k)}{name}", f"{shown} stands twice")
            k -= len(part.id)


def _too_many(quantity: IntArray) -> bool:
    """Whether all together are not below 2⁵³, also where their sum does not fit into 64 bits."""
    return float(quantity.sum(dtype=np.float64)) >= 2 * LARGEST or int(quantity.sum()) >= LARGEST


def _codes(values: Sequence[str], place: Mapping[str, int]) -> IntArray:
    return np.fromiter(map(place.__getitem__, values), np.int64, len(values))
