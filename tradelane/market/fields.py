"""One JSON object read field by field: every fault names the place, nothing is guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradelane.market.units import decimal, plain, whole

LARGEST = 1 << 53
"""Counts of ticks, lots and places stay below it, so that sums of them fit where they are added up."""
HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""What half a character may be written as: alone it is no text, and has no digest."""
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class CaseError(Exception):
    """A malformed case or result: ``where`` is the field at fault, ``reason`` says what is wrong with it."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


class Fields:
    """One JSON object read field by field, knowing where it stands."""

    def __init__(self, row: object, where: str) -> None:
        if not isinstance(row, Mapping):
            raise CaseError(where, "expected an object")
        self.row: Mapping[str, Any] = row
        self.where = where

    def fault(self, name: str, reason: object) -> CaseError:
        return CaseError(f"{self.where}{name}", str(reason))

    def text(self, name: str) -> str:
        value = self.row.get(name)
        if not isinstance(value, str) or not value:
            raise self.fault(name, "missing" if value is None else "expected a text")
        return value

    def known(self, name: str, known: Container[str]) -> str:
        """The id of something that the case has."""
        value = self.text(name)
        if value not in known:
            raise self.fault(name, f"{value!r} is not in this case")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self.row.get(name) is None else self.text(name)

    def decimal(self, name: str, default: str | None = None) -> Decimal:
        try:
            return decimal(self.row.get(name, default))
        except ValueError as reason:
            raise self.fault(name, reason if name in self.row else "missing") from None

    def steps(self, name: str, step: Decimal, of: str) -> int:
        value = self.decimal(name)
        try:
            count = whole(value, step)
        except ValueError:
            raise self.fault(name, f"{plain(value)} is not a multiple of the {of} {plain(step)}") from None
        return self._in_range(name, count)

    def _in_range(self, name: str, count: int) -> int:
        if abs(count) >= LARGEST:
            raise self.fault(name, "is too large to be counted exactly")
        return count

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.row.get(name, default)
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(name, "missing" if value is None else "expected a whole number")
        return self._in_range(name, value)

    def rows(self, name: str) -> Sequence[object]:
        value = self.row.get(name, [])
        if not isinstance(value, list):
            raise self.fault(name, "expected a list")
        return value


def no_float(text: str) -> float:
    raise ValueError(f"{text} is a bare number; write money and energy as a decimal string")


def read_json(text: str) -> object:
    """JSON without floats: they carry no exact amount."""
    try:
        value = json.loads(text, parse_float=no_float, parse_constant=no_float)
        if HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as reason:
        raise CaseError("file", f"not valid JSON for a case: {reason}") from None
