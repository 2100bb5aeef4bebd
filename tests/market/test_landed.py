from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.landed import Landed
from tradelane.market.product import Lane, Zone

WORTH = st.decimals("0.01", "99", places=4)
PRICES = st.integers(-(10**6), 10**6)


@st.composite
def lanes(draw: st.DrawFn) -> tuple[Lane, Landed]:
    loss, duty = draw(st.integers(0, 999_999)), draw(st.integers(0, 500_000))
    lane = Lane("l", "A", "B", 10**9, loss, draw(st.decimals("-5", "5", places=3)), duty)
    zones = Zone("A", "AAA", draw(WORTH)), Zone("B", "BBB", draw(WORTH))
    return lane, Landed(lane, *zones, Decimal("0.01"))


@given(lanes(), PRICES, PRICES)
def test_a_price_is_within_reach_from_one_end_exactly_when_it_is_from_the_other(
    found: tuple[Lane, Landed], price: int, bid: int
) -> None:
    _, landed = found
    assert (landed.landed(price) <= bid) == (price <= landed.netback(bid))


@given(lanes(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_load_is_within_both_and_the_smallest_that_brings_as_much(
    found: tuple[Lane, Landed], offered: int, wanted: int
) -> None:
    lane, landed = found
    sent, received = landed.load(offered, wanted)
    assert 0 <= sent <= offered and 0 <= received <= wanted
    assert received == lane.received(sent)
    assert sent == offered or (received == wanted and (sent == 0 or lane.received(sent - 1) < wanted))
