"""Members say whom they would rather trade with; contracts and public files keep to it, prices do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FARM,
    FIRST,
    GATE,
    POTATOES,
    POWER,
    Marketplace,
    Member,
    forget,
    in_market,
    member,
)
from tests.settlement.hubs import assert_problem
from tradelane.gateway.offering import Offering
from tradelane.gateway.preferences import FIELDS, check_wish, preferences_of, stated, without_names
from tradelane.gateway.sections import EdgeSection
from tradelane.market.case import read_case
from tradelane.market.order import Order, Side
from tradelane.market.proof import verify
from tradelane.market.units import Money
from tradelane.market.wish import NO_WISH, Wish
from tradelane.meter.metering import Metered, MeteredInterval

CARL = member("carl", "NL")
Pairs = list[tuple[str, str, int]]
ROOF: dict[str, Any] = {
    "id": "rosa",
    "name": "Rosa",
    "zone": "NL",
    "sells": True,
    "meter": "roof",
    "buys": {"kind": "steady", "max_price": "90", "max_wh": 500, "origins": ["wind", "solar"]},
    "goods": [{"product": "potatoes", "side": "buy", "price": "1", "quantity": "25"}],
    "community": "dyke",
    "partners": ["beth", "carl"],
}


async def trade(market: Marketplace, preferring: bool) -> Pairs:
    """Anna's and Farm's offers are equal, Anna's stands first; Beth, abroad and last, names Anna."""
    await market.join(ANNA, FARM, BRAM, CARL, BETH)
    await market.hub.deposit("carl/money", account=CARL.account, amount=Money.parse("1000", "EUR"))
    orders: list[tuple[Member, str, str, dict[str, Any]]] = [
        (ANNA, "sell", "0.002", {"origin": "solar", "partners": ["beth"]}),
        (FARM, "sell", "0.002", {"origin": "wind", "community": "dyke"}),
        (BRAM, "buy", "0.001", {"origins": ["wind", "solar"]}),
        (CARL, "buy", "0.001", {"community": "dyke"}),
        (BETH, "buy", "0.00194", {"partners": ["anna", "nobody"]}),
    ]
    for who, side, mwh, wish in orders:
        price = "40" if side == "sell" else "100"
        await market.taken(who, side, price, mwh, **(wish if preferring else {}))
    market.now = GATE
    await market.priced()
    return market.rows("SELECT seller, buyer, received FROM contracts ORDER BY seller, buyer")


PREFERRED = [("anna", "beth", 1940), ("farm", "bram", 1000), ("farm", "carl", 1000)]


def test_contracts_are_made_with_whom_members_prefer(tmp_path: Path) -> None:
    async def prefer(market: Marketplace) -> list[Any]:
        assert await trade(market, True) == PREFERRED
        await market.settled("funded", "funded", "funded")
        assert await market.books_balance()
        return market.rows("SELECT zone, price FROM prices ORDER BY zone")

    async def in_line(market: Marketplace) -> list[Any]:
        assert await trade(market, False) == [
            ("anna", "bram", 1000),
            ("anna", "carl", 1000),
            ("farm", "beth", 1940),
        ]
        return market.rows("SELECT zone, price FROM prices ORDER BY zone")

    for name in ("chosen", "plain"):
        (tmp_path / name).mkdir()
    assert in_market(tmp_path / "chosen", prefer) == in_market(tmp_path / "plain", in_line)


def test_a_gate_cleared_again_pairs_the_same(tmp_path: Path) -> None:
    async def again(market: Marketplace) -> Pairs:
        await market.priced()
        return market.rows("SELECT seller, buyer, received FROM contracts ORDER BY seller, buyer")

    in_market(tmp_path, lambda market: trade(market, True))
    for table in ("prices", "flows", "contracts"):
        forget(tmp_path, f"DELETE FROM {table}")
    forget(tmp_path, "DELETE FROM journal WHERE seq > (SELECT max(seq) FROM journal WHERE kind = 'gate')")
    forget(tmp_path, "UPDATE orders SET state = 'open', filled = 0")
    assert in_market(tmp_path, again, GATE) == PREFERRED


def test_a_published_case_says_who_prefers_whom_without_names(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await trade(market, True)
        case = (await market.http.get(f"/api/v1/clearings/{POWER}/case")).json()
        result = (await market.http.get(f"/api/v1/clearings/{POWER}/result")).json()
        for name in ("anna", "beth", "nobody", "dyke"):
            assert name not in json.dumps(case)
        said = [{k: v for k, v in row.items() if k in ("member", *FIELDS)} for row in case["orders"]]
        assert said == [
            {"member": "m2", "origin": "solar", "partners": ["m1"]},
            {"member": "m3", "origin": "wind", "community": "c1"},
            {"member": "m4", "origins": ["wind", "solar"]},
            {"member": "m5", "community": "c1"},
            {"member": "m1", "partners": ["m2", "m6"]},
        ]
        assert verify(read_case(json.dumps(case), lambda name: ()), result) == []
        names = {f"o{seq}": name for seq, name in market.rows("SELECT seq, member FROM orders")}
        pairs = [(names[t["seller"]], names[t["buyer"]], t["received"]) for t in result["trades"]]
        assert sorted(pairs) == [(s, b, f"{lots / 10**6:.6f}".rstrip("0")) for s, b, lots in PREFERRED]

    in_market(tmp_path, use)


def test_a_case_in_which_nobody_asks_says_nothing_of_members(tmp_path: Path) -> None:
    """That the sun made it is of use only to who asks."""

    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BRAM)
        await market.taken(ANNA, "sell", "40", "0.001", origin="solar")
        await market.taken(BRAM, "buy", "90", "0.001")
        market.now = GATE
        await market.priced()
        case = (await market.http.get(f"/api/v1/clearings/{POWER}/case")).json()
        assert not any(name in row for row in case["orders"] for name in ("member", *FIELDS))

    in_market(tmp_path, use)


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "a sell that prefers origins": ({"origins": ["wind"]}, "not-a-preference", "origins"),
    "a buy from the sun": ({"side": "buy", "origin": "solar"}, "not-a-preference", "origin"),
    "named twice": ({"partners": ["beth", "beth"]}, "named-twice", "partners"),
    "goods": ({"product": POTATOES, "quantity": "25", "price": "1", "partners": ["beth"]},
              "not-a-preference", "partners"),
    "no id": ({"community": "the dyke"}, "validation", "community"),
    "too many": ({"partners": [f"m{k}" for k in range(17)]}, "validation", "partners"),
    "no list": ({"partners": "beth"}, "validation", "partners"),
}  # fmt: skip


def test_what_cannot_be_preferred_is_refused(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA)
        before = market.footprint()
        for name, (change, code, field) in BAD.items():
            body = market.order_body(ANNA, "sell", "50", "0.001") | change
            assert_problem(await market.send(ANNA, "orders", body), 422, code, field)
            assert market.footprint() == before, name
        body = market.order_body(ANNA, "sell", "50", "0.001", partners=["beth"])
        first = await market.send(ANNA, "orders", body)
        assert (await market.send(ANNA, "orders", body)).json() == first.json()
        changed = await market.send(ANNA, "orders", body | {"partners": ["bram"]})
        assert_problem(changed, 422, "duplicate-id", "id")

    in_market(tmp_path, use)


def bodies(**more: Any) -> list[dict[str, Any]]:
    """What Rosa's gateway sends for the first gate: her surplus, her purchase, and goods."""
    section = EdgeSection.model_validate(
        {
            "zone_url": "http://zone.example",
            "members": [ROOF | more],
            "meters": [{"name": "roof", "transport": "modbus", "host": "192.0.2.1"}],
        }
    )
    closed = [
        MeteredInterval("roof", FIRST.shifted(k), 0, 900, 1000, Metered.MEASURED) for k in range(-12, 0)
    ]
    power = {"id": POWER, "unit": "MWh", "lot": "0.000001", "tick": "0.01", "gate": "a gate"}
    goods = {"id": POTATOES, "unit": "kg", "lot": "25", "tick": "0.01", "gate": None}
    offering = Offering(section, {"roof": closed})
    return list(offering.bodies(section.members[0], [power, goods], GATE, {}))


def test_an_edge_says_what_its_member_prefers() -> None:
    sell, buy, goods = bodies()
    assert [{k: v for k, v in body.items() if k in FIELDS} for body in (sell, buy, goods)] == [
        {"community": "dyke", "partners": ["beth", "carl"], "origin": "solar"},
        {"community": "dyke", "partners": ["beth", "carl"], "origins": ["wind", "solar"]},
        {},
    ]
    assert bodies(origin="wind")[0]["origin"] == "wind"
    assert "origin" not in bodies(origin=None)[0]
    with pytest.raises(ValueError, match="names one twice"):
        bodies(partners=["beth", "beth"])


def test_a_wish_says_only_what_was_said() -> None:
    assert stated(Wish("anna", partners=("beth",))) == {"partners": ["beth"]}
    check_wish(NO_WISH, Side.BUY, auction=False)
    assert preferences_of([(["s"], ["b"])], {}) is None
    found = preferences_of(
        [(["s"], []), ([], ["b"])], {"b": Wish("beth", partners=("anna",)), "s": Wish("anna")}
    )
    assert found is not None and len(found.named()) == 1
    book = [Order("s", 1, "anna", POWER, "NL", Side.SELL, 1, 1)]
    assert list(without_names(book, {})) == [{}]
