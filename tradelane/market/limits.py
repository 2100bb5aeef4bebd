"""What one member may have in a market, and what it has."""

from __future__ import annotations

from dataclasses import dataclass

from tradelane.market.order import Refusal

UNLIMITED = 1 << 62
"""More than any market holds."""


class Account:
    """A member's open ``orders`` in one market, stops included, and the ``lots`` still open in them."""

    __slots__ = ("lots", "orders")

    def __init__(self, orders: int = 0, lots: int = 0) -> None:
        self.orders = orders
        self.lots = lots


@dataclass(frozen=True, slots=True)
class Limits:
    """Most lots in one order; most open orders, and lots open in them, of one member.

    They are counted as if the whole order were to rest, also for one that never does: what it may do to
    the member does not depend on what it meets.
    """

    order_lots: int = UNLIMITED
    open_orders: int = UNLIMITED
    open_lots: int = UNLIMITED

    def refusal(self, account: Account, lots: int) -> Refusal | None:
        """Why a member with this account may not have another order of ``lots``, or None."""
        if lots > self.order_lots:
            return Refusal.ORDER_TOO_LARGE
        if account.orders >= self.open_orders:
            return Refusal.TOO_MANY_OPEN_ORDERS
        if account.lots + lots > self.open_lots:
            return Refusal.TOO_MANY_OPEN_LOTS
        return None


NO_LIMITS = Limits()
