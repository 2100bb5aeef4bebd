"""A member's money at its zone's e-hub, as the zone hands it on to the member alone."""

from __future__ import annotations

from pydantic import BaseModel

from tradelane.gateway.intake import MineMessage
from tradelane.gateway.overviews import shown_id
from tradelane.settlement import accounts
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.wire import Receipt, ReceiptLine

PAGE = 500
"""Receipts in one answer."""


class MoneyMessage(MineMessage):
    """A member asks for its balance, and for its receipts ``after`` those it has, the oldest first."""

    after: str | None = None


class OwnReceipt(BaseModel):
    """What one settlement brought or took: ``trade`` is its contract's public id, ``cursor`` goes on after
    it; amounts are signed."""

    receipt: str
    cursor: str
    trade: str
    at: str
    total: str
    lines: list[ReceiptLine]
    hash: str


class OwnMoney(BaseModel):
    """Decimal text in ``currency``: what stands there, what of it is reserved, and what is free. Ask again
    with ``after=next`` for more receipts; null at the end."""

    account: str
    currency: str
    balance: str
    reserved: str
    available: str
    receipts: list[OwnReceipt]
    next: str | None


async def own_money(hub: HubClient, member: str, currency: str, after: str | None) -> OwnMoney:
    """Raises HubError."""
    account = accounts.member(member, currency)
    state = await hub.account(account)
    page = await hub.receipts(account=account, after=after, limit=PAGE)
    return OwnMoney(
        account=account,
        currency=currency,
        balance=state.posted,
        reserved=state.held,
        available=state.available,
        receipts=[_own(receipt) for receipt in page.items],
        next=page.next,
    )


def _own(one: Receipt) -> OwnReceipt:
    return OwnReceipt(
        receipt=one.receipt,
        cursor=str(one.seq),
        trade=shown_id(one.contract),
        at=one.at,
        total=one.total.value,
        lines=one.lines,
        hash=one.hash,
    )
