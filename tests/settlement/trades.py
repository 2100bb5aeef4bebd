"""Random contracts for the settlement's tests, and what a set of transfers does to each account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil

from hypothesis import strategies as st

from tradelane.market.product import Lane, Product, Zone
from tradelane.market.units import MILLI, PPM
from tradelane.settlement.contract import Contract, Leg
from tradelane.settlement.delivery import Delivery, measure
from tradelane.settlement.ledger import Transfer

POWER = Product("power/x", "MWh", Decimal("0.000001"), Decimal("0.01"), -50_000, 400_000)
POTATOES = Product("potatoes/x", "kg", Decimal(25), Decimal("0.01"), 5, 500, hs_code="070190")
NL, GB, NO2 = (
    Zone("NL", "EUR"),
    Zone("GB", "GBP", Decimal("1.17")),
    Zone("NO2", "NOK", Decimal("0.087")),
)
DE = Zone("DE", "EUR")
DUTY_FREE = st.just(0)
ZONES = (NL, GB, NO2, DE)


def flows(transfers: Iterable[Transfer]) -> dict[str, int]:
    """Nano-units each account gains, by account."""
    found: dict[str, int] = defaultdict(int)
    for t in transfers:
        found[t.target] += t.amount.nano
        found[t.source] -= t.amount.nano
    return found


def paid_out(transfers: Iterable[Transfer], account: str) -> int:
    """Everything that leaves an account, nothing set against it: what a reservation has to cover."""
    return sum(t.amount.nano for t in transfers if t.source == account)


@st.composite
def lanes(draw: st.DrawFn, source: Zone, target: Zone, duty: st.SearchStrategy[int]) -> Lane:
    loss = draw(st.sampled_from([0, 0, 30_000, 38_000, 999_999]))
    tariff = Decimal(draw(st.integers(0, 500))).scaleb(-2)
    return Lane(f"{source.id}>{target.id}", source.id, target.id, 10**9, loss, tariff, draw(duty))


def covering(product: Product, lane: Lane, source: Zone, target: Zone, price: int) -> int:
    """The least target price (milliticks) at which the lane is worth using from ``price`` at its source."""
    cost = Fraction(source.fx) * price * (1 + Fraction(lane.duty_ppm, PPM))
    cost += Fraction(lane.tariff) / Fraction(product.tick) * MILLI
    return ceil(cost / Fraction(PPM - lane.loss_ppm, PPM) / Fraction(target.fx))


@st.composite
def contracts(
    draw: st.DrawFn,
    lowest: int = -50_000_000,
    duty: st.SearchStrategy[int] = DUTY_FREE,
    most: int = 20_000,
) -> Contract:
    """A clearing's trade over none, one or two lanes, each worth using at the prices of its ends."""
    way = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True))
    price = first = draw(st.integers(lowest, 400_000_000))
    sent = received = draw(st.integers(1, most))
    legs = []
    for source, target in pairwise(way):
        lane = draw(lanes(source, target, duty))
        rent = draw(st.sampled_from([0, 0, 1, 7_000_000]))
        there = covering(POWER, lane, source, target, price) + rent
        legs.append(Leg(lane, source, target, price, there))
        price, received = there, lane.received(received)
    return Contract("c1-0", POWER, "s", way[0], "b", way[-1], sent, received, first, price, tuple(legs))


@st.composite
def deliveries(draw: st.DrawFn, made: st.SearchStrategy[Contract]) -> Delivery:
    """A contract with anything from nothing to all of it metered."""
    contract = draw(made)
    metered = draw(st.one_of(st.just(0), st.just(contract.sent), st.integers(0, contract.sent)))
    return measure(metered, [contract])[0]
