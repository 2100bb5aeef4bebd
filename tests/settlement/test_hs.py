"""Goods found by a word in six languages, and their codes against the official list."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared import shared_file
from tradelane.settlement.hs import LANGUAGES, OFFICIAL, Entry, Index, fits, folded, goods, official, words

INDEX = Index(goods())
SINGULAR_FINDS_PLURAL = [
    ("apple", "en", "080810"), ("berry bush", "en", "060220"), ("knives", "en", "821193"),
    ("tomaat", "nl", "070200"), ("kaas", "nl", "040690"), ("ui", "nl", "070310"),
    ("apfel", "de", "080810"), ("ÄPFEL", "de", "080810"), ("Grusskarte", "de", "490900"),
    ("eple", "no", "080810"), ("gulrøtt", "no", "070610"),
    ("苹果", "zh", "080810"), ("电池板", "zh", "854143"),
    ("limon", "es", "080550"), ("azafran", "es", "091020"), ("electricidad", "es", "271600"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "lang", "code"), SINGULAR_FINDS_PLURAL)
def test_a_word_finds_its_good(asked: str, lang: str, code: str) -> None:
    found = [one.code for one in INDEX.search(asked, lang)]
    assert code in found[:4], found


def test_the_whole_name_comes_first() -> None:
    assert [one.name for one in INDEX.search("apples", "en")] == ["apples", "apple juice", "apples, dried"]
    assert INDEX.search("apples", "es") == []
    assert INDEX.search("  , ") == [] == INDEX.search("")
    assert len(INDEX.search("a", limit=3)) == 3


def test_digits_find_codes() -> None:
    assert {one.code for one in INDEX.search("0901")} == {"090111", "090121"}
    assert [one.code for one in INDEX.search("2716.00")] == ["271600"]


def test_every_good_is_found_by_each_of_its_names() -> None:
    for entry in goods():
        assert entry.code in {one.code for one in INDEX.search(entry.name, entry.lang, 50)}, entry


def test_there_are_two_hundred_goods_each_in_six_languages() -> None:
    named = {(entry.code, entry.lang) for entry in goods()}
    codes = {code for code, _ in named}
    assert len(codes) >= 200
    assert named == {(code, lang) for code in codes for lang in LANGUAGES}


def test_every_code_is_in_the_official_list() -> None:
    known = {entry.code for entry in official(shared_file("data/hs.csv"))}
    assert {entry.code for entry in goods()} - known == set()


def test_an_official_list_is_searched_too(tmp_path: Path) -> None:
    path = tmp_path / "hs.csv"
    path.write_text(
        "section,hscode,description\nI,TOTAL,all\nI,01,Animals\n"
        "I,0101.21,Horses; breeding\nII,080810,Apples; fresh\n"
    )
    loaded = official(path)
    assert loaded == [
        Entry("010121", OFFICIAL, "Horses; breeding"),
        Entry("080810", OFFICIAL, "Apples; fresh"),
    ]
    both = Index([*goods(), *loaded])
    assert [one.lang for one in both.search("horse", "nl")] == [OFFICIAL]
    assert both.search("apple", "en")[0].lang == "en"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("code,name\n1,x\n", "line 1"),
        ("hscode,description\n010121,\n", "line 2"),
        ("hscode,description\n010121,ok\nabc,bad\n", "line 3"),
        ("hscode,description\n01,too short\n", "no code"),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "hs.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        official(path)


HELD = [(entry.code, words(entry.name)) for entry in goods()]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(sorted({w for _, held in HELD for w in held})), min_size=1, max_size=2))
def test_the_index_finds_what_looking_at_every_name_finds(asked: list[str]) -> None:
    text = " ".join(asked)
    found = {one.code for one in INDEX.search(text, limit=len(HELD))}
    naive = {code for code, held in HELD if fits(words(text), held)}
    if not text.isdigit():
        assert found == naive


@given(st.text(max_size=30))
def test_any_text_is_folded_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    INDEX.search(text)
