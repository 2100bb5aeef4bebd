"""What the pages say, and what of it is not translated: ``python -m tests.words`` updates the catalogs.

A text belongs to the area of its template's folder; texts of Python and of the layout to ``shared``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from tradelane.gateway.web.rendering import FOLDER
from tradelane.gateway.web.words import CATALOGS, LOCALES

SHARED = "shared"
OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
KEYWORDS = {"_": None, "say": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
Key = tuple[str | tuple[str, ...], str | None]


class Said(NamedTuple):
    area: str
    id: str | tuple[str, ...]
    context: str | None
    where: str


def said() -> Iterator[Said]:
    """Every text of the templates and of the code beside them."""
    for path in sorted(FOLDER.rglob("*.html")):
        area = path.parent.name if path.parent != FOLDER else SHARED
        with path.open("rb") as file:
            for line, function, text, _comments in babel_extract(file, list(KEYWORDS), [], OPTIONS):
                yield _said(area, function, text, f"{path.name}:{line}")
    for path in sorted(FOLDER.parent.rglob("*.py")):
        area = path.parent.name if path.parent != FOLDER.parent else SHARED
        with path.open("rb") as file:
            for line, text, _comments, context in extract("python", file, KEYWORDS):
                yield Said(area, text, context, f"{path.name}:{line}")


def catalog(area: str, locale: str) -> Catalog:
    """The present catalog; empty where there is none."""
    path = place(area, locale)
    return read_po(BytesIO(path.read_bytes()), locale=locale) if path.exists() else Catalog(locale=locale)


def place(area: str, locale: str) -> Path:
    return CATALOGS / area / f"{locale}.po"


def translated(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


def untranslated(locale: str) -> list[Said]:
    """What is said and stands in no catalog of ``locale``."""
    known = {area: catalog(area, locale) for area in {text.area for text in said()}}
    return [text for text in said() if not translated(known[text.area].get(text.id, text.context))]


def stale(locale: str) -> list[str]:
    """What stands in catalogs of ``locale`` and is said nowhere."""
    spoken: set[tuple[str, str, str | None]] = {(text.area, _first(text.id), text.context) for text in said()}
    return [
        f"{path.parent.name}: {_first(message.id)}"
        for path in sorted(CATALOGS.glob(f"*/{locale}.po"))
        for message in read_po(BytesIO(path.read_bytes()), locale=locale)
        if message.id and (path.parent.name, _first(message.id), message.context) not in spoken
    ]


def holes(text: str) -> list[str]:
    """The placeholders of a text, in order of their names."""
    return sorted(re.findall(r"%\(\w+\)s|%%|\{\w+\}", text))


def update(locale: str) -> int:
    """Rewrites the catalogs of ``locale`` with what is said now; returns how many lack a translation. What
    another area has translated already is taken from there."""
    missing, areas = 0, sorted({text.area for text in said()})
    known = {area: catalog(area, locale) for area in areas}
    for area in areas:
        new = Catalog(locale=locale)
        for text in said():
            if text.area == area:
                found = [old.get(text.id, text.context) for old in (known[area], *known.values())]
                string = next((one.string for one in found if one is not None and translated(one)), None)
                new.add(text.id, string, context=text.context)
        missing += sum(bool(m.id) and not translated(m) for m in new)
        written = BytesIO()
        write_po(written, new, omit_header=True, width=0, sort_output=True)
        place(area, locale).parent.mkdir(parents=True, exist_ok=True)
        place(area, locale).write_bytes(written.getvalue())
    return missing


def _said(area: str, function: str | None, text: object, where: str) -> Said:
    parts = text if isinstance(text, tuple) else (text,)
    strings = [part for part in parts if isinstance(part, str)]
    if function == "pgettext":
        return Said(area, strings[1], strings[0], where)
    if function == "ngettext":
        return Said(area, (strings[0], strings[1]), None, where)
    return Said(area, strings[0], None, where)


def _first(id: object) -> str:
    return str(id[0]) if isinstance(id, tuple | list) else str(id)


if __name__ == "__main__":
    found = {locale: update(locale) for locale in LOCALES[1:]}
    sys.stdout.write("".join(f"{locale}: {count} to translate\n" for locale, count in found.items()))
    sys.exit(1 if any(found.values()) else 0)
