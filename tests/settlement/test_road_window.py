"""A window's chain, its report, and the search for the first difference, against plain loops."""

from __future__ import annotations

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.settlement.road_window import (
    AT_ONCE,
    WINDOW,
    Entry,
    Probe,
    WindowEvent,
    WindowState,
    balance_difference,
    chain,
    first_probe,
    narrowed,
    nets,
    ordered,
    report,
    same_entries,
)

HUBS = ("ams", "lon")
LISTS = st.lists(
    st.builds(
        Entry,
        st.sampled_from(HUBS),
        st.integers(1, 9),
        st.sampled_from(["t1", "t2", "t3"]),
        st.sampled_from(HUBS),
        st.sampled_from(["EUR", "GBP"]),
        st.integers(1, 99),
    ),
    max_size=30,
)


def numbered(count: int) -> list[Entry]:
    return [Entry("ams", n + 1, f"t{n}", "lon", "EUR", n + 1) for n in range(count)]


def search(mine: list[Entry], theirs: list[Entry]) -> tuple[int, int]:
    """The place two hubs find by asking each other in turn, and how many questions it took."""
    links = [chain(7, mine), chain(7, theirs)]
    probe: Probe | int = first_probe(links[0])
    for asked in range(1, 100):
        assert isinstance(probe, Probe) and len(probe.hashes) <= AT_ONCE
        probe = narrowed(links[asked % 2], probe)
        if isinstance(probe, int):
            return probe, asked
    raise AssertionError("no end")


def twin(mine: list[Entry], theirs: list[Entry]) -> int:
    pairs = zip_longest(mine, theirs)
    return next(place for place, (one, other) in enumerate(pairs) if one != other)


@given(LISTS, LISTS)
def test_two_small_lists(mine: list[Entry], theirs: list[Entry]) -> None:
    if mine != theirs:
        assert search(mine, theirs)[0] == twin(mine, theirs)


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 400), st.booleans())
def test_long_lists_of_which_one_was_changed_or_cut(count: int, where: int, cut: int, swap: bool) -> None:
    mine, theirs = numbered(count), numbered(max(0, count - cut))
    if where < len(theirs):
        theirs[where] = theirs[where]._replace(nano=10**9)
    if mine == theirs:
        return
    pair = (theirs, mine) if swap else (mine, theirs)
    place, asked = search(*pair)
    assert place == twin(*pair)
    assert asked <= 4


@pytest.mark.parametrize(
    "probe", [Probe(-1, 1, 1, ()), Probe(0, 0, 1, ()), Probe(2, 1, 1, ()), Probe(0, 1, 1, ("a", "b"))]
)
def test_a_probe_that_no_chain_makes_is_refused(probe: Probe) -> None:
    links = chain(7, numbered(2))
    good = probe._replace(hashes=tuple(link.hex() for link in links[: len(probe.hashes)]))
    with pytest.raises(ValueError, match=r"fit|more hashes"):
        narrowed(links, good)


@given(LISTS, st.integers(-50, 50))
def test_two_sides_of_the_same_mirror_each_other(entries: list[Entry], owed: int) -> None:
    entries = ordered(entries)
    mine = report("ams", 7, entries, {"EUR": owed})
    theirs = report("lon", 7, entries, {"EUR": -owed})
    assert same_entries(mine, theirs) and balance_difference(mine, theirs) is None
    assert nets("ams", entries) == {currency: -nano for currency, nano in nets("lon", entries).items()}
    if owed:
        assert balance_difference(mine, mine) == "EUR"


def test_a_balance_alone_may_differ() -> None:
    entries = numbered(3)
    mine = report("ams", 7, entries, {"EUR": -6})
    theirs = report("lon", 7, entries, {"EUR": 7})
    assert same_entries(mine, theirs) and balance_difference(mine, theirs) == "EUR"


def test_windows_of_other_numbers_have_other_chains() -> None:
    assert chain(1, numbered(1)) != chain(2, numbered(1))


def test_a_settled_window_is_final() -> None:
    assert not [step for step in WINDOW if step[0] is WindowState.SETTLED]
    assert [to for step, to in WINDOW.items() if step[1] is WindowEvent.SETTLE] == [WindowState.SETTLED]
