"""JSON read and written without losing a digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.settlement.exact_json import DEEPEST, dumps, loads

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12)
SCALARS = st.none() | st.booleans() | st.text() | NUMBERS
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert loads(dumps(value).encode()) == value
    json.loads(dumps(value))


def test_numbers_keep_their_value() -> None:
    assert dumps(loads(b'{"a": 0.1, "b": 12345678901234567890.123, "c": 1e3, "d": -0.0}')) == (
        '{"a":0.1,"b":12345678901234567890.123,"c":1000,"d":0}'
    )
    assert loads(b"0.30") == Decimal("0.30")


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"[Infinity]",
        b"1e99999",
        b"1" * 401,
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2),
        b"[" * 100_000,
        b'"\xff"',
        b"{",
        b"",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        loads(text)
