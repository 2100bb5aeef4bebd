"""What the hub shows: paging, the trial balance, and a chain that tells of every change behind its back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from tests.settlement.hubs import ANA, Hub, leg, reservation, settlement
from tradelane.settlement.ehub.server.receipts import receipt_hash
from tradelane.settlement.ehub.server.tables import accounts, entries, pendings
from tradelane.settlement.ehub.wire import Receipt


@pytest.fixture
def busy(market: Hub) -> Hub:
    """A hub after three trades."""
    for n in (1, 2, 3):
        market.post("/reservations", reservation(f"r{n}"), f"r{n}")
        market.post("/settlements", settlement(f"s{n}", f"r{n}"), f"s{n}")
    return market


def pages(hub: Hub, path: str, limit: int) -> list[list[Any]]:
    found, query = [], {"limit": str(limit)}
    while True:
        page = hub.get(path, **query)
        found.append(page["items"])
        if page["next"] is None:
            return found
        query["after"] = page["next"]


@pytest.mark.parametrize(("path", "count"), [("/accounts", 13), ("/transfers", 22), ("/receipts", 6)])
def test_pages_hold_everything_once(busy: Hub, path: str, count: int) -> None:
    (whole,) = pages(busy, path, 1000)
    assert len(whole) == count
    for limit in (1, 2, count, count + 1):
        found = pages(busy, path, limit)
        assert [item for page in found for item in page] == whole
        assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
        assert found[-1]


def test_transfers_are_numbered_and_named(busy: Hub) -> None:
    items = busy.get("/transfers")["items"]
    assert [item["seq"] for item in items] == [1, *range(3, 10), *range(11, 18), *range(19, 26)]
    assert items[0]["transfer"] == "deposit/seed"
    assert (items[1]["transfer"], items[1]["settlement"], items[1]["contract"]) == ("s1/0", "s1", "c1")


def test_receipts_can_be_checked_by_their_owner(busy: Hub) -> None:
    items = busy.get("/receipts", account=ANA)["items"]
    assert len(items) == 3
    for item in items:
        assert receipt_hash(Receipt.model_validate(item)) == item["hash"]
        forged = Receipt.model_validate({**item, "contract": "c9"})
        assert receipt_hash(forged) != item["hash"]


def test_the_trial_balance_survives_sums_beyond_64_bits(market: Hub) -> None:
    for n in range(12):
        for sign in ("a", "b"):
            name = f"desk:{sign}{n}:EUR"
            body = {"account": name, "owner": "hub", "currency": "EUR", "limit": None}
            market.post("/accounts", body, name)
        legs = [leg(f"desk:a{n}:EUR", f"desk:b{n}:EUR", "1000000000") for _ in range(4)]
        assert market.post("/settlements", settlement(f"s{n}", None, legs=legs), f"s{n}").status_code == 201
    assert market.balances()["desk:a0:EUR"] == ("-4000000000", "0")
    assert market.get("/trial-balance")["currencies"][0]["sum"] == "0"
    full = settlement("s99", None, legs=[leg("desk:a0:EUR", "desk:b0:EUR", "0.000000001")])
    answer = market.post("/settlements", full, "s99")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:tradelane:problem:balance-out-of-range")


@pytest.mark.parametrize(
    ("spoil", "broken", "reason"),
    [
        (update(entries).where(entries.c.seq == 3).values(nano=1), 3, "its fields do not match its hash"),
        (
            update(entries).where(entries.c.seq == 3).values(memo="!"),
            3,
            "its fields do not match its hash",
        ),
        (
            update(entries).where(entries.c.seq == 3).values(hash=bytes(32)),
            3,
            "its fields do not match its hash",
        ),
        (delete(entries).where(entries.c.seq == 3), 3, "line 3 is missing (found 4)"),
        (
            delete(entries).where(entries.c.seq == 25),
            0,
            "the balance of balancing:GBP is not the sum of its transfers",
        ),
        (
            update(accounts).where(accounts.c.account == ANA).values(held_nano=1),
            0,
            f"what {ANA} holds is not the sum of its pendings",
        ),
        (
            update(pendings).where(pendings.c.seq == 2).values(state="voided"),
            3,
            "the pending line 2 it ends is voided",
        ),
        (
            update(accounts).where(accounts.c.account == ANA).values(posted_nano=99),
            0,
            f"the balance of {ANA} is not the sum of its transfers",
        ),
    ],
)
def test_a_change_behind_the_hubs_back_is_found(busy: Hub, spoil: Any, broken: int, reason: str) -> None:
    assert busy.get("/chain")["ok"] is True
    with busy.store.engine.begin() as connection:
        connection.execute(spoil)
    told = busy.get("/chain")
    assert (told["ok"], told["broken"], told["reason"]) == (False, broken, reason)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"held_nano": 100_000_000_001}, "ck_accounts_limit"),
        ({"posted_nano": -1}, "ck_accounts_limit"),
        ({"held_nano": -1}, "ck_accounts_range"),
        ({"posted_nano": 4 * 10**18 + 1}, "ck_accounts_range"),
    ],
)
def test_the_database_itself_holds_the_limits(market: Hub, change: dict[str, int], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), market.store.engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.account == ANA).values(**change))
