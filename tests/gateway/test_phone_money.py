"""An owner's money and what it buys: asked at the zone in its own name, its own only, out as a file."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.gateway.marketplace import ANNA, BRAM, Marketplace, in_market
from tests.gateway.pages import HOUSEHOLDS, Reader
from tradelane.gateway import keys
from tradelane.gateway.own_money import PAGE
from tradelane.gateway.web.phone.money import as_csv, rates, summed, today
from tradelane.market.units import Money, iso
from tradelane.settlement.ledger import Transfer


async def joined(market: Marketplace, id: str) -> None:
    """The edge's own registration, not a second one."""

    async def there() -> bool:
        accounts = {one.account for one in (await market.hub.accounts(limit=1000)).items}
        return f"member:{id}:EUR" in accounts

    await market.until(there)


def test_money_and_receipts_are_ones_own(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await joined(market, "rosa")
        await joined(market, "pim")
        sale = Transfer("t1", "balancing:EUR", "member:rosa:EUR", Money.parse("0.40", "EUR"), "sale", "sun")
        await market.hub.settle("s1", settlement="s1", contract="c1", transfers=[sale])
        await market.hub.deposit("d1", account="member:rosa:EUR", amount=Money.parse("12.50", "EUR"))
        rosa, pim = Reader(market), Reader(market)
        await rosa.pair("rosa")
        await pim.pair("pim")
        assert "€12.90" in (await rosa.get("/me/money")).text
        assert "€12.90" not in (await pim.get("/me/money")).text
        (link,) = re.findall(r'href="(/me/money/\d+)"', rosa.text)
        receipt = (await rosa.get(link)).text
        assert "€0.4000" in receipt
        assert "Sale" in receipt
        assert (await pim.get(link)).status_code == 404, "a receipt is shown to its owner alone"
        file = await rosa.get("/me/money/receipts.csv")
        assert file.headers["content-type"].startswith("text/csv")
        (row,) = csv.DictReader(io.StringIO(file.text))
        assert (row["net"], row["currency"]) == ("0.4", "EUR")
        assert (await rosa.get("/me/money/999")).status_code == 404
        stranger = await Reader(market).get("/me/money/receipts.csv")
        assert (stranger.status_code, "location" in stranger.headers) == (303, True)

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_the_zone_tells_money_to_who_signs_and_asks_now(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BRAM)
        asked = {"member": "bram", "at": iso(market.now)}
        told = await market.send(BRAM, "mine/money", asked)
        assert told.status_code == 200
        body = told.json()
        assert (body["balance"], body["reserved"], body["currency"]) == ("1000", "0", "EUR")
        assert len(body["receipts"]) <= PAGE
        assert (await market.send(ANNA, "mine/money", asked)).status_code == 401
        stale = await market.send(BRAM, "mine/money", {**asked, "at": "2020-01-01T00:00Z"})
        assert stale.status_code in (401, 422)
        assert keys.public_key_text(BRAM.key) not in told.text

    in_market(tmp_path, use)


def test_a_receipts_gross_charges_and_net_add_up_in_the_file() -> None:
    lines = [("sale", "1.25"), ("imbalance", "-0.30")]
    receipt: dict[str, Any] = {
        "receipt": "=cmd()", "cursor": "7", "at": "2026-06-21T10:00Z", "trade": "t", "hash": "h",
        "total": "0.95",
        "lines": [{"kind": kind, "amount": {"value": value, "currency": "EUR"}} for kind, value in lines],
    }  # fmt: skip
    found = summed({"currency": "EUR"}, receipt)
    assert (found["gross"], found["charges"], found["net"]) == (
        Decimal("1.25"),
        Decimal("-0.30"),
        Decimal("0.95"),
    )
    assert today([found], "2026-06-21") == {name: found[name] for name in ("gross", "charges", "net")}
    assert today([found], "2026-06-22") is None
    (row,) = csv.DictReader(io.StringIO(as_csv([found]).decode()))
    assert (row["receipt"], row["charges"], row["net"]) == ("'=cmd()", "-0.30", "0.95")


def test_prices_stand_in_both_moneys() -> None:
    zones = [
        {"id": "NL", "currency": "EUR", "price": "80"},
        {"id": "GB", "currency": "GBP", "price": "70"},
        {"id": "NO2", "currency": "NOK", "price": None},
    ]
    assert rates("NL", zones) == [
        ({"currency": "EUR", "value": "0.08"}, {"currency": "GBP", "value": "0.07"})
    ]
    assert rates("NO2", zones) == []


def test_buying_is_set_and_ended_by_its_form(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        pim = Reader(market)
        await pim.pair("pim")
        await pim.get("/me/buying")
        wish = {
            "buys": "on",
            "limit": "0,25",
            "quantity": "2",
            "since": "2026-06-21T11:00",
            "until": "2026-06-21T12:00",
        }
        for wrong in ({"limit": "x"}, {"quantity": "0"}, {"since": "soon"}, {"until": "2026-06-21T10:00"}):
            assert (await pim.post("/me/buying", {**wish, **wrong})).status_code == 422, wrong
        assert (await pim.post("/me/buying", wish)).status_code == 303
        page = (await pim.get("/me/buying?done=1")).text
        for shown in (
            'value="0.25"',
            'value="2"',
            'value="2026-06-21T11:00"',
            'name="buys" checked',
            "Saved.",
        ):
            assert shown in page
        assert (await pim.post("/me/buying", {})).status_code == 303
        assert 'name="buys" checked' not in (await pim.get("/me/buying")).text

    in_market(tmp_path, use, config=HOUSEHOLDS)
