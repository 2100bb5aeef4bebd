"""Entries of the ledger ordered in batches over real HTTP: an outcome each, and the lines they leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.settlement.hubs import ANA, NOW, Hub, assert_problem
from tradelane.market.units import iso
from tradelane.settlement.ehub.server import transfers
from tradelane.settlement.ehub.wire_ledger import MOST_ENTRIES, LedgerLine

PATH, CUSTOMS = "/ledger/transfers", "customs:EUR"


def entry(id: str, phase: str = "single", value: str | None = "2", **fields: Any) -> dict[str, Any]:
    moving = {"source": ANA, "target": CUSTOMS} if phase in ("single", "pending") else {}
    amount = {} if value is None else {"amount": {"currency": "EUR", "value": value}}
    return {"id": id, "phase": phase, "kind": "fee", **moving, **amount, **fields}


def ordered(hub: Hub, key: str, *entries: dict[str, Any]) -> list[tuple[str, str | None]]:
    answer = hub.post(PATH, {"entries": list(entries)}, key)
    assert answer.status_code == 200, answer.text
    return [(one["result"], one["code"]) for one in answer.json()["outcomes"]]


def test_a_batch_has_an_outcome_for_each(market: Hub) -> None:
    batch = [
        entry("a"),
        entry("too-much", value="99"),
        entry("p", "pending", "10"),
        entry("x", "post", "4", pending="p"),
        entry("l1", linked=True),
        entry("l2", value="99"),
    ]
    told = ordered(market, "k", *batch)
    refused = ("refused", "insufficient-funds")
    linked = ("refused", "linked-refused")
    assert told == [("done", None), refused, ("done", None), ("done", None), refused, linked]
    assert market.balances()[ANA] == ("94", "0")
    assert ordered(market, "k", *batch) == told
    assert ordered(market, "k2", *batch[:1]) == [("exists", None)]
    assert ordered(market, "k3", entry("a", value="3")) == [("refused", "duplicate-id")]
    assert ordered(market, "k4", entry("w", "void", pending="p")) == [("refused", "wrong-fields")]
    assert market.balances()[ANA] == ("94", "0")
    assert market.get("/chain")["ok"]


def test_lines_are_found_by_id_and_page_by_page(market: Hub) -> None:
    until = iso(NOW + 60_000)
    ordered(market, "k", entry("a/1", "pending", expires_at=until), entry("v", "void", None, pending="a/1"))
    one = LedgerLine.model_validate(market.get(f"{PATH}/a/1"))
    assert (one.phase, one.state, one.expires_at, one.closed_at) == ("pending", "voided", until, iso(NOW))
    assert market.get(f"{PATH}/v")["pending"] == "a/1"
    first = market.get(PATH, limit=2)
    rest = market.get(PATH, after=first["next"])
    lines = [line["id"] for line in first["items"] + rest["items"]]
    assert lines == ["deposit/seed", "a/1", "v"]
    assert rest["next"] is None
    with market.store.database.reading() as conn:
        assert transfers.find(conn, "a/1") == one
    assert_problem(market.http.get(f"/api/v1{PATH}/none"), 404, "unknown-transfer", "id")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"entries": []}, "entries"),
        ({"entries": [entry("a")] * (MOST_ENTRIES + 1)}, "entries"),
        ({"entries": [entry("reservation/r1")]}, "entries.0.id"),
        ({"entries": [entry("release/r1")]}, "entries.0.id"),
        ({"entries": [entry("deposit/k")]}, "entries.0.id"),
        ({"entries": [entry("a:expired/p")]}, "entries.0.id"),
        ({"entries": [entry("v", "void", None, pending="reservation/r1")]}, "entries.0.pending"),
        ({"entries": [entry("a", "expire")]}, "entries.0.phase"),
        ({"entries": [entry("a", value="-1")]}, "entries.0.amount.value"),
        ({"entries": [entry("a", "pending", expires_at="soon")]}, "entries.0.expires_at"),
    ],
)
def test_what_is_malformed_is_refused_whole(market: Hub, body: dict[str, Any], field: str) -> None:
    assert_problem(market.post(PATH, body, "k"), 422, "validation", field)
    assert market.balances()[ANA] == ("100", "0")
