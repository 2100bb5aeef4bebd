"""Every text of the pages, in the languages they speak.

English is the source: a text is its own key. Translations stand in ``languages/<area>/<locale>.po``, where an
area is a folder of ``templates``; ``python -m tests.words`` finds what is not translated. As in Jinja's new
style, a text is always formatted: a per cent sign in one is written ``%%``.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.core import Locale, negotiate_locale

CATALOGS = Path(__file__).parent / "languages"
LOCALES = ("en", "nl", "de", "nb", "zh", "es")
"""The languages the pages are written in; the first where a reader's are none of them."""
NORWEGIAN = {"no": "nb", "nn": "nb"}
"""What browsers say for Norwegian, and the Norwegian we have."""


def chosen_locale(accept_language: str | None, chosen: str | None = None) -> str:
    """``chosen`` before if it is one of LOCALES; else the best for an Accept-Language header."""
    if chosen in LOCALES:
        return chosen
    wanted = [part.split(";")[0].strip() for part in (accept_language or "").split(",")]
    tags = [NORWEGIAN.get(tag.partition("-")[0].lower(), tag) for tag in wanted if tag]
    return negotiate_locale(tags, LOCALES, sep="-") or LOCALES[0]


class Words:
    """The texts of one language; ``locale`` is one of LOCALES."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.translations = _translations(locale)

    def gettext(self, text: str, **values: object) -> str:
        """``text`` in this language, ``%(name)s`` replaced by the values."""
        return self.translations.gettext(text) % values

    def ngettext(self, one: str, many: str, num: int, **values: object) -> str:
        """The form for ``num`` things; ``%(num)s`` stands for the number."""
        return self.translations.ngettext(one, many, num) % {"num": num, **values}

    def pgettext(self, context: str, text: str, **values: object) -> str:
        """As gettext, where one English text has several meanings."""
        return self.translations.pgettext(context, text) % values


@cache
def words(locale: str) -> Words:
    return Words(locale)


@cache
def endonyms() -> dict[str, str]:
    """Each language's name in itself, by locale: ``{"de": "Deutsch", …}``."""
    names = {locale: Locale.parse(locale).get_display_name(locale) or locale for locale in LOCALES}
    return {locale: name[:1].upper() + name[1:] for locale, name in names.items()}


def _translations(locale: str) -> NullTranslations:
    """All areas' catalogs of one language as one."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    if locale == LOCALES[0]:
        return NullTranslations()
    whole = Catalog(locale=locale)
    for path in sorted(CATALOGS.glob(f"*/{locale}.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=locale):
                if message.id:
                    whole.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)
