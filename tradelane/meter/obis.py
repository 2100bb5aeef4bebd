"""OBIS codes, what a meter tells by them, and the values of a reading made of that by obis.toml. Pure.

Always true: what is told but cannot be read makes its value unknown, and so does what is told twice and not
alike; nothing becomes 0 that was not told as 0.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tradelane.meter.reading import LARGEST, Value, at_the_door

NOW = 255
"""F of what is true now; others are of past periods."""
UNITS = {27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 35: "V", 44: "Hz", 255: ""}
"""Units by the number they have in DLMS and SML."""
_KILO = {"kW": "W", "kWh": "Wh", "kVA": "VA", "kvar": "var"}
_UNIT_OF = {"w": "W", "wh": "Wh", "v": "V", "a": "A", "hz": "Hz", "factor": ""}
"""By the last part of a value's name."""


class Obis(NamedTuple):
    """Medium, channel, quantity, kind, tariff, period."""

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int = NOW

    def __str__(self) -> str:
        return f"{self.a}-{self.b}:{self.c}.{self.d}.{self.e}*{self.f}"

    @property
    def short(self) -> str:
        return f"{self.c}.{self.d}.{self.e}"

    @property
    def present(self) -> bool:
        """Whether it is of electricity, of the meter as a whole, and of now."""
        return self.a == 1 and self.b in (0, 1) and self.f == NOW


@dataclass(frozen=True, slots=True)
class Quantity:
    """``number`` × 10^``exponent`` in ``unit`` (``UNITS``, or with kilo)."""

    number: int
    exponent: int
    unit: str

    @property
    def value(self) -> Fraction:
        """Exact, in ``unit``."""
        return Fraction(self.number) * Fraction(10) ** self.exponent

    def within(self, unit: str) -> Fraction | None:
        """Exact, in ``unit`` without kilo; None when it is of another unit, or no meter measures so much."""
        found = self.value * 1000 if _KILO.get(self.unit) == unit else self.value
        known = unit in (self.unit, _KILO.get(self.unit))
        return found if known and abs(found) < LARGEST else None


Told = Mapping[Obis, Quantity | None]
"""What one frame tells; None: told, but not to be read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """See obis.toml: ``plus`` codes are added up, ``minus`` is taken off."""

    value: str
    plus: tuple[str, ...]
    minus: str | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        return self.plus if self.minus is None else (*self.plus, self.minus)

    def of(self, told: Mapping[str, Fraction | None]) -> Fraction | None:
        """From the codes that are told, of which there is at least one."""
        parts = [told[code] for code in self.plus if code in told]
        if any(part is None for part in parts):
            return None
        total = sum((part for part in parts if part is not None), Fraction())
        if self.minus is None:
            return total
        if parts and self.minus in told:
            less = told[self.minus]
            return None if less is None else total - less
        alone = total if parts else told[self.minus]
        if not alone:
            return None
        return alone if parts else -alone


@cache
def rules() -> tuple[Rule, ...]:
    """Of obis.toml, in its order."""
    body = tomllib.loads(files("tradelane.meter").joinpath("obis.toml").read_text("utf-8"))
    return tuple(_rule(one) for one in body["rule"])


def _rule(body: Mapping[str, str | list[str]]) -> Rule:
    plus = body.get("net") or body.get("plus") or body["sum"]
    minus = body.get("minus")
    assert minus is None or isinstance(minus, str)
    return Rule(str(body["value"]), (plus,) if isinstance(plus, str) else tuple(plus), minus)


def values(told: Told) -> dict[str, Value]:
    """By the names a reading has; a name is missing when nothing was told of it."""
    found: dict[str, Value] = {}
    for rule in rules():
        if found.get(rule.value) is not None:
            continue
        known = _in_unit(told, rule, _UNIT_OF[rule.value.rpartition("_")[2]])
        if known:
            found[rule.value] = _kept(rule.value, rule.of(known))
    return found


def _in_unit(told: Told, rule: Rule, unit: str) -> dict[str, Fraction | None]:
    known: dict[str, Fraction | None] = {}
    for obis, quantity in told.items():
        if obis.present and obis.short in rule.codes:
            number = None if quantity is None else quantity.within(unit)
            known[obis.short] = number if known.get(obis.short, number) == number else None
    return known


def _kept(name: str, number: Fraction | None) -> Value:
    if number is None or (name.endswith("_wh") and number < 0):
        return None
    return at_the_door(name, number.numerator, number.denominator)
