"""The engine on a real database file: what expires is given back, and tampering is found."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select

from tradelane.gateway.store import Store
from tradelane.market.units import Money
from tradelane.settlement.ehub.server import chain, ledger, tables
from tradelane.settlement.ledger import DONE, EXISTS, Refusal, State, Transfer, pending, post, single, void

NAMES = ("bank", "ana", "bea")


@pytest.fixture
def conn(store: Store) -> Connection:
    connection = store.engine.connect()
    rows = [
        {
            "account": name, "owner": "x", "currency": "EUR", "posted_nano": 0, "held_nano": 0,
            "limit_nano": None if name == "bank" else 0, "opened_at": 0,
        }
        for name in NAMES
    ]  # fmt: skip
    connection.execute(insert(tables.accounts), rows)
    moved = Transfer("seed", "bank", "ana", Money(50, "EUR"), "k")
    assert ledger.execute(connection, [single(moved)], 0) == [DONE]
    return connection


def balances(conn: Connection) -> dict[str, tuple[int, int]]:
    a = tables.accounts.c
    return {name: (p, h) for name, p, h in conn.execute(select(a.account, a.posted_nano, a.held_nano))}


def test_what_expires_is_given_back_before_anything_else(conn: Connection) -> None:
    held = pending("p", "ana", "bea", Money(50, "EUR"), kind="k", expires_at=100)
    more = pending("q", "ana", "bea", Money(1, "EUR"), kind="k")
    assert ledger.execute(conn, [held], 1) == [DONE]
    assert ledger.execute(conn, [more], 99)[0].refusal is Refusal.INSUFFICIENT_FUNDS
    late = ledger.execute(conn, [post("x", "p", kind="k"), void("v", "p", kind="k"), more], 100)
    assert [one.refusal for one in late] == [Refusal.EXPIRED, Refusal.EXPIRED, None]
    assert balances(conn)["ana"] == (50, 1)
    assert list(conn.execute(select(tables.pendings.c.state))) == [(State.EXPIRED,), (State.PENDING,)]
    assert chain.verify_chain(conn) is None


def test_ordered_again_after_the_pending_ended(conn: Connection) -> None:
    ordered = [
        pending("p", "ana", "bea", Money(9, "EUR"), kind="k"),
        post("x", "p", Money(4, "EUR"), kind="k"),
    ]
    assert ledger.execute(conn, ordered, 1) == [DONE, DONE]
    assert ledger.execute(conn, ordered, 2) == [EXISTS, EXISTS]
    assert balances(conn) == {"bank": (-50, 0), "ana": (46, 0), "bea": (4, 0)}
    assert chain.verify_chain(conn) is None
