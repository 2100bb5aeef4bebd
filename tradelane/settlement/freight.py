"""Freight lanes as carriers offer them: a price, days under way, a capacity each week. Pure.

Quantities are Decimal in the lane's unit; a week begins on Monday, 00:00 UTC, as in ISO 8601.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tradelane.market.units import MINUTE, rounded
from tradelane.settlement.refusal import Refusals

DAY = 24 * 60 * MINUTE
WEEK = 7 * DAY
FIRST_MONDAY = 4 * DAY
"""5 January 1970."""


class Refusal(Refusals):
    """Why a lane takes no booking, or no offer."""

    NOT_OFFERED = ("lane-not-offered", "lane", "no carrier offers this lane at this time")
    FULL = ("lane-full", "quantity", "more than the lane has left this week")
    WRONG_UNIT = ("wrong-unit", "unit", "the lane is booked in another unit")
    OVERLAP = ("lane-overlap", "valid_from", "another offer of this lane is valid then")


def week_of(at: int) -> int:
    """The instant (ms) at which the week of ``at`` began."""
    return (at - FIRST_MONDAY) // WEEK * WEEK + FIRST_MONDAY


def arrival(at: int, days: int) -> int:
    """When what is booked at ``at`` should be there, ms."""
    return at + days * DAY


def freight(price_nano: int, quantity: Decimal) -> int:
    """Nano-units for ``quantity`` at a price per unit, to the nearest."""
    return rounded(price_nano * Fraction(quantity))


def taken(capacity: Decimal, before: Decimal, quantity: Decimal) -> Decimal | Refusal:
    """What is taken of a week's capacity once ``quantity`` is booked too."""
    after = before + quantity
    return after if after <= capacity else Refusal.FULL
