"""What a result states of orders: checked by column as it is row by row, and against each other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import random_market
from tests.market.test_blocks import BASE
from tests.market.test_case import CASE, as_case, read
from tradelane.market.case import Case
from tradelane.market.fields import LARGEST, CaseError
from tradelane.market.proof import verify
from tradelane.market.result import clear_case, clear_tables, result_digest
from tradelane.market.rows import Rows, Table
from tradelane.market.stated import Fills, Traded

Json = dict[str, Any]


def found(case: Case, result: Json) -> list[str] | str:
    """The problems, or the malformed field."""
    try:
        return verify(case, result)
    except CaseError as fault:
        return str(fault)


def found_row_by_row(case: Case, result: Json) -> list[str] | str:
    def unusual(*_: object) -> None:
        raise ValueError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fills, "_plain", unusual)
        patch.setattr(Traded, "_plain", unusual)
        return found(case, result)


@st.composite
def tampered(draw: st.DrawFn) -> tuple[Case, Json]:
    """A result in which some values of fills and trades are others."""
    case = read(BASE) if draw(st.integers(0, 9)) == 0 else as_case(random_market(draw(st.integers(0, 2**32))))
    result: Json = json.loads(json.dumps(clear_case(case)))
    values = ["1", "0.001", "-1", "1e3", "x", None, "0", str(LARGEST), "lane:?", "b1", ["o1"], 7, "12.50"]
    values += [row["order"] for row in result["fills"]]
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["fills", "trades"]))
        if result[name]:
            row = draw(st.sampled_from(result[name]))
            row[draw(st.sampled_from(sorted(row)))] = draw(st.sampled_from(values))
    for name in ("fills", "trades"):
        if result[name] and draw(st.integers(0, 5)) == 0:
            draw(st.sampled_from([result[name].pop, lambda rows=result[name]: rows.append(rows[0])]))()
    return case, {**result, "result_digest": result_digest(result)}


@settings(max_examples=120)
@given(tampered())
def test_columns_are_checked_as_rows_are(pair: tuple[Case, Json]) -> None:
    assert found(*pair) == found_row_by_row(*pair)


def test_tables_are_proven_as_lists_are() -> None:
    case = read(CASE)
    result = clear_tables(case)
    assert isinstance(result["fills"], Table) and isinstance(result["trades"], Table)
    assert verify(case, result) == verify(case, clear_case(case)) == []
    parts: list[Rows] = [*result["fills"].parts, *result["fills"].parts]
    assert found(case, {**result, "fills": Table(parts)}) == "fills[0].order: 'o1' stands twice"


def test_who_sells_is_no_buyer() -> None:
    case = read(CASE)
    result = clear_case(case)
    trade = result["trades"][0]
    turned = {**trade, "seller": trade["buyer"], "buyer": trade["seller"]}
    for old, new in (("seller", "buyer"), ("buyer", "seller")):
        turned[f"{old}_price"] = trade[f"{new}_price"]
    result["trades"][0] = turned
    problems = found(case, result)
    assert "trades[0].seller: o3 is on the other side" in problems
    assert (
        "trades[0].buyer: o4 is on the other side" in problems
        or "trades[0].buyer: o1 is on the other side" in problems
    )


def test_no_number_of_trades_wraps_around_to_a_fill() -> None:
    """2⁶⁴ lots too many in 64 bits are none too many."""
    case = read(CASE)
    result = clear_case(case)
    row = next(row for row in result["trades"] if row["seller"] == "o4")
    lots = 2**52
    more = {**row, "quantity": f"{lots / 1000:.3f}", "received": "0", "buyer": "o3"}
    assert 2**64 % lots == 0
    result["trades"] += [more] * (2**64 // lots)
    assert "trades: order o4 is not traded as it is filled" in found(case, result)


def test_an_order_may_be_called_like_a_lane() -> None:
    named = copy.deepcopy(CASE)
    named["orders"][0]["id"] = "lane:NORD>CH"
    case = read(named)
    result = clear_case(case)
    assert verify(case, result) == []
    result["trades"] = [row for row in result["trades"] if row["seller"] != "lane:NORD>CH"]
    assert "trades: order lane:NORD>CH is not traded as it is filled" in found(case, result)
