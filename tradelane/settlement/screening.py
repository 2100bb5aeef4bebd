"""Names on a list of people and firms nobody may trade with, such as a sanctions list.

Two names are the same when their words are, whatever their order, case, accents and signs. There is no guess
at other spellings: those are the list's aliases.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

COLUMNS = ("name", "aliases", "country", "source", "valid_from")
BETWEEN_ALIASES = ";"
_COUNTRY = re.compile(r"([A-Z]{2})?")
_NOT_TAKEN_APART = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
"""Letters that Unicode does not take apart into a plain one and an accent."""
_WITHIN_WORDS = re.compile("['\u2019`\u02bc]")


class BadList(ValueError):
    """A list that cannot be read: file, line, field and reason in one line."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry; ``country`` by ISO 3166 or empty; it counts from ``valid_from`` on."""

    name: str
    aliases: tuple[str, ...]
    country: str
    source: str
    valid_from: date

    @property
    def id(self) -> str:
        """What it is known by when the list comes anew."""
        return f"{self.source}: {self.name}"


class Screening:
    """Of a list."""

    def __init__(self, entries: Iterable[Listed]) -> None:
        self._by_name: defaultdict[str, list[Listed]] = defaultdict(list)
        for one in entries:
            for name in dict.fromkeys(normal(said) for said in (one.name, *one.aliases)):
                self._by_name[name].append(one)

    def hits(self, name: str, on: date) -> list[Listed]:
        """The entries with this name that count on a day."""
        return [one for one in self._by_name.get(normal(name), ()) if one.valid_from <= on]


def normal(name: str) -> str:
    """The words of a name in small plain letters and in order; empty when it has none."""
    letters = unicodedata.normalize("NFKD", _WITHIN_WORDS.sub("", name)).casefold()
    plain = "".join(one for one in letters if not unicodedata.combining(one)).translate(_NOT_TAKEN_APART)
    return " ".join(sorted(re.findall(r"[^\W_]+", plain)))


def read(path: Path) -> Screening:
    """The list in a CSV file with the ``COLUMNS``. Raises BadList."""
    entries, faults = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            if sorted(table.fieldnames or ()) != sorted(COLUMNS):
                raise BadList(f"{path}:1: the columns are {','.join(COLUMNS)}")
            for row in table:
                try:
                    entries.append(_entry(row))
                except ValueError as error:
                    faults.append(f"{path}:{table.line_num}: {error}")
    except OSError as error:
        raise BadList(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadList(f"{path}: not UTF-8 text") from None
    except csv.Error as error:
        raise BadList(f"{path}:{table.line_num + 1}: {error}") from None  # the table counts rows it has read
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise BadList(faults[0] + more)
    return Screening(entries)


def _entry(row: Mapping[str | None, str | None]) -> Listed:
    if None in row or None in row.values():
        raise ValueError(f"has not {len(COLUMNS)} fields")
    name, said, country, source, since = ((row[column] or "").strip() for column in COLUMNS)
    aliases = tuple(alias for one in said.split(BETWEEN_ALIASES) if (alias := one.strip()))
    for column, text in (("name", name), *(("aliases", alias) for alias in aliases)):
        if not normal(text):
            raise ValueError(f"{column}: {text!r} has no letters")
    if not _COUNTRY.fullmatch(country):
        raise ValueError(f"country: {country!r} is not a country by ISO 3166, such as NL")
    if not source:
        raise ValueError("source: missing")
    try:
        return Listed(name, aliases, country, source, date.fromisoformat(since))
    except ValueError:
        raise ValueError(f"valid_from: {since!r} is not a day such as 2026-06-21") from None
