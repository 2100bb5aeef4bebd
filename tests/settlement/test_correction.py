"""A settlement and its correction together are the settlement of what was delivered after all."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.trades import contracts, flows
from tradelane.settlement.contract import Contract
from tradelane.settlement.correction import correct, correction_of
from tradelane.settlement.delivery import Delivery, measure
from tradelane.settlement.settle import settle

PENALTIES = st.sampled_from([0, 100_000])


@st.composite
def twice(draw: st.DrawFn) -> tuple[Delivery, Delivery]:
    """One contract, delivered in two different ways."""
    contract: Contract = draw(contracts())
    (before,), (after,) = (measure(draw(st.integers(0, contract.sent)), [contract]) for _ in range(2))
    return before, after


@given(twice(), PENALTIES)
def test_together_they_are_the_settlement_of_the_corrected_delivery(
    deliveries: tuple[Delivery, Delivery], penalty: int
) -> None:
    before, after = deliveries
    both = Counter(flows(settle(before, penalty)))
    both.update(flows(correct(before, after, penalty)))
    wanted = Counter(flows(settle(after, penalty)))
    assert {name: nano for name, nano in both.items() if nano} == {
        name: nano for name, nano in wanted.items() if nano
    }


@given(twice(), PENALTIES)
def test_only_the_difference_is_moved_and_the_way_back_is_the_same(
    deliveries: tuple[Delivery, Delivery], penalty: int
) -> None:
    before, after = deliveries
    forth, back = correct(before, after, penalty), correct(after, before, penalty)
    assert [(t.source, t.target, t.amount) for t in forth] == [(t.target, t.source, t.amount) for t in back]
    assert all(t.amount.nano > 0 for t in forth)
    assert len({(frozenset((t.source, t.target)), t.kind) for t in forth}) == len(forth)
    assert correct(before, before, penalty) == []
    assert all(t.id.startswith(correction_of(after.contract.id)) for t in forth)
