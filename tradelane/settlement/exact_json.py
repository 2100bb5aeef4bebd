"""JSON whose numbers stay exact: read as Decimal, written as they are.

Refused, as ValueError: NaN and infinity, numbers that are attempts to keep us busy, text that is no Unicode,
nesting beyond what anybody writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradelane.market.units import decimal, plain

DEEPEST = 32


def loads(text: bytes) -> Any:
    """The value with its numbers as Decimal. Raises ValueError."""
    try:
        value = json.loads(text, parse_float=decimal, parse_int=decimal, parse_constant=_refused)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST}") from None
    _check(value, DEEPEST)
    return value


def dumps(value: Any) -> str:
    """As JSON in ASCII, fields in their order; a Decimal as a number without an exponent."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        inside = (f"{json.dumps(str(name))}:{dumps(one)}" for name, one in value.items())
        return "{" + ",".join(inside) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value)


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _check(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError(f"nested deeper than {DEEPEST}")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        for name, one in value.items():
            _check(name, left)
            _check(one, left - 1)
    elif isinstance(value, list):
        for one in value:
            _check(one, left - 1)
