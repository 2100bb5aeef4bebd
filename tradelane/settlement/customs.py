"""The channels of customs, and the one place where a duty is rounded. Pure.

Which channel a consignment goes to stands in ``risk``, what it owes in ``landed``.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

from tradelane.market.units import PPM, Money, rounded


class Channel(StrEnum):
    """Green: released at once. Yellow: papers are examined. Red: the goods are."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def assess(value: Money, duty_ppm: int) -> Money:
    """Ad-valorem duty on ``value``, rounded once to the nearest nano-unit, halves away from zero."""
    return Money(rounded(Fraction(value.nano * duty_ppm, PPM)), value.currency)
