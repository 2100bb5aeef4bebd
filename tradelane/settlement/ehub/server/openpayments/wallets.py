"""Wallet addresses: members' accounts, what anyone may know of them, and who may use them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, literal, select

from tradelane.settlement import accounts as names
from tradelane.settlement.ehub.server import accounts, tables
from tradelane.settlement.ehub.server.openpayments.places import WALLETS, Places
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire import Page, Receipt
from tradelane.settlement.ehub.wire_payments import Wallet, WalletAddress, Wallets
from tradelane.settlement.problem import Problem

t = tables.accounts


def public(conn: Connection, account: str, places: Places) -> WalletAddress:
    """What anyone may know: that it is there, and its currency. Problem 404."""
    currency = currency_of(conn, account)
    if currency is None:
        raise Problem.field(404, "unknown-wallet", "wallet", "no such wallet")
    return WalletAddress(
        id=places.of_resource(WALLETS, account), asset_code=currency, resource_server=places.base
    )


def currency_of(conn: Connection, account: str) -> str | None:
    """The currency of a member's account; None when it is none."""
    if names.member_of(account) is None:
        return None
    found = accounts.load(conn, [account]).get(account)
    return None if found is None else found.currency


def known(conn: Connection, account: str, field: str) -> str:
    """Its currency; Problem 422 when there is no such wallet."""
    currency = currency_of(conn, account)
    if currency is None:
        raise Problem.field(422, "unknown-wallet", field, "no such wallet")
    return currency


def own(conn: Connection, asker: Caller, account: str, field: str) -> str:
    """Its currency; Problem 403 when it is another member's."""
    if not may_use(asker, account):
        raise Problem.field(403, "not-your-wallet", field, "this wallet is another member's")
    return known(conn, account, field)


def may_use(asker: Caller, account: str) -> bool:
    return asker.is_operator or names.member_of(account) == asker.member


def owned(conn: Connection, member: str, places: Places) -> Wallets:
    """A member's wallets, in the order of their names."""
    wallets = [
        Wallet(
            id=places.of_resource(WALLETS, row.account),
            asset_code=row.currency,
            resource_server=places.base,
            balance=str(row.posted_nano),
            available=str(row.posted_nano - row.held_nano),
        )
        for row in conn.execute(select(t).where(is_of(member)).order_by(t.c.account))
    ]
    return Wallets(result=wallets)


def receipts(conn: Connection, member: str, after: int, limit: int) -> Page[Receipt]:
    """What settlements and payments did to a member's wallets, oldest first."""
    r, own = tables.receipts, select(t.c.account).where(is_of(member))
    query = select(r.c.seq, r.c.body).where(r.c.account.in_(own), r.c.seq > after).order_by(r.c.seq)
    rows = conn.execute(query.limit(limit + 1)).all()
    items = [Receipt.model_validate_json(row.body) for row in rows[:limit]]
    return Page(items=items, next=str(rows[limit - 1].seq) if len(rows) > limit else None)


def is_of(member: str) -> ColumnElement[bool]:
    """Of an account: whether it is the member's, by its whole name."""
    return t.c.account == literal(names.member(member, "")) + t.c.currency
