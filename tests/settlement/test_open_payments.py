"""Wallets, quotes and payments by signed requests over real HTTP: what is promised happens, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.settlement.facade import Facade, nano, running_facade
from tests.settlement.hubs import ANA, BEN, NOW, assert_problem
from tradelane.market.units import MINUTE, iso
from tradelane.settlement.ehub.server.openpayments.quotes import LIFE_MS

CEM = "member:cem:EUR"


@pytest.fixture
def hub(furnished: Path, tmp_path: Path) -> Iterator[Facade]:
    with running_facade(furnished, tmp_path) as hub:
        yield hub


def test_a_wallet_address_is_public_and_says_little(hub: Facade) -> None:
    said = hub.nobody.get(hub.wallet(ANA)).json()
    assert said == {
        "id": hub.wallet(ANA),
        "assetCode": "EUR",
        "assetScale": 9,
        "resourceServer": hub.base,
    }
    for name in ("member:eve:EUR", "issuer:EUR"):
        assert_problem(hub.nobody.get(hub.wallet(name)), 404, "unknown-wallet", "wallet")


def test_a_payment_within_a_currency(hub: Facade) -> None:
    quote = hub.quoted("ana", CEM, debitAmount=nano("2.5"))
    assert quote["receiveAmount"] == quote["debitAmount"] == nano("2.5")
    assert (quote["fee"], quote["rate"], quote["expiresAt"]) == (nano("0"), None, iso(NOW + LIFE_MS))
    paid = hub.ok("ana", "/outgoing-payments", hub.order(quote, metadata={"for": "eggs"}))
    assert paid["sentAmount"] == nano("2.5") and paid["metadata"] == {"for": "eggs"}
    assert not paid["failed"] and paid["receiver"] == hub.wallet(CEM)
    assert hub.balances().items() >= {ANA: "97.5", CEM: "2.5"}.items()
    assert hub.get("ana", "/wallets")["result"][0]["available"] == "97500000000"
    for member, total in (("ana", "-2.5"), ("cem", "2.5")):
        (receipt,) = hub.get(member, "/receipts")["items"]
        assert receipt["total"] == {"currency": "EUR", "value": total}
    assert hub.get_path(hub.members["ana"], paid["id"]) == paid
    assert hub.hub.get("/chain")["ok"]


def test_a_payment_into_another_currency_has_both_legs(hub: Facade) -> None:
    hub.rate("EUR", "GBP", "0.857", 2_500)
    quote = hub.quoted("ana", BEN, receiveAmount=nano("10", "GBP"))
    assert quote["rate"] == {"mid": "0.857", "spreadPpm": 2500, "spread": nano("0.025062657", "GBP")}
    assert quote["debitAmount"] == nano("11.697856076")
    hub.ok("ana", "/outgoing-payments", hub.order(quote))
    books = hub.balances()
    assert books[ANA] == "88.302143924" and books[BEN] == "10"
    assert books["fx:EUR"] == "11.697856076" and books["fx:GBP"] == "-10"
    assert hub.hub.get("/trial-balance")["balanced"]


def test_what_rounding_leaves_has_an_account(hub: Facade) -> None:
    hub.rate("EUR", "GBP", "7", 0)
    quote = hub.quoted("ana", BEN, receiveAmount={**nano("0", "GBP"), "value": "10"})
    assert quote["debitAmount"]["value"] == "2"
    hub.ok("ana", "/outgoing-payments", hub.order(quote))
    books = hub.balances()
    assert (books["fx:GBP"], books[BEN], books["rounding:GBP"]) == (
        "-0.000000014",
        "0.00000001",
        "0.000000004",
    )


def test_a_quote_keeps_its_rate_until_it_expires(hub: Facade) -> None:
    assert_problem(hub.ask("ana", BEN, debitAmount=nano("1")), 409, "no-rate", "receiver")
    hub.rate("EUR", "GBP", "0.8", 0, until=NOW + MINUTE)
    quote = hub.quoted("ana", BEN, debitAmount=nano("10"))
    assert quote["expiresAt"] == iso(NOW + MINUTE)
    hub.rate("EUR", "GBP", "0.5", 0)
    assert [rate["mid"] for rate in hub.get("ana", "/rates")["result"]] == ["0.5"]
    hub.at = NOW + MINUTE - 1
    hub.ok("ana", "/outgoing-payments", hub.order(quote))
    assert hub.balances()[BEN] == "8"
    late = hub.quoted("ana", BEN, debitAmount=nano("10"))
    hub.at += LIFE_MS
    assert_problem(hub.post("ana", "/outgoing-payments", hub.order(late)), 409, "quote-expired", "quoteId")
    assert hub.balances()[BEN] == "8"


def test_a_quote_is_paid_once(hub: Facade) -> None:
    quote = hub.quoted("ana", CEM, debitAmount=nano("1"))
    hub.ok("ana", "/outgoing-payments", hub.order(quote))
    assert_problem(hub.post("ana", "/outgoing-payments", hub.order(quote)), 409, "quote-used", "quoteId")
    assert hub.balances()[CEM] == "1"


def test_without_the_money_nothing_moves_in_either_currency(hub: Facade) -> None:
    hub.rate("EUR", "GBP", "0.8", 0)
    before = hub.balances()
    quote = hub.quoted("ana", BEN, debitAmount=nano("100.000000001"))
    assert_problem(
        hub.post("ana", "/outgoing-payments", hub.order(quote), "k"),
        402,
        "insufficient-funds",
        "walletAddress",
    )
    assert hub.balances() == before
    hub.hub.post("/deposits", {"account": ANA, "amount": {"currency": "EUR", "value": "5"}}, "more")
    again = hub.post("ana", "/outgoing-payments", hub.order(quote), "k")
    assert again.status_code == 402 and again.headers["idempotent-replayed"] == "true"
    hub.ok("ana", "/outgoing-payments", hub.order(quote))
    assert hub.balances()[BEN] == "80"


def test_an_incoming_payment_takes_what_it_wants_and_no_more(hub: Facade) -> None:
    bill = hub.ok("cem", "/incoming-payments", hub.bill(CEM, incomingAmount=nano("3"), metadata={"no": "7"}))
    assert (bill["completed"], bill["receivedAmount"], bill["metadata"]) == (False, nano("0"), {"no": "7"})
    part = hub.quoted("ana", bill["id"], debitAmount=nano("1"))
    rest = hub.quoted("ana", bill["id"])
    assert rest["receiveAmount"] == nano("3") and rest["receiver"] == bill["id"]
    hub.ok("ana", "/outgoing-payments", hub.order(part))
    over = hub.post("ana", "/outgoing-payments", hub.order(rest))
    assert_problem(over, 409, "exceeds-incoming", "receiveAmount.value")
    hub.ok("ana", "/outgoing-payments", hub.order(hub.quoted("ana", bill["id"])))
    done = hub.get_path(hub.members["cem"], bill["id"])
    assert (done["completed"], done["completedAt"], done["receivedAmount"]) == (True, iso(NOW), nano("3"))
    assert_problem(hub.ask("ana", bill["id"]), 409, "payment-closed", "receiver")
    assert hub.balances()[CEM] == "3"


def test_an_incoming_payment_ends(hub: Facade) -> None:
    bill = hub.ok("cem", "/incoming-payments", hub.bill(CEM, expiresAt=iso(NOW + MINUTE)))
    quote = hub.quoted("ana", bill["id"], debitAmount=nano("1"))
    assert quote["expiresAt"] == iso(NOW + MINUTE)
    hub.at = NOW + MINUTE
    assert_problem(hub.ask("ana", bill["id"], debitAmount=nano("1")), 409, "payment-closed", "receiver")
    other = hub.ok("cem", "/incoming-payments", hub.bill(CEM))
    path = other["id"].removeprefix(hub.base) + "/complete"
    assert hub.ok("cem", path, {}, status=200)["completed"]
    assert hub.ok("cem", path, {}, status=200)["completedAt"] == iso(hub.at)
    assert_problem(hub.ask("ana", other["id"], debitAmount=nano("1")), 409, "payment-closed", "receiver")


def test_a_member_sees_and_uses_only_its_own(hub: Facade) -> None:
    quote = hub.quoted("ana", CEM, debitAmount=nano("1"))
    bill = hub.ok("cem", "/incoming-payments", hub.bill(CEM))
    paid = hub.ok("ana", "/outgoing-payments", hub.order(quote))
    for place, member in ((quote["id"], "cem"), (bill["id"], "ana"), (paid["id"], "cem")):
        assert hub.members[member].get(place).status_code == 404
        assert hub.operator.get(place).status_code == 200
    for path, member in (("/incoming-payments", "ana"), ("/outgoing-payments", "cem")):
        assert hub.get(member, path)["result"] == []
        assert len(hub.operator.get(hub.base + path).json()["result"]) == 1
    theirs = hub.post("cem", "/quotes", {**hub.wish(BEN, debitAmount=nano("1")), "walletAddress": ANA})
    assert_problem(theirs, 403, "not-your-wallet", "walletAddress")
    other = hub.quoted("ana", CEM, debitAmount=nano("1"))
    assert_problem(hub.post("cem", "/outgoing-payments", hub.order(other)), 422, "unknown-quote", "quoteId")
    assert_problem(hub.post("cem", "/rates", {**RATE}), 403, "operator-only", "Authorization")
    assert_problem(hub.operator.get(hub.base + "/wallets"), 403, "members-only", "Signature-Input")
    assert hub.nobody.get(hub.base + "/rates").status_code == 401


RATE = {"sell": "EUR", "buy": "GBP", "mid": "0.8", "spreadPpm": 0, "validUntil": iso(NOW + MINUTE)}
FAULTS: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("/quotes", {"debitAmount": nano("1"), "receiveAmount": nano("1")}, 422, "validation", "body"),
    ("/quotes", {}, 422, "amount-missing", "receiveAmount"),
    ("/quotes", {"debitAmount": nano("1", "GBP")}, 422, "currency-mismatch", "debitAmount.assetCode"),
    ("/quotes", {"receiveAmount": nano("1", "GBP")}, 422, "currency-mismatch", "receiveAmount.assetCode"),
    ("/quotes", {"debitAmount": {**nano("1"), "value": 5}}, 422, "validation", "debitAmount.value"),
    ("/quotes", {"debitAmount": {**nano("1"), "value": "0"}}, 422, "validation", "debitAmount.value"),
    ("/quotes", {"debitAmount": {**nano("1"), "value": "9" * 19}}, 422, "validation", "debitAmount.value"),
    ("/quotes", {"debitAmount": {**nano("1"), "assetScale": 2}}, 422, "validation", "debitAmount.assetScale"),
    ("/quotes", {"debitAmount": nano("1"), "receiver": ANA}, 422, "same-account", "receiver"),
    ("/quotes", {"debitAmount": nano("1"), "receiver": "fx:EUR"}, 422, "unknown-wallet", "receiver"),
    ("/quotes", {"debitAmount": nano("1"), "receiver": "http://a/b"}, 422, "wrong-place", "receiver"),
    ("/quotes", {"debitAmount": nano("1"), "method": "ilp"}, 422, "validation", "method"),
    ("/incoming-payments", {"incomingAmount": nano("1", "GBP")}, 422, "currency-mismatch",
     "incomingAmount.assetCode"),
    ("/incoming-payments", {"expiresAt": iso(NOW)}, 422, "expires-in-the-past", "expiresAt"),
    ("/incoming-payments", {"metadata": {"a": 1}}, 422, "validation", "metadata.a"),
    ("/outgoing-payments", {"quoteId": "none"}, 422, "unknown-quote", "quoteId"),
]  # fmt: skip


def test_what_is_wrong_is_named(hub: Facade) -> None:
    for path, changes, status, code, field in FAULTS:
        body = {"walletAddress": ANA, **changes}
        if path == "/quotes":
            body.setdefault("receiver", CEM)
        assert_problem(hub.post("ana", path, body), status, code, field)
    gone = {"receiver": f"{hub.base}/incoming-payments/none", "walletAddress": ANA}
    assert_problem(hub.post("ana", "/quotes", gone), 422, "unknown-payment", "receiver")
    quote = hub.quoted("ana", CEM, debitAmount=nano("1"))
    wrong = {**hub.order(quote), "walletAddress": CEM}
    assert_problem(hub.post("ana", "/outgoing-payments", wrong), 422, "wrong-wallet", "walletAddress")
    hub.rate("EUR", "GBP", "0.000000001", 0)
    assert_problem(hub.ask("ana", BEN, debitAmount=nano("0.1")), 422, "amount-out-of-range", "debitAmount")
    past = {**RATE, "validUntil": iso(NOW)}
    assert_problem(hub.operator_post("/rates", past), 422, "expires-in-the-past", "validUntil")
    same = {**RATE, "buy": "EUR"}
    assert_problem(hub.operator_post("/rates", same), 422, "validation", "body")


def test_lists_go_page_by_page(hub: Facade) -> None:
    bills = [hub.ok("cem", "/incoming-payments", hub.bill(CEM))["id"] for _ in range(3)]
    paid = [
        hub.ok("ana", "/outgoing-payments", hub.order(hub.quoted("ana", CEM, debitAmount=nano("1"))))["id"]
        for _ in range(3)
    ]
    for member, path, ids in (("cem", "/incoming-payments", bills), ("ana", "/outgoing-payments", paid)):
        first = hub.get(member, path, limit=2)
        rest = hub.get(member, path, limit=2, after=first["next"])
        assert [one["id"] for one in first["result"] + rest["result"]] == ids
        assert rest["next"] is None
