"""What the platform asks of small, young and large traders: dated rules from ``rules/policy.toml``. Pure.

The first rule in force that fits a trader decides. A fee is a share of what a settlement leaves a member
with, rounded down, so that it never takes more than came in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from tradelane.market.units import PPM, Money


@dataclass(frozen=True, slots=True)
class Trader:
    """``employees``: people who work there, the owner apart. ``owner_born``: None where nobody said."""

    employees: int
    owner_born: date | None = None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """``employees_below`` people, ``owner_below_years`` of age: None asks nothing. ``low_value`` and
    ``registration`` are words for people."""

    name: str
    source: str
    valid_from: date
    fee_ppm: int
    low_value: str
    registration: str
    valid_to: date | None = None
    employees_below: int | None = None
    owner_below_years: int | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def fits(self, trader: Trader, on: date) -> bool:
        if self.employees_below is not None and trader.employees >= self.employees_below:
            return False
        if self.owner_below_years is None:
            return True
        return trader.owner_born is not None and age(trader.owner_born, on) < self.owner_below_years

    def fee(self, received: Money) -> Money:
        """What is due of ``received``; nothing of what is not above zero."""
        return Money(max(0, received.nano) * self.fee_ppm // PPM, received.currency)

    @property
    def memo(self) -> str:
        """The line of a receipt: which rule, and what it asks."""
        share = f"{self.fee_ppm / 10_000:g} %" if self.fee_ppm else "no"
        return f"{self.name}: {share} platform fee, since {self.valid_from}"


@cache
def rules() -> tuple[PolicyRule, ...]:
    """Every rule there is or was, in the order they are tried."""
    text = files("tradelane.settlement").joinpath("rules/policy.toml").read_text("utf-8")
    return tuple(PolicyRule(**row) for row in tomllib.loads(text)["rule"])


def rule_for(trader: Trader, on: date, known: Iterable[PolicyRule] | None = None) -> PolicyRule:
    """The rule that a trader falls under on a day; LookupError when no rule is in force."""
    for rule in rules() if known is None else known:
        if rule.in_force(on) and rule.fits(trader, on):
            return rule
    raise LookupError(f"no policy is in force on {on}")


def age(born: date, on: date) -> int:
    """Whole years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
