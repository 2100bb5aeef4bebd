"""The ledger against a naive twin that moves one unit of thought at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.hubs import eur, gbp
from tradelane.market.units import Money
from tradelane.settlement.ledger import GREATEST, Account, Refusal, Refused, Transfer, apply, net

ACCOUNTS = {
    "ana": Account("EUR", posted=50, held=20, limit=0),
    "bea": Account("EUR", posted=0, held=0, limit=-30),
    "bank": Account("EUR", posted=-50, limit=None),
    "cem": Account("GBP", posted=5, limit=0),
    "mint": Account("GBP", posted=-5, limit=None),
}


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
    assert apply(ACCOUNTS, [fine, transfer]) == Refused(1, refusal)
    assert refusal.reason and refusal.code and refusal.field


def test_held_money_cannot_be_spent_and_a_limit_can_be_reached() -> None:
    after = apply(ACCOUNTS, [move("ana", "bea", 30)])
    assert after == {"ana": replace(ACCOUNTS["ana"], posted=20), "bea": replace(ACCOUNTS["bea"], posted=30)}


def test_an_id_means_one_transfer() -> None:
    assert apply(ACCOUNTS, [move("ana", "bea", 1), move("ana", "bea", 2)]) == Refused(1, Refusal.DUPLICATE_ID)


def test_a_set_is_judged_as_a_whole() -> None:
    through = [move("bea", "ana", 40, name="out"), move("bank", "bea", 20, name="in")]
    after = apply(ACCOUNTS, through)
    assert not isinstance(after, Refused)
    assert after["bea"].posted == -20


def test_currencies_move_together_or_not_at_all() -> None:
    legs = [
        Transfer("a", "ana", "bank", eur("0.00000001"), "sale"),
        Transfer("b", "mint", "cem", gbp("0.00000002"), "sale"),
    ]
    after = apply(ACCOUNTS, legs)
    assert not isinstance(after, Refused)
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
    after = apply(ACCOUNTS, transfers)
    expected = naive(transfers)
    if isinstance(after, Refused):
        assert expected is None
    else:
        assert {name: account.posted for name, account in (ACCOUNTS | after).items()} == expected


@given(sets)
def test_sums_are_kept_and_limits_hold(transfers: list[Transfer]) -> None:
    after = apply(ACCOUNTS, transfers)
    whole = ACCOUNTS if isinstance(after, Refused) else ACCOUNTS | after
    for currency in ("EUR", "GBP"):
        assert sum(a.posted for a in whole.values() if a.currency == currency) == 0
    assert all(account.within_limit for account in whole.values())
    assert sum(net(transfers).values()) == 0
