"""Every text of the pages is said in every language, and nothing is said past the catalogs."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from tests.words import holes, said, stale, untranslated
from tradelane.gateway.web.language import language_router, own_path
from tradelane.gateway.web.rendering import FOLDER
from tradelane.gateway.web.words import CATALOGS, LOCALES, Words, chosen_locale, endonyms

FOREIGN = LOCALES[1:]
SAID_AS_IT_IS = {"Tradelane", "UTC", "kg", "kWh", "MWh", "CSV", "JSON", "Parquet"}
"""Names and units that are the same in all our languages."""
JINJA = re.compile(
    r"\{#.*?#\}|\{% block events %\}.*?\{% endblock %\}"
    r"|\{%-?\s*trans\b.*?endtrans\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
SPOKEN_ATTRIBUTE = re.compile(r'\s(?:title|aria-label|alt|placeholder|content)="([^"]*)"')
UNSPOKEN = re.compile(
    r"<script\b.*?</script>|<meta [^>]*(?:viewport|color-scheme|equiv|robots)[^>]*>|<!.*?>"
    r"|<(\w+)[^>]* translate=\"no\"[^>]*>.*?</\1>"
)
"""Of a page, what nobody reads, and what is the same in every language."""
WORD = re.compile(r"[^\W\d_]{2,}")


@pytest.mark.parametrize("locale", FOREIGN)
def test_everything_is_translated(locale: str) -> None:
    assert untranslated(locale) == []


@pytest.mark.parametrize("locale", FOREIGN)
def test_nothing_is_translated_that_is_no_longer_said(locale: str) -> None:
    assert stale(locale) == []


@pytest.mark.parametrize("locale", FOREIGN)
def test_a_translation_has_the_placeholders_of_its_text(locale: str) -> None:
    for path in sorted(CATALOGS.glob(f"*/{locale}.po")):
        for message in read_po(BytesIO(path.read_bytes()), locale=locale):
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
            for text in texts if ids[0] else ():
                assert holes(str(text)) == holes(ids[-1]), (path, text)


@pytest.mark.parametrize("template", sorted(FOLDER.rglob("*.html")), ids=lambda path: str(path.name))
def test_no_template_speaks_past_the_catalogs(template: Path) -> None:
    text = UNSPOKEN.sub(" ", JINJA.sub(" ", template.read_text(encoding="utf-8")))
    spoken = " ".join([*SPOKEN_ATTRIBUTE.findall(text), re.sub(r"<[^>]*>", " ", text)])
    spoken = re.sub(r"&\w+;", " ", spoken)
    assert {word for word in WORD.findall(spoken) if word not in SAID_AS_IT_IS} == set()


def test_a_text_is_found_in_templates_and_in_code() -> None:
    where = {(text.id, text.area) for text in said()}
    assert ("Newest trades", "market") in where
    assert ("this quarter hour", "shared") in where


def test_a_plural_takes_the_languages_own_form() -> None:
    one, many = "Map of %(count)s zone", "Map of %(count)s zones"
    said_by = {locale: [Words(locale).ngettext(one, many, n, count=n) for n in (1, 2)] for locale in LOCALES}
    assert said_by["en"] == ["Map of 1 zone", "Map of 2 zones"]
    assert said_by["de"] == ["Karte von 1 Zone", "Karte von 2 Zonen"]
    assert said_by["zh"] == ["1 个区的地图", "2 个区的地图"]


@pytest.mark.parametrize(
    ("header", "before", "locale"),
    [
        (None, None, "en"), ("fr", None, "en"), ("*", None, "en"), ("de-AT,en;q=0.5", None, "de"),
        ("zh-Hans-CN", None, "zh"), ("no", None, "nb"), ("nn-NO, en", None, "nb"), ("nb", None, "nb"),
        ("fr, es;q=0.8", None, "es"), ("de", "nl", "nl"), ("de", "xx", "de"), (None, "../etc", "en"),
        ("", None, "en"), (";;,*,-", None, "en"), ("x" * 500, None, "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_readers(header: str | None, before: str | None, locale: str) -> None:
    assert chosen_locale(header, before) == locale


def test_each_language_is_named_in_itself() -> None:
    assert endonyms() == {
        "en": "English", "nl": "Nederlands", "de": "Deutsch",
        "nb": "Norsk bokmål", "zh": "中文", "es": "Español",
    }  # fmt: skip


def test_a_choice_of_language_is_kept_and_leads_back() -> None:
    app = FastAPI()
    app.include_router(language_router())
    with TestClient(app) as client:
        answer = client.get("/language?to=de&back=/desk%3Fa%3D1", follow_redirects=False)
        unknown = client.get("/language?to=tlh&back=//evil.example", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk?a=1")
    assert "language=de" in answer.headers["set-cookie"]
    assert unknown.headers["location"] == "/"
    assert "set-cookie" not in unknown.headers


@given(st.text(max_size=30) | st.sampled_from(["//evil", "/\\evil", "https://evil", "/a\r\nb", "/ok?x=1"]))
def test_no_link_leads_off_this_host(text: str) -> None:
    path = own_path(text)
    assert path.startswith("/") and not path.startswith(("//", "/\\"))
    assert "\r" not in path and "\n" not in path
