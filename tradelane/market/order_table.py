"""All orders of one product in a case, by column: a tenth of the memory that as many Orders take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.order_wishes import OrderWishes
from tradelane.market.rows import PART
from tradelane.market.wishes import Preferences


@dataclass(frozen=True, eq=False)
class OrderTable:
    """Columns of equal length in sequence order; iterating makes the Orders one by one.

    ``zone`` indexes ``zones``; ``price`` in ticks, ``quantity`` in lots. ``wishes`` is None where no order
    asks to trade with anyone rather than with others.
    """

    product: str
    zones: tuple[str, ...]
    id: Sequence[str]
    seq: IntArray
    zone: IntArray
    buys: npt.NDArray[np.bool_]
    price: IntArray
    quantity: IntArray
    wishes: OrderWishes | None = None

    @classmethod
    def of(cls, product: str, zones: Sequence[str], orders: Iterable[Order]) -> OrderTable:
        rows = sorted(orders, key=lambda o: o.seq)
        place = {zone: k for k, zone in enumerate(zones)}
        return cls(
            product,
            tuple(zones),
            [o.id for o in rows],
            np.array([o.seq for o in rows], np.int64),
            np.array([place[o.zone] for o in rows], np.int64),
            np.array([o.side is Side.BUY for o in rows], np.bool_),
            np.array([o.price for o in rows], np.int64),
            np.array([o.quantity for o in rows], np.int64),
        )

    def __len__(self) -> int:
        return len(self.seq)

    def __iter__(self) -> Iterator[Order]:
        columns = (self.seq, self.zone, self.buys, self.price, self.quantity)
        for id, seq, zone, buys, price, quantity in zip(
            self.id, *(column.tolist() for column in columns), strict=True
        ):
            side = Side.BUY if buys else Side.SELL
            yield Order(id, seq, "", self.product, self.zones[zone], side, price, quantity)

    def joined(self, orders: Iterable[Order]) -> OrderTable:
        """With more orders among them, by sequence."""
        more = OrderTable.of(self.product, self.zones, orders)
        at = np.argsort(np.concatenate([self.seq, more.seq]), kind="stable")
        ids = [*self.id, *more.id]
        return OrderTable(
            self.product,
            self.zones,
            [ids[k] for k in at.tolist()],
            np.concatenate([self.seq, more.seq])[at],
            np.concatenate([self.zone, more.zone])[at],
            np.concatenate([self.buys, more.buys])[at],
            np.concatenate([self.price, more.price])[at],
            np.concatenate([self.quantity, more.quantity])[at],
            self.wishes.with_silent(len(more), at) if self.wishes else None,
        )

    @cached_property
    def sides(self) -> dict[str, tuple[IntArray, IntArray]]:
        """Places of the sells and of the buys of each zone, in sequence order."""
        key = 2 * self.zone + self.buys
        at = np.argsort(key.astype(np.min_scalar_type(2 * len(self.zones))), kind="stable")
        ends = np.cumsum(np.bincount(key, minlength=2 * len(self.zones)))[:-1]
        parts = np.split(at, ends)
        return {zone: (parts[2 * z], parts[2 * z + 1]) for z, zone in enumerate(self.zones)}

    def batch(self, zone: str) -> OrderBatch:
        """The orders of one zone as the auction takes them."""
        sells, buys = self.sides[zone]
        return OrderBatch(self._columns(sells), self._columns(buys))

    def preferences(self, zones: Iterable[str]) -> Preferences | None:
        """The wishes of the sells and buys of these zones, one zone after another."""
        if self.wishes is None:
            return None
        sells, buys = zip(*(self.sides[zone] for zone in zones), strict=True)
        return self.wishes.preferences(np.concatenate(sells), np.concatenate(buys))

    def lines(self) -> Iterator[str]:
        """The orders as the case digest holds them, some thousands of lines at a time."""
        middle = [
            f"\x1f{self.product}\x1f{zone}\x1f{side.value}\x1f"
            for zone in self.zones
            for side in (Side.SELL, Side.BUY)
        ]
        keys = 2 * self.zone + self.buys
        for k in range(0, len(self), PART):
            part = slice(k, k + PART)
            columns = (self.seq, keys, self.price, self.quantity)
            seq, key, price, quantity = (column[part].tolist() for column in columns)
            rows = zip(seq, self.id[part], map(middle.__getitem__, key), price, quantity, strict=True)
            yield "".join([f"{s}\x1f{id}{m}{p}\x1f{q}\n" for s, id, m, p, q in rows])
        if self.wishes is not None:
            yield from self.wishes.lines(self.seq)

    def _columns(self, at: IntArray) -> Columns:
        return Columns(self.price[at], self.quantity[at], self.seq[at])
