"""Between the two sides of a trade: what they write to each other, and what one of them finds wrong.

Always true: a disputed contract's money stays reserved until the operator has decided; the decision is
journaled, and settling does it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, RowMapping, func, insert, select

from tradelane.gateway import contracts, journal
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.intake import Id, MineMessage
from tradelane.gateway.overviews import shown_id
from tradelane.gateway.own_orders import may_dispute, trades_of
from tradelane.gateway.refusals import refuse, steps
from tradelane.gateway.tables import messages
from tradelane.market.order import Refusal
from tradelane.market.units import iso, plain
from tradelane.settlement.contract import State
from tradelane.settlement.problem import Problem

Json = dict[str, Any]
Words = Annotated[str, Field(min_length=1, max_length=500)]
MOST_SAID = 200
"""Messages kept to one trade."""


class TalkMessage(MineMessage):
    """What a member writes to the other side of ``trade``, made by its own ``order``; ``id`` is its own."""

    id: Id
    order: Id
    trade: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    text: Words


class DisputeMessage(MineMessage):
    """A buyer says what is wrong with ``trade``."""

    order: Id
    trade: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    reason: Words


class Decision(BaseModel):
    """The operator ``by`` name lets ``quantity`` (units) be paid for, 0 for none; the rest goes back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantity: Annotated[str, Field(max_length=40)]
    by: Annotated[str, Field(min_length=1, max_length=64)]


class Disputes:
    """Who asks was checked before. ``changed`` is called when a contract can move."""

    def __init__(self, file: RoleFile, clock: Clock, changed: Callable[[], None]) -> None:
        self._file = file
        self._clock = clock
        self._changed = changed

    async def say(self, message: TalkMessage) -> Json:
        """Repeating a message changes nothing."""
        await self._file(lambda conn: self._keep(conn, message))
        return {"id": message.id, "trade": message.trade}

    def _keep(self, conn: Connection, message: TalkMessage) -> None:
        contract = _own(conn, message.member, message.order, message.trade)["id"]
        kept = {"contract": contract, "sender": message.member, "text": message.text}
        earlier = conn.execute(select(messages).where(messages.c.id == message.id)).mappings().first()
        if earlier is not None:
            if any(earlier[name] != value for name, value in kept.items()):
                refuse(Refusal.DUPLICATE_ID)
            return
        count = select(func.count()).select_from(messages).where(messages.c.contract == contract)
        if conn.execute(count).scalar_one() >= MOST_SAID:
            raise Problem.field(
                422, "too-many-messages", "trade", f"{MOST_SAID} messages are kept to a trade"
            )
        conn.execute(insert(messages).values(id=message.id, at=self._clock.now(), **kept))

    async def dispute(self, message: DisputeMessage) -> Json:
        """Repeating a dispute changes nothing."""
        await self._file(lambda conn: self._hold(conn, message))
        return {"trade": message.trade, "state": State.DISPUTED}

    def _hold(self, conn: Connection, message: DisputeMessage) -> None:
        row = _own(conn, message.member, message.order, message.trade)
        if row["state"] == State.DISPUTED:
            return
        if not may_dispute(row, message.member):
            raise Problem.field(
                409, "not-disputable", "trade", "only its buyer disputes goods, while they are under way"
            )
        body = {"contract": row["id"], "by": message.member, "reason": message.reason}
        journal.append(conn, "dispute", body, self._clock.now())
        contracts.move(conn, row, State.DISPUTED, detail={**row["detail"], "refusal": message.reason})

    async def open(self) -> Json:
        """Every dispute that is not settled, oldest first."""
        rows = await self._file.read(lambda conn: contracts.in_state(conn, State.DISPUTED))
        return {"items": [_shown(row) for row in rows]}

    async def decide(self, trade: str, decision: Decision) -> Json:
        """Raises Problem 404 where nothing is disputed, 422 for more than was traded."""
        lots = await self._file(lambda conn: self._decide(conn, trade, decision))
        self._changed()
        return {"trade": trade, "lots": lots}

    def _decide(self, conn: Connection, trade: str, decision: Decision) -> int:
        rows = [row for row in contracts.in_state(conn, State.DISPUTED) if shown_id(row["id"]) == trade]
        if not rows:
            raise Problem.field(404, "no-dispute", "trade", "no dispute of this trade waits for a decision")
        lot = Decimal(rows[0]["detail"]["product"]["lot"])
        lots = steps(decision.quantity, "quantity", lot, Refusal.OFF_LOT)
        if not 0 <= lots <= rows[0]["sent"]:
            raise Problem.field(422, "validation", "quantity", "between 0 and what was traded")
        body = {"contract": rows[0]["id"], "by": decision.by, "lots": lots}
        journal.append(conn, "decision", body, self._clock.now())
        contracts.decide(conn, rows[0], lots, decision.by, self._clock.now())
        return lots


def _own(conn: Connection, member: str, order: str, trade: str) -> RowMapping:
    found = [row for row in trades_of(conn, member, order) if shown_id(row["id"]) == trade]
    if not found:
        raise Problem.field(404, "unknown-trade", "trade", "this order of yours has no such trade")
    return found[0]


def _shown(row: RowMapping) -> Json:
    product = row["detail"]["product"]
    return {
        "trade": shown_id(row["id"]),
        "product": row["product"],
        "quantity": plain(row["sent"] * Decimal(product["lot"])),
        "unit": product["unit"],
        "seller": row["seller"],
        "buyer": row["buyer"],
        "agreed_at": iso(row["agreed_at"]),
        "reason": row["detail"].get("refusal", ""),
        "decided": row["detail"].get("resolution"),
    }
