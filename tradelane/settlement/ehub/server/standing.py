"""The hub's own accounts, opened when they are first needed."""

from __future__ import annotations

from sqlalchemy import Connection

from tradelane.settlement.ehub.server import accounts
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.payments import open_account
from tradelane.settlement.ehub.wire import OpenAccount

OWNER = "e-hub"


def ensure(conn: Connection, name: str, currency: str, limit: str | None, at: int) -> str:
    """The account's name; opened with this limit (None: none) unless it is there."""
    if not accounts.load(conn, [name]):
        question = OpenAccount(account=name, owner=OWNER, currency=currency, limit=limit)
        open_account(conn, Command(f"standing/{name}", b"", at), question)
    return name
