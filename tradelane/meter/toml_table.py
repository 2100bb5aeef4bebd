"""A TOML table that knows where it stands, so that its errors can say so.

Always true: a wrong key is noted, not raised, and something harmless stands in for it, so that one look at a
file finds all that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from tradelane.meter.reading import BadProfile


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of one table of ``file``; ``where`` goes before them in errors, which go to ``faults``."""

    file: str
    where: str
    body: Mapping[str, Any]
    faults: list[BadProfile]

    def wrong(self, key: str, reason: str) -> None:
        self.faults.append(BadProfile(self.file, f"{self.where}{key}", reason))

    def only(self, known: Collection[str]) -> None:
        for key in sorted(self.body.keys() - known):
            near = get_close_matches(key, known, 1)
            self.wrong(key, f"unknown key, did you mean {near[0]}?" if near else "unknown key")

    def has(self, key: str) -> bool:
        return key in self.body

    def text(self, key: str, default: str | None = None) -> str:
        value = self.body.get(key, default)
        if isinstance(value, str) and value:
            return value
        self.wrong(key, "expected a text")
        return default or "?"

    def flag(self, key: str) -> bool:
        value = self.body.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "expected true or false")
        return value is True

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.body.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong(key, f"expected a whole number from {low} to {high}")
        return low if default is None else default

    def wholes(self, key: str, high: int) -> tuple[int, ...]:
        """A list of whole numbers from 0 to ``high``; empty when the key is not there."""
        value = self.body.get(key, [])
        if isinstance(value, list) and all(_is_whole(one) and 0 <= one <= high for one in value):
            return tuple(value)
        self.wrong(key, f"expected a list of whole numbers from 0 to {high}")
        return ()

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.body.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        self.wrong(key, "expected a list of texts")
        return ()

    def choice(self, key: str, known: Collection[str], default: str | None = None) -> str:
        value = self.body.get(key, default)
        if isinstance(value, str) and value in known:
            return value
        shown = "missing" if value is None else repr(value)
        self.wrong(key, f"{shown} is not one of {', '.join(sorted(known))}")
        return default if default is not None and default in known else min(known)

    def number(self, key: str, default: Decimal) -> Fraction:
        """Any number but 0."""
        value = self.body.get(key, default)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
            if number.is_finite() and number != 0:
                return Fraction(number)
        self.wrong(key, "expected a number other than 0")
        return Fraction(default)

    def table(self, key: str) -> Table:
        value = self.body.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, "expected a table")
        return Table(self.file, f"{self.where}{key}.", value if isinstance(value, dict) else {}, self.faults)

    def tables(self, key: str) -> list[Table]:
        value = self.body.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.wrong(key, "expected a list of tables")
            return []
        return [
            Table(self.file, f"{self.where}{key}[{index}].", one, self.faults)
            for index, one in enumerate(value)
        ]

    def under(self, defaults: Mapping[str, Any]) -> Table:
        """The same table, where what it does not say is said by ``defaults``."""
        return Table(self.file, self.where, {**defaults, **self.body}, self.faults)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
