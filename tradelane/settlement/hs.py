"""What a good's HS code is, found by its name in six languages. Pure.

Words are folded (case, accents, ß, ø) and cut to a stem that is the same for singular and plural in the five
languages written in letters; it sometimes cuts too much, which finds a good more, never one fewer. Chinese
names are found by any part of them. Every word asked for must be in the good's names, the last as a prefix.

The goods are in ``rules/goods/*.toml``: names in our own words, codes of HS 2022.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

LANGUAGES = ("en", "nl", "de", "no", "zh", "es")
OFFICIAL = "official"
"""Stands for the language of a full list that was loaded; searched in whatever language is asked for."""
SHORTEST_STEM = 3
MOST_FAULTS = 20
_ENDINGS = ("ene", "ies", "er", "en", "es", "et", "s", "n", "e")
_FINAL = {"z": "s", "v": "f", "y": "i"}
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "a", "œ": "o", "đ": "d", "ł": "l"})
_WORD = re.compile(r"[0-9a-z]+|[\u3400-\u9fff]+")
_DOUBLED = re.compile(r"([a-z])\1")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of one good: ``code`` of digits only, ``lang`` of LANGUAGES or OFFICIAL."""

    code: str
    lang: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """A good that fits, by the name that fits best; ``rank`` 0 is best."""

    code: str
    lang: str
    name: str
    rank: int


def folded(text: str) -> str:
    """Lower case without accents: ``Äpfel`` → ``apfel``."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(c for c in plain if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The folded words of a text, in order; a run of Chinese characters is one word."""
    return _WORD.findall(folded(text))


def stem(word: str) -> str:
    """What singular and plural have in common: ``kazen``, ``kaas`` → ``kas``."""
    if word.endswith("ies") and len(word) > SHORTEST_STEM + 2:
        word = word[:-3] + "y"
    else:
        ending = next((e for e in _ENDINGS if word.endswith(e) and len(word) - len(e) >= SHORTEST_STEM), "")
        word = word.removesuffix(ending)
    word = word[:-1] + _FINAL.get(word[-1], word[-1])
    return _DOUBLED.sub(r"\1", word)


@cache
def goods() -> tuple[Entry, ...]:
    """Every name of the goods that come with Tradelane."""
    found: list[Entry] = []
    folder = files("tradelane.settlement").joinpath("rules/goods")
    for place in sorted(folder.iterdir(), key=lambda place: place.name):
        for good in tomllib.loads(place.read_text("utf-8"))["goods"]:
            for lang in LANGUAGES:
                found += (Entry(good["hs"], lang, name.strip()) for name in good[lang].split(";"))
    return tuple(found)


def official(path: Path) -> list[Entry]:
    """A full list in CSV with columns ``hscode`` and ``description``, those of six digits or more.

    ValueError, naming every line at fault (the first ``MOST_FAULTS``), when it is none.
    """
    import csv

    found: dict[str, Entry] = {}
    faults: list[str] = []
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        try:
            if not {"hscode", "description"} <= set(table.fieldnames or ()):
                raise ValueError("line 1: the columns hscode and description are missing")
            for row in table:
                code, text = (row["hscode"] or "").replace(".", ""), (row["description"] or "").strip()
                if not text or not re.fullmatch(r"[0-9]{2,10}|[A-Z]{1,5}", code):
                    faults.append(f"line {table.line_num}: {code!r} is no HS code with a description")
                six = len(code) >= 6 and code.isdigit()
                if six and found.setdefault(code, Entry(code, OFFICIAL, text)).name != text:
                    faults.append(f"line {table.line_num}: {code!r} has another description already")
        except csv.Error as error:
            faults.append(f"line {table.line_num + 1}: {error}")
    if len(faults) > MOST_FAULTS:
        faults[MOST_FAULTS:] = [f"and {len(faults) - MOST_FAULTS} more"]
    if faults or not found:
        raise ValueError("; ".join(faults) or "no code of six digits or more in it")
    return list(found.values())


class Index:
    """Entries to be searched; our own goods come before an official list's."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)
        self._words = [words(entry.name) for entry in self._entries]
        keys = [(key, n) for n, found in enumerate(self._words) for key in _keys(found)]
        self._keys = sorted(set(keys))

    def search(self, text: str, lang: str | None = None, limit: int = 20) -> list[Found]:
        """Best first: whole names, then whole words, then beginnings; short names before long; ties by code.

        In ``lang`` alone if given (and in an official list). Digits find codes that begin so.
        """
        digits = text.replace(".", "").replace(" ", "")
        hits = self._by_code(digits) if digits.isascii() and digits.isdigit() else self._by_words(words(text))
        best: dict[str, tuple[tuple[int, int, int, str, str], Entry]] = {}
        for n, rank in hits:
            entry = self._entries[n]
            if lang not in (None, entry.lang) and entry.lang != OFFICIAL:
                continue
            score = (rank, int(entry.lang == OFFICIAL), len(entry.name), entry.code, entry.name)
            if entry.code not in best or score < best[entry.code][0]:
                best[entry.code] = (score, entry)
        ranked = sorted(best.values(), key=lambda pair: pair[0])[:limit]
        return [Found(e.code, e.lang, e.name, score[0]) for score, e in ranked]

    def _by_code(self, digits: str) -> Iterator[tuple[int, int]]:
        return ((n, 0) for n, entry in enumerate(self._entries) if entry.code.startswith(digits))

    def _by_words(self, asked: Sequence[str]) -> Iterator[tuple[int, int]]:
        if not asked:
            return
        *before, last = asked
        found = self._under(last) | self._under(stem(last))
        for word in before:
            found &= self._holding(stem(word)) | self._holding(word)
        for n in sorted(found):
            yield n, rank_of(asked, self._words[n])

    def _holding(self, word: str) -> set[int]:
        return {n for n in self._under(word) if word in _keys(self._words[n])}

    def _under(self, prefix: str) -> set[int]:
        found: set[int] = set()
        place = bisect_left(self._keys, (prefix, 0))
        while place < len(self._keys) and self._keys[place][0].startswith(prefix):
            found.add(self._keys[place][1])
            place += 1
        return found


def fits(asked: Sequence[str], held: Sequence[str]) -> bool:
    """Whether a name of the words ``held`` is found by ``asked``: what Index does, without its table."""
    keys = _keys(held)
    *before, last = asked
    ends = any(key.startswith((last, stem(last))) for key in keys)
    return ends and all(word in keys or stem(word) in keys for word in before)


def rank_of(asked: Sequence[str], held: Sequence[str]) -> int:
    """0: the whole name; 1: whole words of it; 2: the beginning of one, or a part of a Chinese name."""
    stems = [stem(word) for word in held]
    if [stem(word) for word in asked] == stems:
        return 0
    return 1 if stem(asked[-1]) in stems else 2


def _keys(held: Iterable[str]) -> set[str]:
    """What a name is found under: its words and their stems; of Chinese runs every end, so that a prefix of
    one is any part of the run."""
    keys: set[str] = set()
    for word in held:
        keys |= {word, stem(word)} if word.isascii() else {word[n:] for n in range(len(word))}
    return keys
