"""Numbers made to break a reader: each is a fault with a name, none an accident."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.market.test_case import CASE, read
from tradelane.market.case import CaseError, read_case
from tradelane.market.document import read_document
from tradelane.market.proof import verify
from tradelane.market.result import clear_case

HUGE = "1e30"
Change = Callable[[dict[str, Any]], object]
CASES: dict[str, tuple[str, Change]] = {
    "quantity": ("orders[0].quantity", lambda c: c["orders"][0].update(quantity=HUGE)),
    "quantity as digits": ("orders[0].quantity", lambda c: c["orders"][0].update(quantity="9" * 60)),
    "place": ("orders[0].seq", lambda c: c["orders"][0].update(seq=10**30)),
    "place as text": ("orders[0].seq", lambda c: c["orders"][0].update(seq="9" * 5000)),
    "place in strange digits": ("orders[0].seq", lambda c: c["orders"][0].update(seq="²")),
    "capacity": ("lanes[0].capacity", lambda c: c["lanes"][0].update(capacity=HUGE)),
    "price limit": ("products[0].max_price", lambda c: c["products"][0].update(max_price=HUGE)),
    "all together": ("orders", lambda c: [o.update(quantity="3000000000000") for o in c["orders"]]),
}
RESULTS: dict[str, tuple[str, Change]] = {
    "fill": ("fills[0].quantity", lambda r: r["fills"][0].update(quantity=HUGE)),
    "fill below zero": ("fills[0].quantity", lambda r: r["fills"][0].update(quantity=f"-{HUGE}")),
    "price": ("prices[0].price", lambda r: r["prices"][0].update(price=HUGE)),
    "flow": ("flows[0].sent", lambda r: r["flows"][0].update(sent=HUGE)),
    "trade": ("trades[0].quantity", lambda r: r["trades"][0].update(quantity=HUGE)),
}


@pytest.mark.parametrize(("where", "change"), CASES.values(), ids=CASES)
def test_a_case_with_too_large_a_number_names_the_field(where: str, change: Change) -> None:
    case = copy.deepcopy(CASE)
    change(case)
    with pytest.raises(CaseError) as found:
        read(case)
    assert found.value.where == where


@pytest.mark.parametrize(("where", "change"), RESULTS.values(), ids=RESULTS)
def test_a_result_with_too_large_a_number_names_the_field(where: str, change: Change) -> None:
    case = read(CASE)
    result = json.loads(json.dumps(clear_case(case)))
    change(result)
    with pytest.raises(CaseError) as found:
        verify(case, result)
    assert found.value.where == where


def test_half_a_character_is_no_text_and_two_halves_are_one() -> None:
    text = json.dumps(CASE).replace('"o1"', r'"\ud83d"')
    with pytest.raises(CaseError, match="not valid JSON"):
        read_case(text, lambda name: ())
    whole = read_case(text.replace(r"\ud83d", r"\ud83d\ude00"), lambda name: ())
    assert next(iter(whole.orders[CASE["products"][0]["id"]])).id == "😀"
    result = json.dumps(clear_case(whole))
    assert verify(whole, read_document(result, {"fills"})) == []
    with pytest.raises(CaseError, match="not valid JSON"):
        read_document(result.replace(r"\ude00", ""), {"fills"})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"orders": ' + "9" * 5000 + "}", "[1.5]", "{", ""])
def test_no_json_breaks_the_reader(text: str) -> None:
    with pytest.raises(CaseError):
        read_case(text, lambda name: ())
