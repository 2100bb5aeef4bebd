"""What a payment over the road does in this hub's ledger: hold, then pay or let go, all its legs or none.

The ledger's own expiry is never used: a hold ends when its payment does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from tradelane.settlement import accounts
from tradelane.settlement.ehub.server import ledger
from tradelane.settlement.ehub.server.road import peers
from tradelane.settlement.ehub.server.road.quotes import terms_of
from tradelane.settlement.ehub.server.standing import ensure
from tradelane.settlement.ledger import Entry, Outcome, Refusal, Result, pending, post, void
from tradelane.settlement.road import Leg, payee_legs, payer_leg

MOST_LEGS = 3


def hold(conn: Connection, row: Row[Any], at: int) -> Refusal | None:
    """Hold every leg; or hold nothing, and say why."""
    legs = _legs(row)
    _open_accounts(conn, row, at)
    entries = [
        pending(
            held(row.transfer, n),
            leg.source,
            leg.target,
            leg.amount,
            kind=leg.kind,
            memo=row.memo,
            linked=n + 1 < len(legs),
        )
        for n, leg in enumerate(legs)
    ]
    outcomes = _execute(conn, row, entries, at)
    why = [one.refusal for one in outcomes if one.refusal not in (None, Refusal.LINKED)]
    return why[0] if why else None


def pay(conn: Connection, row: Row[Any], at: int) -> None:
    """Move what is held."""
    legs = _legs(row)
    entries = [
        post(
            posted(row.transfer, n),
            held(row.transfer, n),
            kind=leg.kind,
            memo=row.memo,
            linked=n + 1 < len(legs),
        )
        for n, leg in enumerate(legs)
    ]
    _end(conn, row, entries, at)


def let_go(conn: Connection, row: Row[Any], at: int) -> None:
    """Give back what is held."""
    count = len(_legs(row))
    entries = [
        void(f"{held(row.transfer, n)}/void", held(row.transfer, n), kind="road-void", linked=n + 1 < count)
        for n in range(count)
    ]
    _end(conn, row, entries, at)


def held(transfer: str, leg: int) -> str:
    """The ledger's id of what a leg holds."""
    return f":road/{transfer}/{leg}"


def posted(transfer: str, leg: int) -> str:
    """The ledger's id of what a leg moved."""
    return f"{held(transfer, leg)}/post"


def _legs(row: Row[Any]) -> list[Leg]:
    agreed = terms_of(row)
    if row.outgoing:
        return [payer_leg(row.account, row.peer, agreed)]
    return payee_legs(row.account, row.peer, agreed)


def _open_accounts(conn: Connection, row: Row[Any], at: int) -> None:
    peers.owes(conn, row.peer, row.send_currency, at)
    if not row.outgoing:
        for currency in (row.send_currency, row.receive_currency):
            ensure(conn, accounts.fx(currency), currency, None, at)
        ensure(conn, accounts.road_fees(row.send_currency), row.send_currency, "0", at)


def _end(conn: Connection, row: Row[Any], entries: Sequence[Entry], at: int) -> None:
    outcomes = _execute(conn, row, entries, at)
    assert all(one.result is Result.DONE for one in outcomes), (row.transfer, outcomes)


def _execute(conn: Connection, row: Row[Any], entries: Sequence[Entry], at: int) -> list[Outcome]:
    return ledger.execute(conn, entries, at, contract=f"road/{row.transfer}")
