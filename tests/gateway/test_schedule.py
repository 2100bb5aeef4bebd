"""Gates and settlements against naive twins that step through time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradelane.gateway.schedule import Gate, due, ended, gate_of, next_gate, product_id
from tradelane.market.units import MINUTE, Interval, instant

EPOCH = 1_782_036_000_000
MTUS = st.sampled_from([5 * MINUTE, 15 * MINUTE, 60 * MINUTE])
LEADS = st.integers(0, 180).map(lambda minutes: minutes * MINUTE)
NOWS = st.integers(EPOCH, EPOCH + 86_400_000)


def all_intervals(mtu: int) -> list[Interval]:
    """Every interval around the day the tests look at, by counting."""
    start = EPOCH - EPOCH % mtu - 86_400_000
    return [Interval(at, at + mtu) for at in range(start, start + 4 * 86_400_000, mtu)]


@given(NOWS, MTUS, LEADS)
def test_next_gate_is_the_first_after_now(now: int, mtu: int, lead: int) -> None:
    naive = min(i.start - lead for i in all_intervals(mtu) if i.start - lead > now)
    gate = next_gate(now, mtu, lead)
    assert gate == Gate(naive, Interval(naive + lead, naive + lead + mtu))


@given(NOWS, st.integers(0, 6 * 3_600_000), MTUS, LEADS)
def test_due_gates_are_those_passed_since(since: int, elapsed: int, mtu: int, lead: int) -> None:
    now = since + elapsed
    naive = [gate_of(i, lead) for i in all_intervals(mtu) if since < i.start - lead <= now]
    assert list(due(since, now, mtu, lead)) == naive


@given(NOWS, st.integers(0, 6 * 3_600_000), MTUS, LEADS)
def test_ended_intervals_are_those_whose_grace_ran_out_since(
    since: int, elapsed: int, mtu: int, grace: int
) -> None:
    now = since + elapsed
    naive = [i for i in all_intervals(mtu) if since < i.end + grace <= now]
    assert list(ended(since, now, mtu, grace)) == naive


@given(NOWS, st.lists(st.integers(0, 3_600_000), max_size=10), MTUS, LEADS)
def test_looking_often_or_once_finds_each_gate_once(
    since: int, looks: list[int], mtu: int, lead: int
) -> None:
    found: list[Gate] = []
    last = since
    for elapsed in looks:
        found += due(last, last + elapsed, mtu, lead)
        last += elapsed
    assert found == list(due(since, last, mtu, lead))


def test_the_gate_instant_itself_is_too_late_for_an_order() -> None:
    gate = next_gate(instant("2026-06-21T09:54:59Z"), 15 * MINUTE, 5 * MINUTE)
    assert gate.instant == instant("2026-06-21T09:55Z")
    assert product_id(gate.delivery) == "power/2026-06-21T10:00Z/PT15M"
    after = next_gate(gate.instant, 15 * MINUTE, 5 * MINUTE)
    assert after.delivery == gate.delivery.shifted(1)
