"""Who trades through an e-hub, how well it is known, and how much may leave its accounts. Pure.

The limits are dated data from ``rules/levels.toml``. Before the first rule of a level is in force there is no
limit. Whoever is not registered counts as :data:`LOWEST`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tradelane.market.units import Money
from tradelane.settlement.policy import Trader

KEY_BYTES = 32
"""Of a raw Ed25519 public key, RFC 8032."""
ANY_CURRENCY = "*"


class Level(StrEnum):
    """What is known of a member, in rising order."""

    ANONYMOUS_SMALL = "anonymous-small"
    VERIFIED = "verified"
    BUSINESS = "business"

    def is_above(self, other: Level) -> bool:
        order = list(Level)
        return order.index(self) > order.index(other)


LOWEST = Level.ANONYMOUS_SMALL


@dataclass(frozen=True, slots=True)
class Member:
    """``asked`` is the level the member wants; ``employees`` work there, the owner apart; ``owner_born`` a
    year, None where nobody said; ``suspended`` why it may not move money, None while it may."""

    id: str
    public_key: bytes
    name: str
    currency: str
    level: Level
    asked: Level
    employees: int
    owner_born: int | None
    suspended: str | None
    registered_at: int

    @property
    def trader(self) -> Trader:
        """As the platform's policy looks at it: of a year its last day, in the young owner's favour."""
        return Trader(self.employees, None if self.owner_born is None else date(self.owner_born, 12, 31))


@dataclass(frozen=True, slots=True)
class LevelRule:
    """``contract`` and ``day``: currency → nano-units that may leave for a contract, and in a day."""

    level: Level
    source: str
    valid_from: date
    contract: Mapping[str, int]
    day: Mapping[str, int]
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@cache
def rules() -> tuple[LevelRule, ...]:
    """Every limit there is or was."""
    text = files("tradelane.settlement").joinpath("rules/levels.toml").read_text("utf-8")
    return tuple(_rule(**row) for row in tomllib.loads(text)["level"])


def _rule(
    level: str,
    source: str,
    valid_from: date,
    contract: dict[str, str],
    day: dict[str, str],
    valid_to: date | None = None,
) -> LevelRule:
    amounts = _amounts(level, contract), _amounts(level, day)
    return LevelRule(Level(level), source, valid_from, amounts[0], amounts[1], valid_to)


def _amounts(level: str, texts: Mapping[str, str]) -> dict[str, int]:
    assert ANY_CURRENCY in texts, f"levels.toml: {level} has no amount for currencies not listed"
    return {currency: Money.parse(value, currency).nano for currency, value in texts.items()}


class Limits(NamedTuple):
    """The most that may leave an account."""

    contract: Money
    day: Money


def limits(level: Level, currency: str, day: date, known: Iterable[LevelRule] | None = None) -> Limits | None:
    """Of a member's account of a currency on a day; None when no rule is in force."""
    for rule in rules() if known is None else known:
        if rule.level is level and rule.in_force(day):
            amounts = (
                Money(table.get(currency, table[ANY_CURRENCY]), currency)
                for table in (rule.contract, rule.day)
            )
            return Limits(*amounts)
    return None


def day_of(at: int) -> date:
    """The UTC day of an instant in Unix ms, on which limits are counted."""
    return datetime.fromtimestamp(at // 1000, UTC).date()
