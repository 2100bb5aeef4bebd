"""The codes a buyer shows the carrier at the door, fetched from the e-hub for the buyer alone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel
from sqlalchemy import Connection, RowMapping, select

from tradelane.gateway.intake import MineMessage
from tradelane.gateway.overviews import shown_id
from tradelane.gateway.tables import contracts
from tradelane.settlement.contract import State
from tradelane.settlement.ehub.client import HubClient, HubRefused

MOST = 50
"""Newest first; older ones come up as these are delivered."""


class DoorMessage(MineMessage):
    """Says what is asked, so that the signature of another question opens no door."""

    asks: Literal["door-codes"]


class DoorCode(BaseModel):
    """``trade`` as the member's own trades show it."""

    trade: str
    product: str
    proof_code: str


class DoorCodes(BaseModel):
    items: list[DoorCode]


def expected(conn: Connection, member: str) -> list[RowMapping]:
    """Contracts whose goods are on their way to ``member``."""
    c = contracts.c
    query = select(contracts).where(c.buyer == member, c.commodity == "goods", c.state == State.SHIPPED)
    rows = conn.execute(query.order_by(c.seq.desc(), c.id.desc()).limit(MOST)).mappings()
    return [row for row in rows if row["path"]]


async def fetch(hub: HubClient, rows: list[RowMapping]) -> DoorCodes:
    """A code for each; none for a shipment the e-hub does not know. Raises HubUnreachable."""
    found = []
    for row in rows:
        try:
            code = await hub.proof_code(row["id"])
        except HubRefused:
            continue
        found.append(DoorCode(trade=shown_id(row["id"]), product=row["product"], proof_code=code))
    return DoorCodes(items=found)
