"""HS codes and the policy, over real HTTP."""

from __future__ import annotations

from datetime import date

from tests.settlement.hubs import Hub
from tradelane.settlement.ehub.server.customs_rules import in_force
from tradelane.settlement.ehub.wire_customs import Language
from tradelane.settlement.hs import LANGUAGES


def test_a_word_finds_codes(market: Hub) -> None:
    found = market.get("/hs", q="Äpfel", lang="de", limit=2)
    assert found["nomenclature"] == "HS 2022"
    assert [one["hs_code"] for one in found["items"]] == ["080810", "081330"]
    assert market.get("/hs", q="苹果")["items"][0] == {
        "hs_code": "080810", "name": "苹果", "lang": "zh", "rank": 0,
    }  # fmt: skip
    assert market.get("/hs", q="nothing like it")["items"] == []
    assert [lang.value for lang in Language] == list(LANGUAGES)


def test_what_cannot_be_searched_is_refused_by_name(market: Hub) -> None:
    for query in ("?q=", "?q=a&lang=xx", "?q=a&limit=0", ""):
        answer = market.http.get(f"/api/v1/hs{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"]


def test_what_large_traders_pay_is_public(market: Hub) -> None:
    rules = market.get("/policy")["items"]
    assert [(one["name"], one["fee_ppm"]) for one in rules] == [
        ("small trader", 0), ("young trader", 0), ("large trader", 2_500),
    ]  # fmt: skip
    assert all(one["source"] and one["valid_from"] for one in rules)
    assert in_force(date(2025, 1, 1)).items == []
