"""Constraints in case files: read strictly, kept, priced in the result, and proven from the files alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.test_case import read
from tradelane.market.case import CaseError, case_digest
from tradelane.market.proof import verify
from tradelane.market.result import clear_case, result_digest

HOURS = ("h0", "h1")
CASE: dict[str, Any] = {
    "format": "tradelane.case/1",
    "numeraire": "EUR",
    "products": [
        {"id": h, "unit": "MWh", "lot": "0.001", "tick": "0.01", "min_price": "-500", "max_price": "4000"}
        for h in HOURS
    ],
    "zones": [{"id": z, "currency": "EUR", "fx": "1"} for z in ("A", "B", "C")],
    "lanes": [
        {"id": f"{a}>C", "product": h, "source": a, "target": "C", "capacity": "30", "tariff": "0"}
        for h in HOURS
        for a in ("A", "B")
    ],
    "orders": [
        {"id": f"{h}{k}", "seq": 10 * i + k, "product": h, "zone": zone, "side": side, "price": price,
         "quantity": quantity}
        for i, h in enumerate(HOURS)
        for k, (zone, side, price, quantity) in enumerate(
            [("A", "sell", "10", "40"), ("B", "sell", "20", "40"), ("C", "sell", "45", "60"),
             ("C", "buy", "50", "60" if h == "h0" else "20")]
        )
    ],
    "lane_sets": [{"id": "into C", "product": "h0", "lanes": ["A>C", "B>C"], "capacity": "40"}],
    "flow_based": [{"id": "line", "product": "h1", "ptdf": {"A": "0.5", "B": "0.25"}, "ram": "8.5"}],
    "ramps": [
        {"id": "A>C", "products": ["h0", "h1"], "along": ["A>C"], "up": "20", "down": "15", "before": "12.5"}
    ],
}  # fmt: skip
Change = Callable[[dict[str, Any]], object]
FAULTS: dict[str, Change] = {
    "lane_sets[0].product": lambda c: c["lane_sets"][0].update(product="h9"),
    "lane_sets[0].lanes[1]": lambda c: c["lane_sets"][0].update(lanes=["A>C", "D>C"]),
    "lane_sets[0].lanes": lambda c: c["lane_sets"][0].update(lanes=[]),
    "lane_sets[0].capacity": lambda c: c["lane_sets"][0].update(capacity="-1"),
    "flow_based[0].product": lambda c: c.update(lanes=c["lanes"][:2], ramps=[]),
    "flow_based[0].ptdf": lambda c: c["flow_based"][0].update(ptdf={}),
    "flow_based[0].ptdf.X": lambda c: c["flow_based"][0].update(ptdf={"X": "1"}),
    "flow_based[0].ptdf.A": lambda c: c["flow_based"][0].update(ptdf={"A": "a half"}),
    "flow_based[0].ram": lambda c: c["flow_based"][0].pop("ram"),
    "flow_based[0].id": lambda c: c["flow_based"][0].update(id="into C"),
    "ramps[0].products": lambda c: c["products"][1].update(max_price="3000"),
    "ramps[0].along[0]": lambda c: c["ramps"][0].update(along=["C>A"]),
    "ramps[0].up": lambda c: [c["ramps"][0].pop(name) for name in ("up", "down")],
    "ramps[0].before": lambda c: c["ramps"][0].update(before="0.0001"),
    "ramps": lambda c: c.update(ramps={}),
}
UNTRUE: dict[str, Change] = {
    "a price that is not needed": lambda r: r["constraints"][0].update(price="1"),
    "a use that is not so": lambda r: r["constraints"][0].update(use="1"),
    "one left out": lambda r: r["constraints"].pop(),
    "slack": lambda r: r["certificate"].update(constraint_slack="1"),
    "more sent than there is room": lambda r: r["flows"][1].update(sent="30", received="30"),
}


def test_the_result_keeps_prices_and_proves_every_constraint() -> None:
    case = read(CASE)
    result = clear_case(case)
    assert verify(case, result) == []
    assert [row["constraint"] for row in result["constraints"]] == [
        "A>C down h0", "A>C down h1", "A>C up h0", "A>C up h1", "into C", "line",
    ]  # fmt: skip
    said = {row["constraint"]: row for row in result["constraints"]}
    assert said["into C"] == {"constraint": "into C", "use": "40", "room": "40", "price": "25"}
    assert said["A>C down h1"]["use"] == "15" and float(said["A>C down h1"]["price"]) > 0
    assert result["certificate"]["gap"] == result["certificate"]["constraint_slack"] == "0"


@pytest.mark.parametrize(("where", "change"), FAULTS.items(), ids=FAULTS)
def test_a_malformed_constraint_names_its_field(where: str, change: Change) -> None:
    case = copy.deepcopy(CASE)
    change(case)
    with pytest.raises(CaseError) as found:
        read(case)
    assert found.value.where == where


@pytest.mark.parametrize("change", UNTRUE.values(), ids=UNTRUE)
def test_a_result_that_says_too_much_or_too_little_is_not_proven(change: Change) -> None:
    case = read(CASE)
    result = json.loads(json.dumps(clear_case(case)))
    change(result)
    result["result_digest"] = result_digest(result)
    assert verify(case, result)


@settings(max_examples=12)
@given(st.permutations(["lane_sets", "flow_based", "ramps", "lanes", "orders"]), st.randoms())
def test_the_order_of_the_lines_says_nothing(names: list[str], chance: Any) -> None:
    other = copy.deepcopy(CASE)
    for name in names:
        chance.shuffle(other[name])
    ours, theirs = read(CASE), read({**{n: other[n] for n in names}, **other})
    assert case_digest(ours) == case_digest(theirs)
    assert clear_case(ours)["result_digest"] == clear_case(theirs)["result_digest"]


def test_a_network_element_that_no_lane_uses_is_kept_for_nothing() -> None:
    case = copy.deepcopy(CASE)
    case["flow_based"][0]["ptdf"] = {"A": "0.5", "B": "0.5", "C": "0.5"}
    result = clear_case(read(case))
    assert verify(read(case), result) == []
    said = {row["constraint"]: row for row in result["constraints"]}
    assert (said["line"]["use"], said["line"]["price"]) == ("0", "0")


def test_blocks_are_chosen_so_that_constraints_hold() -> None:
    case = copy.deepcopy(CASE)
    case["blocks"] = [
        {"id": "b", "seq": 99, "zone": "A", "side": "sell", "price": "5", "profile": {"h0": "10", "h1": "10"}}
    ]
    result = clear_case(read(case))
    assert verify(read(case), result) == []
    assert result["blocks"] == [{"block": "b", "acceptance": "1"}]
