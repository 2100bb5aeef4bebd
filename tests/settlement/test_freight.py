"""Freight: weeks, prices, arrivals and capacity."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradelane.settlement.freight import DAY, WEEK, Refusal, arrival, freight, taken, week_of

AMOUNTS = st.decimals(min_value="0.001", max_value=1000, places=3)


@given(st.integers(-(10**12), 10**13))
def test_a_week_begins_on_monday(at: int) -> None:
    start = week_of(at)
    moment = datetime.fromtimestamp(start / 1000, UTC)
    assert (moment.isoweekday(), moment.hour, moment.minute, moment.second) == (1, 0, 0, 0)
    assert start <= at < start + WEEK


def test_a_price_is_per_unit_and_rounded_once() -> None:
    assert freight(60_000_000, Decimal("12.5")) == 750_000_000
    assert freight(1, Decimal("0.5")) == 1 and freight(1, Decimal("0.4")) == 0
    assert arrival(1000, 3) == 1000 + 3 * DAY


@given(AMOUNTS, st.lists(AMOUNTS, max_size=20))
def test_no_more_is_taken_than_there_is(capacity: Decimal, asked: list[Decimal]) -> None:
    total = Decimal(0)
    sold: list[Decimal] = []
    for quantity in asked:
        after = taken(capacity, total, quantity)
        if isinstance(after, Refusal):
            assert total + quantity > capacity
        else:
            total, sold = after, [*sold, quantity]
    assert total == sum(sold) <= capacity
