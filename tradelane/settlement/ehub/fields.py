"""What a field of an e-hub message may hold.

Text becomes an exact value in its one written form, or is refused with a reason for a person.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from tradelane.market.units import NANO, Money, decimal, instant, iso, plain

GREATEST_AMOUNT = 10**9
"""Greatest amount of one message, in whole units of its currency."""
DECIMALS = 9
NO_CURRENCY = "XXX"
"""ISO 4217's code where no currency is involved: an amount is read before its currency is known."""
_PLAIN = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)


def _decimal_text(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError("write it as a decimal string: a JSON number carries no exact value")
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        raise ValueError("write it as plain decimal digits, such as 1.25")
    return value


def _exact(value: str) -> str:
    try:
        money = Money.parse(value, NO_CURRENCY)
    except ValueError:
        raise ValueError(f"at most {DECIMALS} decimals") from None
    if abs(money.nano) > GREATEST_AMOUNT * NANO:
        raise ValueError(f"at most {GREATEST_AMOUNT}")
    return str(money)


def _positive(value: str) -> str:
    if decimal(value) <= 0:
        raise ValueError("must be greater than zero")
    return value


def _not_negative(value: str) -> str:
    if decimal(value) < 0:
        raise ValueError("must not be below zero")
    return value


def _quantity(value: str) -> str:
    return plain(decimal(value))


def _instant(value: str) -> str:
    try:
        return iso(instant(value))
    except OverflowError:
        raise ValueError(f"{value!r} is out of range") from None


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\x21-\x7e]*$", max_length=200)]
"""Printable ASCII without spaces, so that it can stand in a path."""
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=500)]
Name = Annotated[Text, Field(min_length=1)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
HsCode = Annotated[str, Field(pattern=r"^[0-9]{4}(\.?[0-9]{2}){0,3}$")]
Value = Annotated[str, BeforeValidator(_decimal_text), AfterValidator(_exact)]
PositiveValue = Annotated[Value, AfterValidator(_positive)]
NotNegativeValue = Annotated[Value, AfterValidator(_not_negative)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Quantity = Annotated[
    str, BeforeValidator(_decimal_text), AfterValidator(_quantity), AfterValidator(_positive)
]
Instant = Annotated[str, Field(max_length=40), AfterValidator(_instant)]
