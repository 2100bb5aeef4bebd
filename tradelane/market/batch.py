"""Many orders of one product and zone as numpy columns: what the auction works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tradelane.market.order import Order, Side

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """One side of one zone's orders as equal-length int64 columns, in sequence order.

    ``price`` in ticks, ``quantity`` in lots (total below 2⁵³), ``seq`` strictly increasing.
    """

    price: IntArray
    quantity: IntArray
    seq: IntArray

    def __len__(self) -> int:
        return len(self.price)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Columns:
        rows = sorted((o.seq, o.price, o.quantity) for o in orders)
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
        return cls(table[:, 1].copy(), table[:, 2].copy(), table[:, 0].copy())


@dataclass(frozen=True, slots=True)
class OrderBatch:
    """The orders of one product in one zone, sells and buys apart."""

    sells: Columns
    buys: Columns

    @classmethod
    def of(cls, orders: Iterable[Order]) -> OrderBatch:
        rows = list(orders)
        return cls(
            Columns.of(o for o in rows if o.side is Side.SELL),
            Columns.of(o for o in rows if o.side is Side.BUY),
        )

    def side(self, side: Side) -> Columns:
        return self.sells if side is Side.SELL else self.buys
