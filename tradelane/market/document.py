"""A JSON document whose long lists are read by column, a part at a time, and never stand there as objects."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from tradelane.market.fields import no_float, read_json
from tradelane.market.rows import PART, ListRows, Place, Rows, Table, TableRows

_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_scan = json.JSONDecoder(parse_float=no_float, parse_constant=no_float).raw_decode


def read_document(text: str, long: Collection[str]) -> object:
    """As ``read_json``, but the lists named ``long`` in the outermost object are Tables. CaseError."""
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
        part: list[Any] = []
        if self._took("]"):
            return Table(parts)
        more: re.Match[str] | None = _SPACE.match(self.text, self.at)
        while more is not None:
            value, self.at = _scan(self.text, more.end())
            part.append(value)
            more = _COMMA.match(self.text, self.at)
            if more is None or len(part) == PART:
                parts.append(TableRows.of(ListRows(Place(name, PART * len(parts)), part)))
                part = []
        self._expect("]")
        return Table(parts)

    def _value(self) -> Any:
        self._skip()
        value, self.at = _scan(self.text, self.at)
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
