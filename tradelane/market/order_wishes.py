"""What the orders of a case say of whom they would rather trade with: rows → columns of labels, and digest.

A name is a text without spaces. A list of names is a JSON list or, in a table, a text with spaces between
them. Who one is (``member``, ``origin``) is of use only to who asks: where no order of a product states
``community``, ``partners`` or ``origins``, nothing is said at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray
from tradelane.market.fields import CaseError
from tradelane.market.rows import Rows, TableRows
from tradelane.market.wishes import Lists, Preferences, Wishes

NAMES = ("member", "community", "origin")
LISTS = ("partners", "origins")
MOST = 16
"""Names in one list."""
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class OrderWishes:
    """The wishes of one product's orders, in the order of its table. Labels index ``names``."""

    names: Sequence[str]
    wishes: Wishes

    def preferences(self, sells: IntArray, buys: IntArray) -> Preferences:
        """Of the orders at these places."""
        return Preferences(self.wishes.rows(sells), self.wishes.rows(buys), len(self.names) + 1)

    def of(self, at: IntArray) -> OrderWishes | None:
        """The wishes of the orders ``at`` these places; None where none of them asks for anything."""
        wishes = self.wishes.rows(at)
        return OrderWishes(self.names, wishes) if wishes.asked else None

    def with_silent(self, count: int, at: IntArray) -> OrderWishes:
        """With ``count`` orders more that say nothing, and then those ``at`` these places."""
        return OrderWishes(self.names, Wishes.joined([self.wishes, Wishes.silent(count)]).rows(at))

    def lines(self, seq: IntArray) -> Iterator[str]:
        """Of each order that says something a line, as the case digest holds it."""
        wishes = self.wishes
        said = [map([*self.names, ""].__getitem__, getattr(wishes, name).tolist()) for name in NAMES]
        lists = [self._texts(wishes.partners), self._texts(wishes.origins)]
        for number, *row in zip(seq.tolist(), *said, *lists, strict=True):
            if any(row):
                yield _encode([number, *row]) + "\n"

    def _texts(self, lists: Lists) -> Iterator[list[str]]:
        first, label = lists.first.tolist(), lists.label.tolist()
        for k in range(len(first) - 1):
            yield [self.names[j] for j in label[first[k] : first[k + 1]]]


class WishRows:
    """Reads the wishes of rows of orders, part by part."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._labels = _Values(self._label)
        self._lists = _Values(self._list)
        self._parts: list[Wishes | int] = []

    def add(self, rows: Rows, buys: IntArray) -> None:
        """``buys`` is 1 for a row that is a buy. CaseError when a row has a malformed wish."""
        values = {name: _given(rows, name) for name in (*NAMES, *LISTS)}
        if not any(values.values()):
            self._parts.append(len(rows))
            return
        silent = Wishes.silent(len(rows))
        columns: dict[str, Any] = {}
        for name, given in values.items():
            if given is None:
                columns[name] = getattr(silent, name)
            elif name in NAMES:
                columns[name] = np.array(self._labels.read(rows, name, given), np.int64)
            else:
                columns[name] = Lists.of(self._lists.read(rows, name, given))
        part = Wishes(**columns)
        _first(rows, "origin", (part.origin >= 0) & (buys == 1), "is of sells; a buy has origins")
        _first(
            rows, "origins", (np.diff(part.origins.first) > 0) & (buys == 0), "is of buys; a sell has origin"
        )
        self._parts.append(part)

    def all(self) -> OrderWishes | None:
        """Of all rows in the order in which they were added; None where none says anything."""
        if not self._known:
            return None
        parts = [Wishes.silent(part) if isinstance(part, int) else part for part in self._parts]
        return OrderWishes(list(self._known), Wishes.joined(parts))

    def _label(self, value: object) -> int:
        if value is None or value == "":
            return -1
        if not isinstance(value, str) or value.split() != [value]:
            raise ValueError("expected a name without spaces")
        return self._known.setdefault(value, len(self._known))

    def _list(self, value: object) -> tuple[int, ...]:
        names = value.split() if isinstance(value, str) else () if value is None else value
        if not isinstance(names, (list, tuple)):
            raise ValueError("expected a list of names")
        if len(names) > MOST:
            raise ValueError(f"has at most {MOST} names")
        labels = tuple(map(self._label, names))
        if len(set(labels) - {-1}) < len(labels):
            raise ValueError("holds a name twice, or an empty one")
        return labels


Read = TypeVar("Read")


class _Values(dict[Any, Read]):
    """What values were read as, each of them once."""

    def __init__(self, one: Callable[[object], Read]) -> None:
        super().__init__()
        self._one = one

    def __missing__(self, value: object) -> Read:
        found = self[value] = self._one(value)
        return found

    def read(self, rows: Rows, name: str, values: Sequence[Any]) -> list[Read]:
        """CaseError names the first row whose value is malformed."""
        found: list[Read] = []
        try:
            found.extend(self[tuple(value) if type(value) is list else value] for value in values)
        except (ValueError, TypeError) as fault:
            reason = fault if isinstance(fault, ValueError) else "expected a name, or a list of names"
            raise CaseError(f"{rows.place.of(len(found))}{name}", str(reason)) from None
        return found


def _given(rows: Rows, name: str) -> Sequence[Any] | None:
    """The values of a field that rows need not have; None where no row has it."""
    if isinstance(rows, TableRows):
        return rows.columns.get(name)
    given = [row.get(name) if isinstance(row := rows.row(k), Mapping) else None for k in range(len(rows))]
    return None if given.count(None) == len(given) else given


def _first(rows: Rows, name: str, wrong: npt.NDArray[np.bool_], reason: str) -> None:
    if wrong.any():
        raise CaseError(f"{rows.place.of(int(np.argmax(wrong)))}{name}", reason)
