"""Case and result files: what is read, what is refused and where, and that nothing false is proven."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import Market, random_market
from tradelane.market.case import Case, CaseError, case_digest, read_case
from tradelane.market.proof import verify
from tradelane.market.result import clear_case, result_digest
from tradelane.market.rows import Place, TableRows

HOUR = "power/2025-04-01T12:00Z/PT1H"
CASE: dict[str, Any] = {
    "format": "tradelane.case/1",
    "numeraire": "EUR",
    "products": [
        {
            "id": HOUR,
            "unit": "MWh",
            "lot": "0.001",
            "tick": "0.01",
            "min_price": "-500",
            "max_price": "4000",
            "allocation": "pro_rata",
        }
    ],
    "zones": [{"id": "NORD", "currency": "EUR", "fx": "1"}, {"id": "CH", "currency": "CHF", "fx": "1.05"}],
    "lanes": [
        {
            "id": "NORD>CH",
            "product": HOUR,
            "source": "NORD",
            "target": "CH",
            "capacity": "1500",
            "loss_ppm": 20000,
            "tariff": "0.50",
            "duty_ppm": 0,
        }
    ],
    "orders": [
        {
            "id": "o1",
            "seq": 1,
            "product": HOUR,
            "zone": "NORD",
            "side": "sell",
            "price": "41.20",
            "quantity": "12.500",
        },
        {
            "id": "o2",
            "seq": 2,
            "product": HOUR,
            "zone": "NORD",
            "side": "sell",
            "price": "60",
            "quantity": "30",
        },
        {"id": "o3", "seq": 3, "product": HOUR, "zone": "CH", "side": "buy", "price": "55", "quantity": "20"},
        {
            "id": "o4",
            "seq": 4,
            "product": HOUR,
            "zone": "CH",
            "side": "sell",
            "price": "54",
            "quantity": "20",
        },
    ],
    "blocks": [],
}


def read(case: dict[str, Any]) -> Case:
    return read_case(json.dumps(case), lambda name: ())


def table(rows: list[dict[str, str]]) -> TableRows:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return TableRows(Place("orders.csv", 0, range(2, 2 + len(rows))), columns)


def test_a_case_clears_and_its_result_is_proven() -> None:
    case = read(CASE)
    result = clear_case(case)
    assert verify(case, json.loads(json.dumps(result))) == []
    price = {row["zone"]: row["price"] for row in result["prices"]}
    assert price == {"NORD": "55.066000", "CH": "54.000000"}  # 54·1.05·0.98 − 0.50, CH held by its own seller
    assert result["flows"] == [{"product": HOUR, "lane": "NORD>CH", "sent": "12.5", "received": "12.25"}]


def test_the_result_does_not_depend_on_the_order_of_lines() -> None:
    turned = copy.deepcopy(CASE)
    for part in ("orders", "zones"):
        turned[part].reverse()
    assert clear_case(read(turned)) == clear_case(read(CASE))


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("format", lambda c: c.update(format="tradelane.case/9")),
        ("numeraire", lambda c: c.pop("numeraire")),
        ("products[0].tick", lambda c: c["products"][0].update(tick="0")),
        ("products[0].lot", lambda c: c["products"][0].update(lot="many")),
        ("products[0].max_price", lambda c: c["products"][0].update(max_price="-600")),
        ("products[0].min_price", lambda c: c["products"][0].update(min_price="-500.001")),
        ("products[0].allocation", lambda c: c["products"][0].update(allocation="lottery")),
        ("zones[1].fx", lambda c: c["zones"][1].update(fx="0")),
        ("zones[1].fx", lambda c: c["zones"][1].update(fx="NaN")),
        ("zones[1].id", lambda c: c["zones"][1].update(id="NORD")),
        ("lanes[0].target", lambda c: c["lanes"][0].update(target="MARS")),
        ("lanes[0].target", lambda c: c["lanes"][0].update(target="NORD")),
        ("lanes[0].capacity", lambda c: c["lanes"][0].update(capacity="-1")),
        ("lanes[0].capacity", lambda c: c["lanes"][0].update(capacity="0.0001")),
        ("lanes[0].loss_ppm", lambda c: c["lanes"][0].update(loss_ppm=1000000)),
        ("lanes[0].tariff", lambda c: c["lanes"][0].update(tariff=1)),
        ("orders[0].price", lambda c: c["orders"][0].update(price="41.205")),
        ("orders[0].price", lambda c: c["orders"][0].update(price="4000.01")),
        ("orders[0].quantity", lambda c: c["orders"][0].update(quantity="-12.5")),
        ("orders[0].quantity", lambda c: c["orders"][0].update(quantity="0.0005")),
        ("orders[1].id", lambda c: c["orders"][1].update(id="o1")),
        ("orders[1].seq", lambda c: c["orders"][1].update(seq=1)),
        ("orders[1].seq", lambda c: c["orders"][1].update(seq=True)),
        ("orders[2].side", lambda c: c["orders"][2].update(side="hold")),
        ("orders[2].zone", lambda c: c["orders"][2].pop("zone")),
        ("orders[2].product", lambda c: c["orders"][2].update(product="gold")),
        ("orders", lambda c: c.update(orders={"o1": {}})),
        ("blocks[0].zone", lambda c: c.update(blocks=[{"id": "b1"}])),
        ("zones", lambda c: c.update(zones=[], lanes=[], orders=[])),
    ],
)
def test_a_malformed_case_names_the_field(where: str, change: Callable[[dict[str, Any]], Any]) -> None:
    case = copy.deepcopy(CASE)
    change(case)
    with pytest.raises(CaseError) as fault:
        read(case)
    assert fault.value.where == where


def test_a_bare_float_is_refused() -> None:
    text = json.dumps(CASE).replace('"41.20"', "41.20")
    with pytest.raises(CaseError, match="decimal string"):
        read_case(text, lambda name: ())


def test_orders_in_a_file_beside_the_case_name_their_line() -> None:
    rows = [{k: str(v) for k, v in row.items()} for row in CASE["orders"]]
    beside = {**CASE, "orders": "orders.csv"}
    case = read_case(json.dumps(beside), lambda name: [table(rows)])
    assert case_digest(case) == case_digest(read(CASE))
    rows[2]["quantity"] = "0"
    with pytest.raises(CaseError) as fault:
        read_case(json.dumps(beside), lambda name: [table(rows)])
    assert fault.value.where == "orders.csv line 4: quantity"


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("outside its limit", lambda r: r["prices"][1].update(price="10", low="10")),
        ("price is outside its own low and high", lambda r: r["prices"][0].update(low="54.5")),
        ("sold less bought", lambda r: r["flows"][0].update(sent="12.4", received="12.152")),
        ("deliver", lambda r: r["flows"][0].update(received="12.3")),
        ("beyond its quantity", lambda r: r["fills"][0].update(quantity="13")),
        ("below zero", lambda r: r["fills"][0].update(quantity="-1")),
        ("sold less bought", lambda r: r["fills"].pop()),
        (
            "unfilled",
            lambda r: (r["fills"].clear(), r["trades"].clear(), r["flows"][0].update(sent="0", received="0")),
        ),
        ("money.freight", lambda r: r["money"].update(freight="0")),
        ("certificate.welfare", lambda r: r["certificate"].update(welfare="1000000")),
        ("is not traded", lambda r: r["trades"].pop()),
        ("seller_price", lambda r: r["trades"][0].update(seller_price="41.20")),
        ("case_digest", lambda r: r.update(case_digest="sha256:00")),
    ],
)
def test_a_changed_result_is_not_proven(problem: str, change: Callable[[dict[str, Any]], Any]) -> None:
    case = read(CASE)
    result = clear_case(case)
    change(result)
    found = verify(case, result)
    assert any(problem in line for line in found), found
    assert any("digest" in line for line in found)
    result["result_digest"] = result_digest(result)
    assert verify(case, result), "a changed result with a matching digest is still not proven"


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("prices", lambda r: r["prices"].pop()),
        ("flows", lambda r: r["flows"].pop()),
        ("fills[0].order", lambda r: r["fills"][0].update(order="o9")),
        ("fills[1].order", lambda r: r["fills"][1].update(order=r["fills"][0]["order"])),
        ("prices[0].price", lambda r: r["prices"][0].update(price="41.2000001")),
        ("trades[0].buyer", lambda r: r["trades"][0].update(buyer="o9")),
        ("money.freight", lambda r: r["money"].pop("freight")),
        ("certificate.", lambda r: r.pop("certificate")),
    ],
)
def test_a_malformed_result_names_the_field(where: str, change: Callable[[dict[str, Any]], Any]) -> None:
    case = read(CASE)
    result = clear_case(case)
    change(result)
    with pytest.raises(CaseError) as fault:
        verify(case, result)
    assert fault.value.where == where


def as_case(market: Market) -> Case:
    p = market.product
    case = {
        "format": "tradelane.case/1",
        "numeraire": "EUR",
        "products": [
            {
                "id": p.id,
                "unit": p.unit,
                "lot": str(p.lot),
                "tick": str(p.tick),
                "min_price": p.price_text(p.min_price),
                "max_price": p.price_text(p.max_price),
                "allocation": p.allocation.value,
            }
        ],
        "zones": [{"id": z.id, "currency": z.currency, "fx": str(z.fx)} for z in market.zones],
        "lanes": [
            {
                "id": x.id,
                "product": p.id,
                "source": x.source,
                "target": x.target,
                "capacity": p.quantity_text(x.capacity),
                "loss_ppm": x.loss_ppm,
                "tariff": str(x.tariff),
            }
            for x in market.lanes
        ],
        "orders": [
            {
                "id": o.id,
                "seq": o.seq,
                "product": p.id,
                "zone": o.zone,
                "side": o.side.value,
                "price": p.price_text(o.price),
                "quantity": p.quantity_text(o.quantity),
            }
            for o in market.orders
        ],
    }
    return read(case)


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_every_result_is_proven_from_its_file_alone(seed: int) -> None:
    case = as_case(random_market(seed))
    assert verify(case, json.loads(json.dumps(clear_case(case)))) == []
