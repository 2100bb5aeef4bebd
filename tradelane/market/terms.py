"""On what terms an order trades: what becomes of its rest, how much of it shows, until when, from when.

A stop order is any kind with a ``trigger``: it waits unseen until its zone trades at the trigger or beyond,
then comes as an order of its kind: ``MARKET`` makes a stop, ``LIMIT`` a stop-limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradelane.market.order import Refusal
from tradelane.market.product import Product


class Kind(StrEnum):
    """What becomes of the part of an order that finds no counterpart at once."""

    LIMIT = "limit"
    """It rests until filled, cancelled or expired."""
    POST_ONLY = "post_only"
    """It is the whole order, which rests: one that would trade at once is refused."""
    IOC = "ioc"
    """Immediate or cancel: it is cancelled."""
    FOK = "fok"
    """Fill or kill: there must be none, or the whole order is refused."""
    MARKET = "market"
    """It is cancelled, and the order's price means nothing: it trades up to the collar."""

    @property
    def rests(self) -> bool:
        return self is Kind.LIMIT or self is Kind.POST_ONLY


@dataclass(frozen=True, slots=True)
class Terms:
    """``display`` lots show at a time (iceberg; 0: all); good ``until`` an instant in ms, not included
    (None: until cancelled); waits for a trade at ``trigger`` ticks (None: does not wait).
    """

    display: int = 0
    until: int | None = None
    trigger: int | None = None

    def refusal(self, kind: Kind, product: Product, now: int) -> Refusal | None:
        """The first reason to refuse these terms at instant ``now`` (ms), or None."""
        if self.display < 0:
            return Refusal.DISPLAY_NEGATIVE
        if (self.display or self.until is not None) and not kind.rests:
            return Refusal.DOES_NOT_REST
        if self.until is not None and self.until <= now:
            return Refusal.ALREADY_EXPIRED
        if self.trigger is not None and not product.min_price <= self.trigger <= product.max_price:
            return Refusal.TRIGGER_OUT_OF_RANGE
        return None


PLAIN = Terms()
