"""What a result states of single orders, held against the case: fills, and trades that must add up to them.

A part in which every row is plainly right is checked by column; any other is read again row by row, by the
careful reader, which takes each row, tells what does not hold, or names the malformed field.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, repeat

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.fields import LARGEST, Fields
from tradelane.market.order_rows import UNUSUAL
from tradelane.market.order_table import OrderTable
from tradelane.market.product import Product
from tradelane.market.rows import Rows
from tradelane.market.steps import Scales
from tradelane.market.units import MILLI

PARTIES = (("seller", "quantity"), ("buyer", "received"))
"""The sides of a trade and the lots that count for each."""


class Numbered:
    """All orders of a case under numbers, product after product; accepted blocks stand among them."""

    def __init__(
        self, products: Sequence[Product], tables: Mapping[str, OrderTable], blocks: Collection[str]
    ) -> None:
        self.products = tuple(products)
        self.tables = [tables[p.id] for p in products]
        self.first = np.cumsum([0, *map(len, self.tables)])
        self.product = np.repeat(np.arange(len(self.tables)), np.diff(self.first))
        self.quantity = np.concatenate([table.quantity for table in self.tables])
        self.buys = np.concatenate([table.buys for table in self.tables])
        self.places = {p.id: k for k, p in enumerate(products)}
        self.blocks: dict[str, dict[str, int]] = {block: {} for block in blocks}
        names = chain.from_iterable(table.id for table in self.tables)
        self.number = dict(zip(names, range(len(self.product)), strict=True))
        for k, table in enumerate(self.tables if blocks else ()):
            for j in [j for j, id in enumerate(table.id) if id in self.blocks]:
                self.blocks[table.id[j]][table.product] = int(self.first[k]) + j
        for block in blocks:
            self.number.pop(block, None)
        self.lots = Scales([p.lot for p in products])
        self.prices = Scales([p.tick / MILLI for p in products])

    def __len__(self) -> int:
        return len(self.product)

    def name(self, number: int) -> tuple[str, str]:
        """Product and order id."""
        table = int(self.product[number])
        return self.products[table].id, self.tables[table].id[number - int(self.first[table])]


class Fills:
    """Stated fills, lots by number; accepted blocks are filled as they are accepted."""

    def __init__(self, orders: Numbered) -> None:
        self._orders = orders
        self.lots = np.zeros(len(orders), np.int64)
        self._seen = np.zeros(len(orders), np.bool_)
        for numbers in orders.blocks.values():
            at = list(numbers.values())
            self.lots[at] = orders.quantity[at]

    def of(self, product: str) -> IntArray:
        """The fills of one product, as its table has them."""
        first = self._orders.first[self._orders.places[product] :]
        return self.lots[first[0] : first[1]]

    def add(self, rows: Rows) -> None:
        """CaseError when one of ``rows`` is malformed."""
        try:
            self._plain(rows)
        except UNUSUAL:
            for k in range(len(rows)):
                self._careful(Fields(rows.row(k), rows.place.of(k)))

    def _plain(self, rows: Rows) -> None:
        names = rows.column("order")
        at = np.fromiter(map(self._orders.number.__getitem__, names), np.int64, len(names))
        lots = self._orders.lots.counts(rows.column("quantity"), self._orders.product[at])
        if self._seen[at].any() or not np.diff(np.sort(at)).all() or (abs(lots) >= LARGEST).any():
            raise ValueError("a row has a fault")
        self._seen[at] = True
        self.lots[at] = lots

    def _careful(self, f: Fields) -> None:
        name = f.text("order")
        if name not in self._orders.number:
            raise f.fault("order", f"{name!r} is not in the case")
        at = self._orders.number[name]
        if self._seen[at]:
            raise f.fault("order", f"{name!r} stands twice")
        self._seen[at] = True
        self.lots[at] = f.steps("quantity", self._orders.products[self._orders.product[at]].lot, "lot")


class Traded:
    """Stated trades: at the prices of their zones, and for each order as many lots as it is filled.

    Where a lane itself stands in (``lane:…``) its side is not checked.
    """

    def __init__(self, orders: Numbered, prices: Mapping[tuple[str, str], int]) -> None:
        self._orders = orders
        self._lots = np.zeros(len(orders), np.int64)
        self._much = np.zeros(len(orders))
        self._found: list[str] = []
        self._price = np.zeros(len(orders), np.int64)
        self._zones = [
            (table.zones, first) for table, first in zip(orders.tables, orders.first, strict=False)
        ]
        for table, first in zip(orders.tables, orders.first.tolist(), strict=False):
            quoted = np.array([prices[table.product, zone] for zone in table.zones], np.int64)
            self._price[first : first + len(table)] = quoted[table.zone]

    def add(self, rows: Rows) -> None:
        """CaseError when one of ``rows`` is malformed."""
        try:
            found = [self._plain(rows, party, amount) for party, amount in PARTIES]
        except UNUSUAL:
            found = [self._careful(rows, k) for k in range(len(rows))]
        for at, lots in found:
            np.add.at(self._lots, at, lots)
            np.add.at(self._much, at, np.abs(lots))

    def _plain(self, rows: Rows, party: str, amount: str) -> tuple[IntArray, IntArray]:
        """Numbers and lots of one side."""
        orders, names = self._orders, rows.column(party)
        at = np.fromiter(map(orders.number.get, names, repeat(-1)), np.int64, len(names))
        columns = [rows.column(name) for name in ("product", amount, f"{party}_price")]
        if at.min() < 0:
            others = [name for name, k in zip(names, at.tolist(), strict=True) if k < 0]
            if not all(isinstance(name, str) and name.startswith("lane:") for name in others):
                raise ValueError("not in the case, or a block")
            own = np.flatnonzero(at >= 0).tolist()
            at, columns = at[own], [[column[k] for k in own] for column in columns]
        product = orders.product[at]
        if list(map(orders.places.__getitem__, columns[0])) != product.tolist():
            raise ValueError("of another product")
        lots, price = orders.lots.counts(columns[1], product), orders.prices.counts(columns[2], product)
        wrong = (lots < 0) | (lots >= LARGEST) | (price != self._price[at])
        wrong |= orders.buys[at] != (party == "buyer")
        if wrong.any():
            raise ValueError("a row has a fault")
        return at, lots

    def _careful(self, rows: Rows, k: int) -> tuple[IntArray, IntArray]:
        """Numbers and lots of both sides of one trade."""
        f, found = Fields(rows.row(k), rows.place.of(k)), []
        for party, amount in PARTIES:
            name = f.text(party)
            if name not in self._orders.number and name not in self._orders.blocks:
                if name.startswith("lane:"):
                    continue
                raise f.fault(party, f"{name!r} is not in the case")
            if self._orders.blocks.get(name) == {}:
                self._found.append(f"{f.where}{party}: block {name} is not accepted")
                continue
            at = self._of_product(f, name)
            product = self._orders.products[self._orders.product[at]]
            lots = f.steps(amount, product.lot, "lot")
            price = f.steps(f"{party}_price", product.tick / MILLI, "thousandth of a tick,")
            if lots < 0:
                self._found.append(f"{f.where}{amount}: below zero")
            if price != self._price[at]:
                self._found.append(f"{f.where}{party}_price: is not the price of {self._zone(at)}")
            if self._orders.buys[at] != (party == "buyer"):
                self._found.append(f"{f.where}{party}: {name} is on the other side")
            found.append((at, lots))
        both = np.array(found, np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    def _of_product(self, f: Fields, name: str) -> int:
        """The number of the order that a trade is of; a block has one for each of its products."""
        numbers = self._orders.blocks.get(name)
        if numbers is None:
            at = self._orders.number[name]
            numbers = {self._orders.name(at)[0]: at}
        if len(numbers) == 1 and "product" not in f.row:
            return next(iter(numbers.values()))
        if f.text("product") not in numbers:
            raise f.fault("product", f"{f.text('product')!r} is not what is traded here")
        return numbers[f.text("product")]

    def _zone(self, number: int) -> str:
        table = self._orders.tables[k := int(self._orders.product[number])]
        return table.zones[int(table.zone[number - self._orders.first[k]])]

    def problems(self, fills: Fills) -> list[str]:
        """What does not hold of all trades together."""
        odd = np.flatnonzero((self._lots != fills.lots) | (self._much >= 2.0**62))
        names = sorted(map(self._orders.name, odd.tolist()))
        return self._found + [f"trades: order {id} is not traded as it is filled" for _, id in names]
