"""The quick way through a table of orders: a row in which nothing is wrong becomes an Order in a microsecond.

Prices and quantities repeat, so each text is made a number once. A row with anything unusual in it is left to
the careful reader (case.py), which takes it or names its fault.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from decimal import Decimal
from typing import Any

from tradelane.market.fields import LARGEST
from tradelane.market.order import Order, Side
from tradelane.market.product import Product
from tradelane.market.units import decimal, whole

SIDES = {side.value: side for side in Side}


class _Steps(dict[str, int]):
    """Text → whole steps, worked out at the first look; KeyError when it is none, or out of bounds."""

    def __init__(self, step: Decimal, low: int, high: int) -> None:
        super().__init__()
        self._step, self._low, self._high = step, low, high

    def __missing__(self, text: object) -> int:
        try:
            count = whole(decimal(text), self._step)  # type: ignore[arg-type]  # it refuses what is no text
        except ValueError:
            raise KeyError(text) from None
        if not self._low <= count <= self._high:
            raise KeyError(text)
        self[str(text)] = count
        return count


class OrderRows:
    def __init__(self, products: Mapping[str, Product], zones: Container[str]) -> None:
        self._zones = zones
        self._scales = {
            p.id: (_Steps(p.tick, p.min_price, p.max_price), _Steps(p.lot, 1, LARGEST - 1))
            for p in products.values()
        }

    def read(self, row: object) -> Order | None:
        """The order in ``row``; None when it is not plainly one."""
        try:
            return self._read(row)
        except (KeyError, TypeError):
            return None

    def _read(self, row: Any) -> Order | None:
        id, seq, zone = row["id"], row["seq"], row["zone"]
        if type(seq) is str and seq.isascii() and seq.isdigit() and len(seq) < 16:
            seq = int(seq)
        if type(id) is not str or not id or type(seq) is not int or zone not in self._zones:
            return None
        if not -LARGEST < seq < LARGEST:
            return None
        price, quantity = self._scales[row["product"]]
        return Order(
            id,
            seq,
            "",
            row["product"],
            zone,
            SIDES[row["side"]],
            price[row["price"]],
            quantity[row["quantity"]],
        )
