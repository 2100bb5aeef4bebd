"""A price and a net position → each order's fill.

Strictly inside its limit an order is filled whole, at its limit by the product's rule (time priority, or pro
rata with largest remainders), outside it never. As much as possible is traded at the margin. If the net
position still asks for a few lots (losses are rounded up), units in the money are rejected, nearest to the
price first and latest sequence first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.curve import Margins
from tradelane.market.product import Allocation
from tradelane.market.units import MILLI


class NotBalanced(Exception):
    """The orders cannot meet the net position even with every unit of one side rejected."""


def allocate(
    batch: OrderBatch, price: int, net: int, margins: Margins, rule: Allocation
) -> tuple[IntArray, IntArray]:
    """Fills of sells and buys (lots, aligned with the batch) at ``price`` milliticks and ``net`` export."""
    need = net - (margins.supply_in - margins.demand_in)
    sells_at = max(0, min(margins.supply_at, need + margins.demand_at))
    buys_at = max(0, min(margins.demand_at, sells_at - need))
    tick, fraction = divmod(price, MILLI)
    sells, buys = batch.sells, batch.buys
    sold = sells.quantity * (sells.price < tick + (fraction > 0))
    bought = buys.quantity * (buys.price > tick)
    if not fraction:
        _ration(sold, sells, tick, sells_at, rule)
        _ration(bought, buys, tick, buys_at, rule)
    missing = need - (sells_at - buys_at)
    if missing > 0:
        _reject(bought, buys, missing, nearest=buys.price)
    elif missing < 0:
        _reject(sold, sells, -missing, nearest=-sells.price)
    return sold, bought


def _ration(fill: IntArray, side: Columns, tick: int, amount: int, rule: Allocation) -> None:
    if not amount:
        return
    at = np.flatnonzero(side.price == tick)
    if rule is Allocation.PRO_RATA:
        fill[at] = pro_rata(side.quantity[at], amount)
    else:
        fill[at] = in_time(side.quantity[at], amount)


def in_time(quantity: IntArray, amount: int) -> IntArray:
    """``amount`` lots over ``quantity`` first come, first served."""
    before = np.cumsum(quantity) - quantity
    filled: IntArray = np.clip(amount - before, 0, quantity)
    return filled


def pro_rata(quantity: IntArray, amount: int) -> IntArray:
    """``amount`` lots in proportion to ``quantity``; what is left to the largest remainders, then in time."""
    total = int(quantity.sum())
    if amount >= total:
        return quantity.copy()
    if int(quantity.max()) * amount < 2**63:
        share, rest = np.divmod(quantity * amount, total)
    else:
        exact = quantity.astype(object) * amount
        share, rest = (exact // total).astype(np.int64), (exact % total).astype(np.int64)
    left = amount - int(share.sum())
    share[np.argsort(-rest, kind="stable")[:left]] += 1
    return share


def _reject(fill: IntArray, side: Columns, lots: int, nearest: npt.NDArray[np.int64]) -> None:
    """Take ``lots`` back from filled orders, smallest ``nearest`` first, latest sequence first."""
    filled = np.flatnonzero(fill)
    for k in filled[np.lexsort((-side.seq[filled], nearest[filled]))]:
        taken = min(lots, int(fill[k]))
        fill[k] -= taken
        lots -= taken
        if not lots:
            return
    raise NotBalanced(f"{lots} lots too many")
