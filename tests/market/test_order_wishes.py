"""Whom orders prefer, in case files: what is read, what is refused and where, digests, and the proof."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.market.test_case import CASE, read
from tradelane.market.case import CaseError, case_digest, read_case
from tradelane.market.order_wishes import LISTS, NAMES, OrderWishes
from tradelane.market.proof import verify
from tradelane.market.result import clear_case, result_digest
from tradelane.market.rows import Place, Rows, TableRows
from tradelane.market.units import PPM

HOUR = CASE["products"][0]["id"]
FIELDS = (*NAMES, *LISTS)


def order(id: str, zone: str, side: str, mwh: str, **wish: Any) -> dict[str, Any]:
    price = "40" if side == "sell" else "60"
    row = {"id": id, "seq": int(id[1:]), "product": HOUR, "zone": zone, "side": side}
    return row | {"price": price, "quantity": mwh} | wish


ORDERS = [
    order("o1", "NORD", "sell", "10", member="otto", origin="wind"),
    order("o2", "NORD", "sell", "10", member="rosa", origin="solar", partners=["nonna"]),
    order("o3", "NORD", "buy", "4", community="po", origins=["solar", "wind"]),
    order("o4", "CH", "buy", "9.3", member="nonna", partners=["rosa", "milo"]),
    order("o5", "NORD", "buy", "6"),
]


def with_orders(orders: list[dict[str, Any]]) -> dict[str, Any]:
    return copy.deepcopy(CASE) | {"orders": copy.deepcopy(orders)}


def as_table(orders: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The orders as a CSV file would have them: every field a text, with spaces between names."""
    fields = [*ORDERS[0].keys() - set(FIELDS), *FIELDS]

    def text(value: object) -> str:
        return " ".join(value) if isinstance(value, list) else str(value)

    return {name: [text(row.get(name, "")) for row in orders] for name in fields}


def table(columns: dict[str, list[str]]) -> Rows:
    return TableRows(Place("orders.csv", 0, range(2, 2 + len(ORDERS))), columns)


def test_partners_meet_through_a_case_file() -> None:
    case = read(with_orders(ORDERS))
    result = clear_case(case)
    met = {(t["seller"], t["buyer"]): t["received"] for t in result["trades"]}
    assert met == {("o2", "o4"): "9.3", ("o2", "o3"): "0.255", ("o1", "o3"): "3.745", ("o1", "o5"): "6"}
    assert verify(case, json.loads(json.dumps(result))) == []
    plain = read(with_orders([{k: v for k, v in row.items() if k not in FIELDS} for row in ORDERS]))
    same = clear_case(plain)
    for part in ("prices", "flows", "fills", "money", "certificate"):
        assert result[part] == same[part]


def test_a_table_says_the_same_as_a_list() -> None:
    head = copy.deepcopy(CASE) | {"orders": "orders.csv"}
    case = read_case(json.dumps(head), lambda name: [table(as_table(ORDERS))])
    assert case_digest(case) == case_digest(read(with_orders(ORDERS)))
    assert clear_case(case) == clear_case(read(with_orders(ORDERS[::-1])))


def test_the_digest_of_a_case_with_preferences_is_for_ever() -> None:
    case = read(with_orders(ORDERS))
    assert case_digest(case) == "sha256:ac12517a586459d423b5a2b59b8daeb0c080f02e50e552ac5f9959129ebebcee"
    published = "sha256:13c331f805eae2a7fd049bec1e59964b63a529b11799b455c4867b28a687fa0e"
    assert clear_case(case)["result_digest"] == published


def test_where_nobody_asks_nothing_is_said() -> None:
    """Who one is changes no digest as long as nobody asks: columns of names may stand in any case."""
    named = [row | {"member": "rosa", "partners": [], "community": None} for row in CASE["orders"]]
    named[0] |= {"origin": "solar"}
    case = read(with_orders(named))
    assert case.orders[HOUR].wishes is None
    assert case_digest(case) == case_digest(read(CASE))


@pytest.mark.parametrize("name", FIELDS)
def test_every_wish_is_in_the_digest(name: str) -> None:
    digests = {case_digest(read(with_orders(ORDERS)))}
    for row in range(len(ORDERS)):
        if ORDERS[row].get(name):
            orders = copy.deepcopy(ORDERS)
            orders[row][name] = ["x"] if name in LISTS else "x"
            digests.add(case_digest(read(with_orders(orders))))
    assert len(digests) == 1 + sum(name in row for row in ORDERS)


@pytest.mark.parametrize(
    ("where", "row", "wish"),
    [
        ("orders[0].member", 0, {"member": "Rosa Ferrari"}),
        ("orders[0].member", 0, {"member": 7}),
        ("orders[1].community", 1, {"community": ["po"]}),
        ("orders[1].partners", 1, {"partners": {"nonna": 1}}),
        ("orders[1].partners", 1, {"partners": ["nonna", "nonna"]}),
        ("orders[1].partners", 1, {"partners": ["nonna", ""]}),
        ("orders[1].partners", 1, {"partners": [["nonna"]]}),
        ("orders[1].partners", 1, {"partners": [f"m{k}" for k in range(17)]}),
        ("orders[3].origin", 3, {"origin": "solar"}),
        ("orders[1].origins", 1, {"origins": ["solar"]}),
    ],
)
def test_a_malformed_wish_is_named(where: str, row: int, wish: dict[str, Any]) -> None:
    case = with_orders(ORDERS)
    case["orders"][row].update(wish)
    with pytest.raises(CaseError) as fault:
        read(case)
    assert fault.value.where == where


def test_a_fault_in_a_table_is_named_by_its_line() -> None:
    columns = as_table(ORDERS)
    columns["origins"][1] = "solar"
    head = copy.deepcopy(CASE) | {"orders": "orders.csv"}
    with pytest.raises(CaseError, match=r"^orders.csv line 3: origins: is of buys"):
        read_case(json.dumps(head), lambda name: [table(columns)])


def altered(result: dict[str, Any], trades: list[dict[str, Any]]) -> dict[str, Any]:
    changed = result | {"trades": trades}
    return changed | {"result_digest": result_digest(changed)}


def test_a_result_that_passes_partners_over_is_not_proven() -> None:
    case = read(with_orders(ORDERS))
    plain = read(with_orders([{k: v for k, v in row.items() if k not in FIELDS} for row in ORDERS]))
    result = clear_case(case)
    in_line = altered(result, clear_case(plain)["trades"])
    assert verify(plain, altered(clear_case(plain), result["trades"])) == [], "nobody asked"
    assert verify(case, in_line) == [f"trades: {HOUR}: o1 and o3 trade as their preferences do not give"]


def test_trades_may_be_split_and_turned() -> None:
    case = read(with_orders(ORDERS))
    result = clear_case(case)
    last = result["trades"][-1]
    halves = [last | {"quantity": "3", "received": "3"}] * 2
    assert (last["quantity"], last["received"]) == ("6", "6")
    assert verify(case, altered(result, [*halves, *result["trades"][-2::-1]])) == []


def test_a_trade_without_its_path_is_malformed_where_preferences_are_proven() -> None:
    case = read(with_orders(ORDERS))
    result = clear_case(case)
    for trade in result["trades"]:
        del trade["path"]
    with pytest.raises(CaseError, match=r"^trades\[0\]"):
        verify(case, altered(result, result["trades"]))


def test_accepted_blocks_prefer_nobody() -> None:
    block = {"id": "b1", "seq": 9, "zone": "NORD", "side": "sell", "price": "10", "min_acceptance": "1",
             "profile": {HOUR: "5"}, "linked_to": None, "exclusive_group": None}  # fmt: skip
    case = read(with_orders(ORDERS) | {"blocks": [block]})
    result = clear_case(case)
    assert result["blocks"] == [{"block": "b1", "acceptance": "1"}]
    assert verify(case, json.loads(json.dumps(result))) == []
    assert {t["buyer"] for t in result["trades"] if t["seller"] == "o2"} >= {"o4"}
    expanded = case.with_accepted({"b1": PPM}).orders[HOUR]
    assert isinstance(expanded.wishes, OrderWishes) and len(expanded.wishes.wishes) == len(expanded) == 6
