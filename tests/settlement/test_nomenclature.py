"""A full official list at the hub: loaded once, searched, and held against declarations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.settlement.hubs import Hub, assert_problem, declaration, running
from tests.shared import shared_file
from tradelane.settlement import hs
from tradelane.settlement.ehub.server.customs import nomenclature

LIST = [hs.Entry("090121", hs.OFFICIAL, "Coffee; roasted"), hs.Entry("2716009000", hs.OFFICIAL, "Energy")]


@pytest.fixture
def market(furnished: Path, tmp_path: Path) -> Iterator[Hub]:
    with running(furnished, tmp_path, fresh=True) as hub:
        yield hub


def load(hub: Hub, entries: list[hs.Entry]) -> nomenclature.Loaded:
    with hub.store.engine.begin() as conn:
        return nomenclature.load(conn, entries)


def test_loading_again_changes_nothing(market: Hub) -> None:
    assert load(market, LIST) == (2, 0, 0)
    assert load(market, LIST) == (0, 0, 2)
    renamed = [hs.Entry("090121", hs.OFFICIAL, "Coffee, roasted"), hs.Entry("090111", hs.OFFICIAL, "Coffee")]
    assert load(market, renamed) == (1, 1, 0)
    with market.store.engine.connect() as conn:
        assert [entry.code for entry in nomenclature.entries(conn)] == ["090111", "090121", "2716009000"]


def test_declarations_and_search_know_its_codes_and_no_others(market: Hub) -> None:
    assert market.post("/declarations", declaration("d0", hs_code="999999"), "d0").status_code == 201
    load(market, LIST)
    made = market.post("/declarations", declaration("d1"), "d1").json()
    assert made["goods"] == "Coffee; roasted"
    assert market.post("/declarations", declaration("d2", hs_code="2716.00"), "d2").status_code == 201
    for path, key in (("/declarations", "d3"), ("/declarations/d1/amendments", "a1")):
        body = declaration("d3", hs_code="999999") if key == "d3" else {"reason": "r", "hs_code": "999999"}
        assert_problem(market.post(path, body, key), 422, "unknown-hs-code", "hs_code")
    assert market.get("/hs", q="energy")["items"][0]["hs_code"] == "2716009000"


def test_the_official_list_can_be_loaded(market: Hub) -> None:
    entries = hs.official(shared_file("data/hs.csv"))
    assert load(market, entries) == (len(entries), 0, 0)
    assert len(entries) > 5_000
    found = market.get("/hs", q="saxophone", limit=1)["items"] + market.get("/hs", q="mules")["items"]
    assert "010190" in {one["hs_code"] for one in found}


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    lines = ["hscode,description", "090121,Coffee", "x1,Nothing", "090122,", "090121,Tea"]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"line 3: .*; line 4: .*; line 5: '090121' has another"):
        hs.official(path)
    path.write_text("hscode,description\n" + "bad,\n" * 30)
    with pytest.raises(ValueError, match=r"line 21: .*; and 10 more$"):
        hs.official(path)
    path.write_text('hscode,description\n090121,"Coffee' + "x" * 200_000)
    with pytest.raises(ValueError, match=r"line 2: .*limit"):
        hs.official(path)
