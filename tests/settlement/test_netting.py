"""Netting keeps every party's position, for any debts; a naive twin settles pair by pair in random order."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tradelane.settlement.netting import Payment, after, payments, positions

PARTIES = st.sampled_from(["ams", "ber", "lon", "osl", "par"])
OWED = st.dictionaries(
    st.tuples(PARTIES, PARTIES).filter(lambda pair: pair[0] != pair[1]), st.integers(0, 10**18), max_size=20
)


def test_a_ring_of_equal_debts_needs_no_payment() -> None:
    assert payments({("a", "b"): 7, ("b", "c"): 7, ("c", "a"): 7}) == []


def test_a_chain_pays_end_to_end() -> None:
    assert payments({("a", "b"): 5, ("b", "c"): 7}) == [Payment("a", "c", 5), Payment("b", "c", 2)]


def twin(owed: dict[tuple[str, str], int]) -> dict[str, int]:
    """What each party pays (positive) or gets when every debt is paid by itself."""
    found: dict[str, int] = {}
    for (debtor, creditor), nano in owed.items():
        for who, change in ((debtor, nano), (creditor, -nano)):
            found[who] = found.get(who, 0) + change
    return found


@given(OWED)
def test_every_position_is_preserved(owed: dict[tuple[str, str], int]) -> None:
    made = payments(owed)
    paid = twin({(one.debtor, one.creditor): one.nano for one in made})
    gross = twin(owed)
    assert {who: nano for who, nano in paid.items() if nano} == {w: n for w, n in gross.items() if n}
    assert positions(owed) == gross
    assert set(after(owed, made).values()) <= {0}


@given(OWED)
def test_payments_are_few_positive_and_one_way(owed: dict[tuple[str, str], int]) -> None:
    made = payments(owed)
    involved = [nano for nano in positions(owed).values() if nano]
    assert len(made) <= max(0, len(involved) - 1)
    assert all(one.nano > 0 for one in made)
    assert not {one.debtor for one in made} & {one.creditor for one in made}
    assert all({a.debtor, a.creditor} != {b.debtor, b.creditor} for a, b in combinations(made, 2))


@given(OWED, st.data())
def test_everyone_computes_the_same(owed: dict[tuple[str, str], int], data: st.DataObject) -> None:
    assert payments(dict(data.draw(st.permutations(list(owed.items()))))) == payments(owed)
