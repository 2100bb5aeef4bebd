"""Time, quantity and money as integers.

Always true: instants are Unix milliseconds in UTC, intervals are half-open, money is a whole number of
nano-units of an ISO 4217 currency. Text becomes an integer exactly or is refused; nothing here rounds
unless its name says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction

NANO = 1_000_000_000
PPM = 1_000_000
MILLI = 1_000
"""A clearing price is held in thousandths of the product's tick (milliticks)."""
MINUTE = 60_000
"""Milliseconds in a minute."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Half-open span of time ``[start, end)`` in Unix milliseconds, UTC. Written ISO 8601 start/duration."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("an interval ends after it starts")

    def __contains__(self, instant: int) -> bool:
        return self.start <= instant < self.end

    def __str__(self) -> str:
        minutes, rest = divmod(self.end - self.start, MINUTE)
        if rest:
            raise ValueError("only whole minutes have a written form")
        return f"{iso(self.start)}/PT{minutes}M"

    @classmethod
    def at(cls, instant: int, length: int) -> Interval:
        """The interval of ``length`` ms that holds ``instant``, counted from the epoch."""
        start = instant - instant % length
        return cls(start, start + length)

    def shifted(self, steps: int) -> Interval:
        """The interval ``steps`` lengths later (earlier when negative)."""
        length = self.end - self.start
        return Interval(self.start + steps * length, self.end + steps * length)


def iso(instant: int) -> str:
    """``2026-06-21T10:00Z`` for whole minutes, with seconds (and milliseconds) where there are any."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)
    spec = "minutes" if instant % MINUTE == 0 else "seconds" if instant % 1000 == 0 else "milliseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def instant(text: str) -> int:
    """Unix milliseconds of an ISO 8601 instant with an offset; ValueError when it has none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
LONGEST_DECIMAL = 400
"""Characters. Longer ones, or larger exponents, are no amount but an attempt to keep us busy."""


def decimal(text: str) -> Decimal:
    """A finite decimal from text; ValueError otherwise. Floats are refused: they carry no exact value."""
    if not isinstance(text, str):
        raise ValueError(f"expected a decimal string, got {text!r}")
    if len(text) > LONGEST_DECIMAL:
        raise ValueError(f"a number has at most {LONGEST_DECIMAL} characters")
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number")
    return Decimal(text)


_WIDE = Context(prec=2 * LONGEST_DECIMAL)
"""Wide enough that a quotient of two amounts which is whole is exact."""


def whole(value: Decimal | Fraction, step: Decimal | Fraction) -> int:
    """How many whole ``step`` make ``value``; ValueError when it is not a whole number of steps."""
    if isinstance(value, Decimal) and isinstance(step, Decimal):
        found = _WIDE.divide(value, step)
        if found == found.to_integral_value() and _WIDE.multiply(found, step) == value:
            return int(found)
    count = Fraction(value) / Fraction(step)
    if count.denominator != 1:
        raise ValueError(f"{value} is not a multiple of {step}")
    return int(count)


def plain(value: Decimal) -> str:
    """A decimal without exponent or trailing zeros; never ``-0``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in nano-units (10⁻⁹) of an ISO 4217 currency; a decimal string in JSON."""

    nano: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Exact; ValueError when the text has more than nine decimals."""
        return cls(whole(decimal(text), Decimal("1e-9")), currency)

    def __str__(self) -> str:
        return plain(Decimal(self.nano).scaleb(-9))

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.nano + other.nano, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.nano - other.nano, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.nano, self.currency)

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")


def rounded(value: Fraction) -> int:
    """Nearest integer, halves away from zero: the rule for valuing money."""
    doubled = 2 * abs(value.numerator) + value.denominator
    magnitude = doubled // (2 * value.denominator)
    return magnitude if value >= 0 else -magnitude


def exact(value: Fraction) -> str:
    """A fraction whose denominator is a product of 2s and 5s, as a plain decimal string."""
    twos = fives = 0
    denominator = value.denominator
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if denominator != 1:
        raise ValueError(f"{value} has no finite decimal form")
    places = max(twos, fives)
    digits = value.numerator * 2 ** (places - twos) * 5 ** (places - fives)
    return plain(Decimal(f"{digits}E-{places}"))
