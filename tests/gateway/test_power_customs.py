"""Power over a border, declared by lane and month from what was settled, and amended once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.marketplace import ANNA, BETH, Marketplace, in_market, statement
from tests.settlement.trades import POWER, contracts
from tradelane.gateway.power_customs import DECLARED, Sent, month_of, sums
from tradelane.market.units import MINUTE, Interval, instant, iso
from tradelane.settlement.contract import Contract
from tradelane.settlement.ehub.client import HubRefused
from tradelane.settlement.ehub.wire_declarations import DeclarationAnswer
from tradelane.settlement.settle import value

JULY = instant("2026-07-01T00:00Z")
LAST = Interval(JULY - 15 * MINUTE, JULY)
"""The last interval of June."""
NAME = "power/NL>GB/2026-06"
FINAL = JULY + 5 * MINUTE + 8 * 15 * MINUTE


async def sold(market: Marketplace) -> None:
    """Anna sells Beth 1000 Wh abroad in the last interval of June."""
    await market.join(ANNA, BETH)
    product = {"product": f"power/{LAST}"}
    await market.taken(ANNA, "sell", "40", "0.001", **product)
    await market.taken(BETH, "buy", "100", "0.002", **product)
    market.now = LAST.start - 5 * MINUTE
    await market.settled("funded")
    market.now = JULY


async def found(market: Marketplace, version: int) -> DeclarationAnswer:
    """The declaration as soon as there is this version of it."""
    seen: list[DeclarationAnswer] = []

    async def there() -> bool:
        try:
            seen.append(await market.hub.customs.declaration(NAME))
        except HubRefused as refusal:
            assert refusal.code == "unknown-declaration"
            return False
        return seen[-1].version == version

    await market.until(there)
    return seen[-1]


def exact(market: Marketplace) -> tuple[str, int]:
    """Quantity delivered and its value, from the contracts themselves."""
    rows = market.rows("SELECT delivered, seller_price FROM contracts WHERE state = 'released'")
    return POWER.quantity_text(sum(row[0] for row in rows)), sum(value(POWER, p, sent) for sent, p in rows)


def test_a_month_is_declared_when_it_closes_and_amended_once(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sold(market)
        await market.state(ANNA, 900, LAST)
        await market.settled("released")
        lodged = await found(market, 1)
        quantity, nano = exact(market)
        assert (lodged.hs_code, lodged.state, lodged.origin, lodged.destination) == (
            "27160000", "released", "NL", "GB",
        )  # fmt: skip
        assert (lodged.quantity, lodged.value.money.nano, lodged.unit) == (quantity, nano, "MWh")
        assert quantity == "0.0009"
        assert (lodged.consignor, lodged.consignee, lodged.charged.value) == ("NL", "GB", "0")
        assert [line.rule for line in lodged.lines] == [
            "UKGT, free: electricity, books", "electricity, not payable at import",
        ]  # fmt: skip
        answer = await market.send(ANNA, "corrections", statement(ANNA, 1000, LAST))
        assert answer.status_code == 201, answer.text
        await market.until(lambda: _booked(market))
        market.now = FINAL
        amended = await found(market, 2)
        assert (amended.quantity, amended.value.money.nano) == exact(market) != (quantity, nano)
        assert amended.state == "released"
        kept = f"SELECT value FROM meta WHERE key = '{DECLARED}'"
        await market.until(lambda: _true(market.rows(kept) != []))
        market.now = FINAL + 60 * MINUTE
        assert (await found(market, 2)).steps == amended.steps

    in_market(tmp_path, use, now=LAST.start - 10 * MINUTE)


@pytest.mark.parametrize(
    ("stated", "corrected", "state", "quantity"),
    [(900, 0, "invalidated", "0.0009"), (0, 1000, "released", "0.001")],
)
def test_what_a_correction_takes_away_or_brings_is_told_too(
    tmp_path: Path, stated: int, corrected: int, state: str, quantity: str
) -> None:
    async def use(market: Marketplace) -> None:
        await sold(market)
        await market.state(ANNA, stated, LAST)
        await market.settled("released")
        lodged = f"SELECT value FROM meta WHERE key = '{DECLARED}:lodged'"
        await market.until(lambda: _true(market.rows(lodged) != []))
        await market.send(ANNA, "corrections", statement(ANNA, corrected, LAST))
        await market.until(lambda: _booked(market))
        market.now = FINAL
        final = f"SELECT value FROM meta WHERE key = '{DECLARED}'"
        await market.until(lambda: _true(market.rows(final) != []))
        told = await market.hub.customs.declaration(NAME)
        assert (told.state, told.quantity) == (state, quantity)

    in_market(tmp_path, use, now=LAST.start - 10 * MINUTE)


async def _booked(market: Marketplace) -> bool:
    return market.rows("SELECT booked FROM corrections") == [(1,)]


async def _true(holds: bool) -> bool:
    return holds


def test_months_follow_each_other() -> None:
    assert month_of(JULY - 1) == Interval(instant("2026-06-01T00:00Z"), JULY)
    december = month_of(instant("2026-12-31T23:59Z"))
    assert (iso(december.start), iso(december.end)) == ("2026-12-01T00:00Z", "2027-01-01T00:00Z")


@settings(max_examples=50)
@given(st.lists(st.tuples(contracts(), st.integers(0, 100)), max_size=6))
def test_sums_are_exact(made: list[tuple[Contract, int]]) -> None:
    """Lane by lane, each contract on its own."""
    delivered = [(one, one.sent * share // 100) for one, share in made]
    naive: dict[str, Sent] = {}
    for lane in {leg.lane.id for one, _ in made for leg in one.legs}:
        lots = nano = 0
        for one, sent in delivered:
            for leg in one.legs:
                if leg.lane.id == lane:
                    lots += sent
                    nano += value(one.product, leg.source_price, sent)
                sent -= -(-sent * leg.lane.loss_ppm // 10**6)
        naive[lane] = Sent(lots, nano)
    assert sums(delivered) == naive
