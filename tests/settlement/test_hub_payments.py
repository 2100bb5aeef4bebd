"""Payments over real HTTP: what they do, and what they refuse."""

from __future__ import annotations

from typing import Any

from tests.settlement.hubs import ANA, BEN, Hub, assert_problem, eur, leg, reservation, settlement, trade
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.wire import Total


def test_the_whole_way_across_two_currencies(market: Hub) -> None:
    async def way(client: HubClient) -> None:
        held = await client.reserve(
            "c1/fund",
            reservation="r1",
            account=ANA,
            amount=eur("12"),
            contract="c1",
            expires_at=1_782_000_900_000,
        )
        assert (held.state, held.expires_at) == ("reserved", "2026-06-21T00:15Z")
        assert (await client.account(ANA)).available == "88"
        done = await client.settle(
            "c1/settle", settlement="s1", contract="c1", transfers=trade("s1"), reservation="r1"
        )
        assert (done.drawn, done.released) == (_total("10"), _total("2"))
        assert done.transfers == [f"s1/{n}" for n in range(7)]
        assert done.receipts == [f"s1/{ANA}", f"s1/{BEN}"]
        assert (await client.reservation("r1")).state == "settled"

    market.run(way)
    balances = market.balances()
    assert balances[ANA] == ("90", "0")
    assert balances[BEN] == ("7", "0")
    assert balances["fx:EUR"] == ("8.999999999", "0")
    assert balances["fx:GBP"] == ("-7.5", "0")
    assert balances["balancing:GBP"] == ("0.5", "0")
    trial = market.get("/trial-balance")
    assert trial["balanced"] is True
    assert [(c["currency"], c["sum"]) for c in trial["currencies"]] == [("EUR", "0"), ("GBP", "0")]
    assert market.get("/chain") == {
        "ok": True,
        "transfers": 9,
        "head": trial["head"],
        "broken": None,
        "reason": None,
    }


def _total(value: str) -> Total:
    return Total(currency="EUR", value=value)


def test_receipts_tell_each_member_their_side(market: Hub) -> None:
    market.post("/reservations", reservation(), "k1")
    market.post("/settlements", settlement(), "k2")
    (ben,) = market.get("/receipts", account=BEN)["items"]
    assert ben["contract"] == "c1"
    assert ben["total"] == {"currency": "GBP", "value": "7"}
    assert [(one["kind"], one["amount"]["value"], one["counterparty"]) for one in ben["lines"]] == [
        ("sale", "7.5", "fx:GBP"),
        ("imbalance", "-0.5", "balancing:GBP"),
    ]
    both = market.get("/receipts", contract="c1")["items"]
    assert [one["total"]["value"] for one in both] == ["-10", "7"]
    assert len({one["hash"] for one in both}) == 2


def test_release_gives_the_money_back(market: Hub) -> None:
    market.post("/reservations", reservation(), "k1")
    assert market.balances()[ANA] == ("100", "12")
    answer = market.post("/reservations/r1/release", None, "k2")
    assert (answer.status_code, answer.json()["state"]) == (200, "released")
    assert market.balances()[ANA] == ("100", "0")


def test_a_settlement_without_transfers_releases_all(market: Hub) -> None:
    market.post("/reservations", reservation(), "k1")
    answer = market.post("/settlements", settlement(legs=[]), "k2")
    assert answer.json()["released"] == {"currency": "EUR", "value": "12"}
    assert market.balances()[ANA] == ("100", "0")


def test_a_settlement_without_reservation_draws_on_free_money(market: Hub) -> None:
    market.post("/reservations", reservation(value="95"), "k1")
    free = settlement(reservation=None, legs=[leg(ANA, "fx:EUR", "5")])
    assert market.post("/settlements", free, "k2").status_code == 201
    more = settlement("s2", reservation=None, legs=[leg(ANA, "fx:EUR", "0.000000001")])
    assert_problem(market.post("/settlements", more, "k3"), 402, "insufficient-funds", "transfers.0.amount")
    assert market.balances()[ANA] == ("95", "95")


def test_a_reservation_is_settled_or_released_once(market: Hub) -> None:
    def closed(path: str, body: Any, key: str) -> None:
        assert_problem(market.post(path, body, key), 409, "reservation-closed", "reservation")

    market.post("/reservations", reservation("r1"), "k1")
    market.post("/settlements", settlement(), "k2")
    closed("/settlements", settlement("s2"), "k3")
    closed("/reservations/r1/release", None, "k4")
    market.post("/reservations", reservation("r2"), "k5")
    market.post("/reservations/r2/release", None, "k6")
    closed("/reservations/r2/release", None, "k7")
    closed("/settlements", settlement("s3", reservation="r2"), "k8")
    assert market.balances()[ANA] == ("90", "0")


def test_an_id_is_used_once(market: Hub) -> None:
    market.post("/reservations", reservation(), "k1")
    market.post("/settlements", settlement(), "k2")
    for path, body, field in (
        ("/reservations", reservation(), "reservation"),
        ("/settlements", settlement(reservation=None), "settlement"),
    ):
        assert_problem(market.post(path, body, f"again {field}"), 409, "duplicate-id", field)
    assert market.balances()[ANA] == ("90", "0")


def test_ids_with_slashes_and_arrows_work_in_paths(market: Hub) -> None:
    async def way(client: HubClient) -> None:
        odd = "power/2026-06-21T10:00Z/PT15M#7?x=1&y=%20>GB/release"
        await client.reserve("k", reservation=odd, account=ANA, amount=eur("1"), contract=odd)
        assert (await client.reservation(odd)).contract == odd
        assert (await client.release("k2", reservation=odd)).state == "released"
        assert (await client.account("lane:ES>GB:tariff:EUR")).posted == "0"

    market.run(way)
