"""A JSON document whose long lists are read by column, a part at a time, and never stand there as objects."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from tradelane.market.fields import HALF, no_float, read_json
from tradelane.market.rows import PART, ListRows, Place, Rows, Table, TableRows

_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_decoder = json.JSONDecoder(parse_float=no_float, parse_constant=no_float)
BLOCK = 1 << 17
"""Characters of a list that are taken apart together: about as many rows as in a part."""


def read_document(text: str, long: Collection[str]) -> object:
    """As ``read_json``, but the lists named ``long`` in the outermost object are Tables. CaseError."""
    if HALF.search(text):
        return read_json(text)
    try:
        return _Reader(text).document(long)
    except (ValueError, RecursionError):
        return read_json(text)  # no object, or not JSON: it says what is wrong


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def document(self, long: Collection[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._expect("{")
        while not self._took("}"):
            if found:
                self._expect(",")
            name = self._value()
            if type(name) is not str:
                raise ValueError("a field begins with its name")
            self._expect(":")
            found[name] = self._table(name) if name in long and self._took("[") else self._value()
        self._skip()
        if self.at != len(self.text):
            raise ValueError("more text after the document")
        return found

    def _table(self, name: str) -> Table:
        parts: list[Rows] = []
        if self._took("]"):
            return Table(parts)
        first, more = 0, True
        while more:
            values, more = self._lines() or self._values()
            parts.append(TableRows.of(ListRows(Place(name, first), values)))
            first += len(values)
        self._expect("]")
        return Table(parts)

    def _lines(self) -> tuple[list[Any], bool] | None:
        """The values on the lines that come next; None unless the last of them ends with its comma."""
        end = self.text.rfind(",\n", self.at, self.at + BLOCK)
        if end < 0:
            return None
        try:
            values = _decoder.decode(f"[{self.text[self.at : end]}]")
        except ValueError:
            return None
        if not values:
            return None
        self.at = end + 1
        return values, True

    def _values(self) -> tuple[list[Any], bool]:
        """Some values, one by one, and whether a comma says that there are more."""
        values: list[Any] = []
        more: re.Match[str] | None = _SPACE.match(self.text, self.at)
        while more is not None and len(values) < PART:
            value, self.at = _decoder.raw_decode(self.text, more.end())
            values.append(value)
            more = _COMMA.match(self.text, self.at)
            self.at = more.end() if more is not None else self.at
        return values, more is not None

    def _value(self) -> Any:
        self._skip()
        value, self.at = _decoder.raw_decode(self.text, self.at)
        return value

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _took(self, sign: str) -> bool:
        self._skip()
        found = self.text.startswith(sign, self.at)
        self.at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._took(sign):
            raise ValueError(f"expected {sign}")
