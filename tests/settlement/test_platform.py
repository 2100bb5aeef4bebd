"""What large traders pay the platform, taken with the sale and shown on its receipt."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from tests.settlement.hubs import ANA, BEN, Hub, leg, reservation, settlement
from tradelane.gateway.store import Store
from tradelane.market.units import Money, instant
from tradelane.settlement.ehub.server import platform
from tradelane.settlement.ehub.server.receipts import receipt, receipt_hash
from tradelane.settlement.ehub.wire import Receipt
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.policy import Trader

LARGE = Trader(250)


@pytest.fixture
def large(market: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Ben is a large trader; Ana is not."""
    for currency in ("EUR", "GBP"):
        account = {"account": f"platform:{currency}", "owner": "hub", "currency": currency, "limit": "0"}
        assert market.post("/accounts", account, f"platform {currency}").status_code == 201

    def trader_of(_conn: Connection, account: str) -> Trader:
        return LARGE if account == BEN else Trader(3)

    monkeypatch.setattr(platform, "trader_of", trader_of)
    return market


def settle(hub: Hub, **changes: Any) -> dict[str, Any]:
    body = settlement(**changes)
    answer = hub.post("/settlements", body, str(body["settlement"]))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def receipts(hub: Hub, account: str) -> list[dict[str, Any]]:
    return list(hub.get("/receipts", account=account)["items"])


def test_a_large_trader_pays_a_fee_of_its_own_with_the_rule_s_name(large: Hub) -> None:
    large.post("/reservations", reservation(), "r1")
    done = settle(large)
    assert len(done["transfers"]) == 8
    (receipt,) = receipts(large, BEN)
    memo = "large trader: 0.25 % platform fee, since 2026-01-01"
    assert receipt["lines"][-1] == {
        "kind": "platform fee", "amount": {"currency": "GBP", "value": "-0.01875"},
        "counterparty": "platform:GBP", "memo": memo,
    }  # fmt: skip
    assert receipt["policy"] == memo
    assert large.balances()["platform:GBP"] == ("0.01875", "0")
    assert receipts(large, ANA)[0]["policy"] is None, "who pays is asked for nothing"
    assert large.get("/trial-balance")["balanced"]


def test_a_small_trader_pays_nothing_and_is_told_so(market: Hub) -> None:
    market.post("/reservations", reservation(), "r1")
    settle(market)
    (receipt,) = receipts(market, BEN)
    assert receipt["policy"] == "small trader: no platform fee, since 2026-01-01"
    assert {line["kind"] for line in receipt["lines"]} == {"sale", "imbalance"}


def test_a_correction_corrects_the_fee_too(large: Hub) -> None:
    """Ben was paid 7.50 and gives 2.50 of it back: 0.25 % of 5.00 remain."""
    large.post("/reservations", reservation(), "r1")
    settle(large)
    settle(large, name="s2", reservation=None, legs=[leg(BEN, "fx:GBP", "2.5", "GBP")])
    assert large.balances()["platform:GBP"] == ("0.0125", "0")
    settle(large, name="s3", reservation=None, legs=[leg("fx:GBP", BEN, "1", "GBP")])
    assert large.balances()["platform:GBP"] == ("0.015", "0")


def test_a_hash_is_the_same_whether_or_not_there_was_a_policy_then() -> None:
    moved = [Transfer("s/0", "fx:GBP", BEN, Money.parse("1", "GBP"), "sale")]
    made = receipt(moved, BEN, 1, "s", "c", 0)
    before = Receipt.model_validate_json(made.model_dump_json(exclude_none=True))
    assert receipt_hash(before) == made.hash


def test_no_rule_no_fee(store: Store) -> None:
    sale = Transfer("s/0", "fx:GBP", BEN, Money.parse("1", "GBP"), "sale")
    before = instant("2025-12-31T12:00Z")
    with store.engine.connect() as conn:
        assert platform.levied(conn, [sale], "s", "c", before) == ([], {})
        now = platform.levied(conn, [sale], "s", "c", before + 10 * 86_400_000)
    assert list(now.memos) == [BEN]
