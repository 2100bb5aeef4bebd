"""What customs asks of a declaration: the duty, and who has to look at it. Pure.

The duty goes to the account the caller names; the rules are data, the first that fits decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from tradelane.market.units import PPM, Money, rounded


class Channel(StrEnum):
    """Green: released at once. Yellow: papers are examined. Red: the goods are."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class DeclarationState(StrEnum):
    RELEASED = "released"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Rule:
    """Sends what it fits to ``channel``; an empty field fits everything. ``hs_prefix`` without dots."""

    channel: Channel
    hs_prefix: str = ""
    origin: str = ""
    destination: str = ""

    def fits(self, hs_code: str, origin: str, destination: str) -> bool:
        return (
            hs_code.replace(".", "").startswith(self.hs_prefix)
            and self.origin in ("", origin)
            and self.destination in ("", destination)
        )


RULES = (Rule(Channel.GREEN),)
"""In force now: everything is released at once."""


def assess(value: Money, duty_ppm: int) -> Money:
    """Ad-valorem duty on ``value``, rounded once to the nearest nano-unit, halves away from zero."""
    return Money(rounded(Fraction(value.nano * duty_ppm, PPM)), value.currency)


def channel(hs_code: str, origin: str, destination: str, rules: tuple[Rule, ...] = RULES) -> Channel:
    """The first fitting rule's channel; red when none fits."""
    fitting = (rule.channel for rule in rules if rule.fits(hs_code, origin, destination))
    return next(fitting, Channel.RED)


def state(channel: Channel) -> DeclarationState:
    """What a declaration becomes as soon as it is assessed."""
    return DeclarationState.RELEASED if channel is Channel.GREEN else DeclarationState.HELD
