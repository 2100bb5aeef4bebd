"""What a configuration's values may be: amounts as text, instants, names, addresses."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

from tradelane.market.units import decimal, instant
from tradelane.meter.modbus_url import address
from tradelane.meter.push_url import push_address, speaks_by_itself


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f'a price is written as text: "{value}", not {value}')
    return decimal(value)


def _instant(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError('an instant is written as text: "2026-06-21T10:00Z"')
    try:
        return instant(value)
    except ValueError:
        raise ValueError(f'{value!r} is not an instant such as "2026-06-21T10:00Z"') from None


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be greater than zero")
    return value


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise ValueError("must not be negative")
    return value


def divides_the_day(minutes: int) -> int:
    if 1440 % minutes:
        raise ValueError("must divide a day: 5, 10, 15, 30, 60 …")
    return minutes


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("names one twice")
    return names


def _line_url(text: str) -> str:
    push_address(text) if speaks_by_itself(text) else address(text)
    return text


def _database(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"postgresql://[^/]*/[^/?]+(\?.*)?", url.get_secret_value()):
        raise ValueError("is not postgresql://user@host/database")  # not told: it may hold a password
    return url


def shaped(pattern: str, words: str) -> AfterValidator:
    """Text that matches ``pattern`` whole; ``words`` say what it should have been."""
    shape = re.compile(pattern)

    def check(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(f"{text!r} is not {words}")
        return text

    return AfterValidator(check)


Amount = Annotated[Decimal, BeforeValidator(_decimal)]
Positive = Annotated[Amount, AfterValidator(_positive)]
NotNegative = Annotated[Amount, AfterValidator(_not_negative)]
Instant = Annotated[int, BeforeValidator(_instant)]
Id = Annotated[
    str, shaped(r"[A-Za-z0-9][A-Za-z0-9._:>-]{0,63}", "an id (at most 64 letters, digits and . _ : > -)")
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Currency = Annotated[str, shaped("[A-Z]{3}", 'an ISO 4217 currency code such as "EUR"')]
Url = Annotated[str, shaped(r"https?://[^\s/]+\S*", "an http:// or https:// address")]
Country = Annotated[str, shaped("[A-Z]{2}", 'a country by ISO 3166 such as "NL"')]
HsCode = Annotated[str, shaped("[0-9]{6}([0-9]{2}){0,2}", "an HS code of 6, 8 or 10 digits")]
LineUrl = Annotated[str, AfterValidator(_line_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
Names = Annotated[tuple[Id, ...], Field(max_length=16), AfterValidator(_distinct)]
Level = Annotated[str, shaped("[A-Za-z0-9_-]{1,64}", "one level of a topic (letters, digits and _ -)")]
Ppm = Annotated[int, Field(ge=0, lt=1_000_000)]
Port = Annotated[int, Field(ge=0, le=65_535)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
