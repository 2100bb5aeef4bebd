"""Templates → HTML, in each language.

Always true: autoescape is on for all of it, and a name a template does not know is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.core import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.words import endonyms, words

FOLDER = Path(__file__).parent / "templates"


class Templates:
    """All templates of ``folder``; what is given as ``known`` is known in each of them."""

    def __init__(self, assets: Assets, folder: Path = FOLDER, **known: Any) -> None:
        self._folder = folder
        self._known = {"asset": assets.url, "languages": endonyms(), **known}
        self._by_locale: dict[str, Environment] = {}

    def render(self, name: str, locale: str, here: str = "/", **values: Any) -> str:
        """The template ``name`` in ``locale``, one of LOCALES; ``f`` in it formats as that language does.
        ``here`` is the page's own path and query, to come back to."""
        environment = self._by_locale.get(locale) or self._open(locale)
        return environment.get_template(name).render(here=here, **values)

    def _open(self, locale: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(self._folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.policies["ext.i18n.trimmed"] = True
        found = words(locale).translations
        environment.install_gettext_translations(found, newstyle=True)  # type: ignore[attr-defined]  # the extension brings it
        direction = Locale.parse(locale).text_direction
        environment.globals.update(self._known, f=Formats(locale), locale=locale, direction=direction)
        self._by_locale[locale] = environment
        return environment
