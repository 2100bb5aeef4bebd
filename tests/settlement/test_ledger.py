"""The ledger's rules against a naive twin that moves one unit of thought at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.hubs import eur, gbp
from tradelane.market.units import Money
from tradelane.settlement.judging import Book, judge
from tradelane.settlement.ledger import (
    GREATEST,
    Account,
    Entry,
    Outcome,
    Phase,
    Refusal,
    Result,
    Transfer,
    expire,
    pending,
    post,
    single,
    void,
)

ACCOUNTS = {
    "ana": Account("EUR", posted=50, held=20, limit=0),
    "bea": Account("EUR", posted=0, held=0, limit=-30),
    "bank": Account("EUR", posted=-50, limit=None),
    "cem": Account("GBP", posted=5, limit=0),
    "mint": Account("GBP", posted=-5, limit=None),
}


def book() -> Book:
    return Book({name: replace(account) for name, account in ACCOUNTS.items()}, {}, {}, 0)


def refusals(outcomes: list[Outcome]) -> list[Refusal | None]:
    return [one.refusal for one in outcomes]


def apply(transfers: list[Transfer]) -> dict[str, Account] | Refusal:
    """The accounts after a linked set, or why there is none."""
    touched = book()
    ordered = [single(one, linked=True) for one in transfers[:-1]] + [single(one) for one in transfers[-1:]]
    for outcome in judge(touched, ordered, 0):
        if outcome.refusal not in (None, Refusal.LINKED):
            return outcome.refusal
    return touched.accounts


def move(source: str, target: str, nano: int, currency: str = "EUR", name: str = "t") -> Transfer:
    return Transfer(name, source, target, Money(nano, currency), "sale")


@pytest.mark.parametrize(
    ("transfer", "refusal"),
    [
        (move("ana", "ana", 1), Refusal.SAME_ACCOUNT),
        (move("ana", "bea", 0), Refusal.NOT_POSITIVE),
        (move("ana", "bea", -1), Refusal.NOT_POSITIVE),
        (move("nobody", "bea", 1), Refusal.UNKNOWN_SOURCE),
        (move("ana", "nobody", 1), Refusal.UNKNOWN_TARGET),
        (move("cem", "bea", 1), Refusal.SOURCE_CURRENCY),
        (move("ana", "cem", 1), Refusal.TARGET_CURRENCY),
        (move("ana", "bea", 31), Refusal.INSUFFICIENT_FUNDS),
        (move("bea", "ana", 31), Refusal.INSUFFICIENT_FUNDS),
        (move("bank", "bea", GREATEST + 1), Refusal.OUT_OF_RANGE),
    ],
)
def test_refusals(transfer: Transfer, refusal: Refusal) -> None:
    fine = move("mint", "cem", 1, "GBP", name="fine")
    assert apply([fine, transfer]) is refusal
    assert refusal.reason and refusal.code and refusal.field


def test_held_money_cannot_be_spent_and_a_limit_can_be_reached() -> None:
    after = apply([move("ana", "bea", 30)])
    assert after == ACCOUNTS | {
        "ana": replace(ACCOUNTS["ana"], posted=20),
        "bea": replace(ACCOUNTS["bea"], posted=30),
    }


def test_an_id_means_one_transfer() -> None:
    assert apply([move("ana", "bea", 1), move("ana", "bea", 2)]) is Refusal.DUPLICATE_ID


def test_a_set_is_judged_as_a_whole() -> None:
    through = [move("bea", "ana", 40, name="out"), move("bank", "bea", 20, name="in")]
    after = apply(through)
    assert not isinstance(after, Refusal)
    assert after["bea"].posted == -20


def test_currencies_move_together_or_not_at_all() -> None:
    legs = [
        Transfer("a", "ana", "bank", eur("0.00000001"), "sale"),
        Transfer("b", "mint", "cem", gbp("0.00000002"), "sale"),
    ]
    after = apply(legs)
    assert not isinstance(after, Refusal)
    assert (after["ana"].posted, after["cem"].posted) == (40, 25)


NAMES = [*ACCOUNTS, "nobody"]
moves = st.builds(
    move,
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.integers(-1, 40),
    st.sampled_from(["EUR", "EUR", "GBP"]),
)
sets = st.lists(moves, max_size=6).map(lambda ts: [replace(t, id=str(n)) for n, t in enumerate(ts)])


def naive(transfers: list[Transfer]) -> dict[str, int] | None:
    """Posted balances after moving every coin one by one; None when any rule is broken."""
    posted = {name: account.posted for name, account in ACCOUNTS.items()}
    for t in transfers:
        known = t.source in posted and t.target in posted
        if not known or t.source == t.target or t.amount.nano < 1:
            return None
        if {ACCOUNTS[t.source].currency, ACCOUNTS[t.target].currency} != {t.amount.currency}:
            return None
        for _ in range(t.amount.nano):
            posted[t.source] -= 1
            posted[t.target] += 1
    for name, account in ACCOUNTS.items():
        if account.limit is not None and posted[name] - account.held < account.limit:
            return None
    return posted


@given(sets)
def test_it_agrees_with_the_naive_twin(transfers: list[Transfer]) -> None:
    after = apply(transfers)
    expected = naive(transfers)
    if isinstance(after, Refusal):
        assert expected is None
    else:
        assert {name: account.posted for name, account in after.items()} == expected


@given(sets)
def test_sums_are_kept_and_limits_hold(transfers: list[Transfer]) -> None:
    after = apply(transfers)
    whole = ACCOUNTS if isinstance(after, Refusal) else after
    for currency in ("EUR", "GBP"):
        assert sum(a.posted for a in whole.values() if a.currency == currency) == 0
    assert all(one.limit is None or one.available >= one.limit for one in whole.values())


def held(id: str = "p", nano: int = 12, expires_at: int | None = 100, linked: bool = False) -> Entry:
    return pending(id, "ana", None, Money(nano, "EUR"), kind="k", expires_at=expires_at, linked=linked)


def drawn(id: str, nano: int | None, linked: bool = False, target: str = "bea") -> Entry:
    amount = None if nano is None else Money(nano, "EUR")
    return post(id, "p", amount, target=target, kind="k", linked=linked)


def test_a_part_is_posted_and_the_rest_let_go() -> None:
    touched = book()
    assert refusals(judge(touched, [held(), drawn("x", 5, True), drawn("y", 6)], 0)) == [None] * 3
    ana, bea = touched.accounts["ana"], touched.accounts["bea"]
    assert (ana.posted, ana.held, bea.posted) == (39, 20, 11)


@pytest.mark.parametrize(
    ("end", "at", "refusal"),
    [
        ([void("v", "p", kind="k"), drawn("x", 1)], 0, Refusal.VOIDED),
        ([drawn("x", 1), void("v", "p", kind="k")], 0, Refusal.POSTED),
        ([drawn("x", 1), drawn("y", 1)], 0, Refusal.POSTED),
        ([drawn("x", 13)], 0, Refusal.EXCEEDS_PENDING),
        ([drawn("x", 6, True), drawn("y", 7)], 0, Refusal.EXCEEDS_PENDING),
        ([drawn("x", 1)], 100, Refusal.EXPIRED),
        ([expire("p")], 99, Refusal.NOT_EXPIRED),
        ([expire("p"), void("v", "p", kind="k")], 100, Refusal.EXPIRED),
        ([void("v", "q", kind="k")], 0, Refusal.UNKNOWN_PENDING),
        ([drawn("x", 1, True)], 0, Refusal.LINKED_OPEN),
        ([drawn("x", 1, target="cem")], 0, Refusal.TARGET_CURRENCY),
        ([held(nano=13)], 0, Refusal.DUPLICATE_ID),
        ([held("q", nano=19)], 0, Refusal.INSUFFICIENT_FUNDS),
        ([Entry("v", Phase.VOID, None, "bea", None, "p")], 0, Refusal.WRONG_FIELDS),
    ],
)
def test_a_pending_ends_once(end: list[Entry], at: int, refusal: Refusal) -> None:
    touched = book()
    judge(touched, [held()], 0)
    assert refusals(judge(touched, end, at))[-1] is refusal


def test_the_same_again_has_no_second_effect() -> None:
    touched = book()
    ordered = [held(linked=True), drawn("x", 5)]
    judge(touched, ordered, 0)
    assert [one.result for one in judge(touched, ordered, 1)] == [Result.EXISTS] * 2
    assert len(touched.written) == 2


def test_a_linked_set_that_was_half_done_is_not_done() -> None:
    touched = book()
    judge(touched, [held()], 0)
    told = judge(touched, [held(linked=True), drawn("x", 5)], 0)
    assert refusals(told) == [None, Refusal.LINKED]
    assert touched.accounts["bea"].posted == 0
