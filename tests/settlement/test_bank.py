"""The bank side over real HTTP: files valid by ISO 20022's schemas that say what the ledger says."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from lxml import etree

from tests.settlement.hubs import ANA, NOW, Hub, assert_problem, eur
from tests.shared import shared_file
from tradelane.market.units import Money, iso
from tradelane.settlement.ehub.server.bank import (
    booking,
    camt054,
    credits,
    payouts,
    routes,
    statements,
    tables,
    xml,
)
from tradelane.settlement.ehub.wire_bank import PayoutState
from tradelane.settlement.iban import checked
from tradelane.settlement.minor_units import payable

IBAN = "NL91ABNA0417164300"
PERIOD = {"from": iso(NOW - 1), "to": iso(NOW + 1)}
HEAD = f"""<Document xmlns="{xml.NAMESPACE}{camt054.MESSAGE}"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>m</MsgId>
<CreDtTm>2026-06-21T00:00:00Z</CreDtTm></GrpHdr><Ntfctn><Id>n</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id></Acct>"""
TAIL = "</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"


def payout(value: str = "12.345678901", **changes: Any) -> dict[str, Any]:
    amount = {"currency": "EUR", "value": value}
    return {
        "account": ANA, "amount": amount, "creditor": "Ana & Söhne", "iban": IBAN, "end_to_end": "E2E-1",
        **changes,
    }  # fmt: skip


def credit(entry: str, words: str, value: str = "5.00", status: str = "BOOK", way: str = "CRDT") -> str:
    return f"""<Ntry><Amt Ccy="EUR">{value}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>
<AcctSvcrRef>{entry}</AcctSvcrRef><BkTxCd><Prtry><Cd>x</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><RmtInf>
<Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def notify(hub: Hub, key: str, body: str | bytes) -> httpx2.Response:
    content = body.encode() if isinstance(body, str) else body
    return hub.http.post("/api/v1/bank/notifications", content=content, headers={"Idempotency-Key": key})


def fetched(hub: Hub, path: str, message: str, **query: str) -> Any:
    answer = hub.http.get("/api/v1" + path, params=query)
    assert answer.status_code == 200, answer.text
    root = etree.fromstring(answer.content)
    schema = etree.XMLSchema(etree.parse(shared_file(f"specs/iso20022/{message}.xsd")))
    schema.assertValid(root)
    return root


def texts(root: Any, path: str) -> list[str]:
    return [one.text for one in root.iterfind(".//" + "/".join("{*}" + name for name in path.split("/")))]


def test_each_payout_goes_into_one_file(market: Hub) -> None:
    first = PayoutState.model_validate(market.post("/payouts", payout(), "p1").json())
    assert (first.amount.value, first.batch) == ("12.34", None)
    assert market.post("/payouts", payout(), "p1").json()["payout"] == first.payout
    assert market.post("/payouts", payout("1", end_to_end="E2E-2"), "p2").status_code == 201
    assert market.balances()[ANA][0] == "86.66"
    assert market.balances()["payout:EUR"][0] == "13.34"
    batch = {"currency": "EUR", "debtor": "The hub", "iban": IBAN}
    assert market.post("/payouts/batches", batch, "b1").json()["total"]["value"] == "13.34"
    assert_problem(market.post("/payouts/batches", batch, "b2"), 409, "nothing-to-pay", "currency")
    market.post("/payouts", payout("2", end_to_end="E2E-3"), "p3")
    assert market.post("/payouts/batches", {**batch, "bic": "ABNANL2A"}, "b3").json()["payouts"] == 1
    one, two = (fetched(market, f"/payouts/batches/{n}/file", "pain.001.001.12") for n in (1, 2))
    assert texts(one, "EndToEndId") + texts(two, "EndToEndId") == ["E2E-1", "E2E-2", "E2E-3"]
    assert texts(one, "InstdAmt") == ["12.34", "1"]
    assert texts(one, "CtrlSum") == ["13.34"] * 2
    assert texts(one, "Cdtr/Nm")[0] == "Ana & Söhne"
    assert [one["batch"] for one in market.get("/payouts")["items"]] == [1, 1, 2]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (payout(iban="NL92ABNA0417164300"), 422, "validation", "iban"),
        (payout(end_to_end="x" * 36), 422, "validation", "end_to_end"),
        (payout("0.009"), 422, "not-payable", "amount.value"),
        (payout("101"), 402, "insufficient-funds", "amount"),
        (payout(account="customs:EUR"), 422, "not-a-member", "account"),
        (payout(account="member:nobody:EUR"), 422, "unknown-account", "account"),
        (payout(account="member:ben:GBP"), 422, "currency-mismatch", "account"),
    ],
)
def test_a_payout_is_refused_by_field(
    market: Hub, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    assert_problem(market.post("/payouts", body, "k"), status, code, field)
    assert market.get("/payouts")["items"] == []
    assert market.balances()[ANA][0] == "100"


def test_a_statement_says_what_the_ledger_says(market: Hub) -> None:
    market.post("/payouts", payout("12.34"), "p1")
    dust = {"id": "d", "phase": "single", "source": ANA, "target": "customs:EUR", "kind": "fee",
            "amount": {"currency": "EUR", "value": "0.000000001"}}  # fmt: skip
    market.post("/ledger/transfers", {"entries": [dust]}, "d")
    root = fetched(market, f"/accounts/{ANA}/statement", "camt.053.001.12", **PERIOD)
    assert texts(root, "Bal/Amt") == ["0", "87.65999"]
    assert texts(root, "Ntry/Amt") == ["100", "12.34", "0.00001"]
    assert texts(root, "AddtlNtryInf") == ["exact 100", "exact 12.34", "exact 0.000000001"]
    assert texts(root, "AddtlTxInf") == ["deposit/seed", ":payout/1", "d"]
    assert texts(root, "EndToEndId") == ["E2E-1"]
    assert texts(root, "TtlNetNtry/Amt") == ["87.65999"]
    assert market.balances()[ANA][0] == "87.659999999"
    later = {"from": PERIOD["to"], "to": iso(NOW + 5)}
    root = fetched(market, f"/accounts/{ANA}/statement", "camt.053.001.12", **later)
    assert texts(root, "Bal/Amt") == ["87.65999"] * 2
    url = f"/api/v1/accounts/{ANA}/statement"
    back = market.http.get(url, params={"from": PERIOD["to"], "to": PERIOD["from"]})
    assert_problem(back, 422, "wrong-period", "to")
    unknown = market.http.get("/api/v1/accounts/none/statement", params=PERIOD)
    assert_problem(unknown, 404, "unknown-account", "account")


def test_credits_are_booked_once(market: Hub) -> None:
    entries = [
        credit("a", f"for {ANA}"), credit("b", "thanks", "7"), credit("c", ANA, status="PDNG"),
        credit("d", ANA, way="DBIT"), credit("e", "member:ben:GBP", "1"),
    ]  # fmt: skip
    body = HEAD + "".join(entries) + TAIL
    etree.XMLSchema(etree.parse(shared_file("specs/iso20022/camt.054.001.12.xsd"))).assertValid(
        etree.fromstring(body)
    )
    told = notify(market, "n1", body).json()
    assert [(one["entry"], one["matched"]) for one in told["booked"]] == [
        ("a", True), ("b", False), ("e", False),
    ]  # fmt: skip
    again = notify(market, "n2", body).json()
    assert (again["booked"], again["repeated"]) == ([], 3)
    balances = market.balances()
    assert [balances[name][0] for name in (ANA, "unallocated:EUR", "bank:EUR")] == ["105", "8", "-13"]
    assert [one["entry"] for one in market.get("/bank/credits", matched=False)["items"]] == ["b", "e"]
    changed = notify(market, "n3", HEAD + credit("z", ANA) + credit("a", ANA, "6") + TAIL)
    assert_problem(changed, 409, "duplicate-id", "AcctSvcrRef")
    assert market.balances()[ANA][0] == "105"


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("<Document", 422, "body"),
        ("", 422, "body"),
        ("<Document/>", 422, "body"),
        (LAUGHS + HEAD + credit("&b;", ANA) + TAIL, 422, "body"),
        (("<?xml version='1.0' encoding='UTF-16'?>" + LAUGHS + "<l>&b;</l>").encode("utf-16"), 422, "body"),
        ("<a>" * 100_000, 422, "body"),
        (" " * (camt054.LARGEST + 1), 413, "body"),
        (HEAD + credit("", ANA) + TAIL, 422, "Ntfctn.0.Ntry.0.AcctSvcrRef"),
        (HEAD + credit("a", ANA, "-1") + TAIL, 422, "Ntfctn.0.Ntry.0.Amt"),
    ],
)
def test_what_is_no_notification_is_refused(market: Hub, body: str | bytes, status: int, field: str) -> None:
    code = "content-too-large" if status == 413 else "wrong-notification"
    assert_problem(notify(market, "n", body), status, code, field)
    assert market.get("/bank/credits")["items"] == []


def test_numbers_of_banks() -> None:
    assert checked("gb82 west 1234 5698 7654 32") == "GB82WEST12345698765432"
    with pytest.raises(ValueError, match="check digits"):
        checked("GB82WEST12345698765423")
    assert payable(eur("1.239")) == eur("1.23")
    assert payable(Money.parse("1.9", "JPY")) == Money.parse("1", "JPY")
    assert payable(Money.parse("1.2345", "KWD")) == Money.parse("1.234", "KWD")


def test_every_part_has_its_place() -> None:
    assert set(booking.LIMITS) == {"payout", "unallocated", "bank"}
    assert {tables.payouts.name, tables.credits.name} == {"payouts", "bank_credits"}
    assert payouts.MOST_PAYOUTS == statements.MOST_ENTRIES == 10_000
    assert callable(routes.router) and callable(credits.take)
