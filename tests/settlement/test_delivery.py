"""Metered against sold: every lot is either delivered or missing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.trades import GB, NL, POWER, contracts
from tradelane.settlement.contract import Contract
from tradelane.settlement.delivery import delivery_of, measure


def sold(sent: int, received: int | None = None) -> Contract:
    return Contract("c", POWER, "s", NL, "b", GB, sent, sent if received is None else received, 1, 1)


@given(st.lists(contracts(), max_size=6), st.integers(-10, 200_000))
def test_every_lot_is_delivered_or_missing(made: list[Contract], metered: int) -> None:
    found = measure(metered, made)
    assert [d.contract for d in found] == made
    for d in found:
        assert d.delivered + d.imbalance == d.contract.sent
        assert d.delivered >= 0 and d.imbalance >= 0
        assert 0 <= d.received <= d.contract.received
        assert d.received < d.contract.received or d.delivered == d.contract.sent or not d.contract.received
    total = sum(c.sent for c in made)
    assert sum(d.delivered for d in found) == min(max(0, metered), total)


@given(st.lists(st.integers(1, 50), max_size=6), st.integers(0, 200))
def test_shared_one_lot_after_another(sent: list[int], metered: int) -> None:
    """The naive twin: hand out the metered lots one by one, first contract first."""
    twin = [0] * len(sent)
    for _ in range(metered):
        for k, most in enumerate(sent):
            if twin[k] < most:
                twin[k] += 1
                break
    assert [d.delivered for d in measure(metered, [sold(lots) for lots in sent])] == twin


def test_the_buyers_part_is_rounded_down() -> None:
    (d,) = measure(333, [sold(1000, 970)])
    assert (d.delivered, d.received, d.imbalance) == (333, 970 * 333 // 1000, 667)


@given(contracts())
def test_goods_arrive_whole(contract: Contract) -> None:
    d = delivery_of(replace(contract, continuous=True), contract.sent)
    assert (d.delivered, d.received, d.imbalance) == (contract.sent, contract.received, 0)
