"""Webhooks told: Standard Webhooks 1.0, each at least once and in order.

Always true: a webhook gets its next event only after it took the one before; the same event has the same
``webhook-id`` and body however often it is sent. Who fails is asked again after ever longer waits, up to an
hour, and no more after a week; 410 ends it at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, or_, select, update

from tradelane.market.units import MINUTE
from tradelane.settlement.ehub.server.delivering import Rounds, attempt, wait_ms
from tradelane.settlement.ehub.server.openpayments import events
from tradelane.settlement.ehub.server.openpayments.tables import events as e
from tradelane.settlement.ehub.server.openpayments.tables import webhooks as w
from tradelane.settlement.ehub.server.openpayments.webhooks import PREFIX
from tradelane.settlement.ehub.server.transact import Transact

if TYPE_CHECKING:
    import httpx2

HOUR = 60 * MINUTE
GIVEN_UP_AFTER_MS = 7 * 24 * HOUR
AT_ONCE = 100
GONE = 410
_next = e.alias("next")


def signature(secret: str, id: str, at_s: int, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 of id, time and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    made = hmac.new(key, f"{id}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def due(conn: Connection, at: int) -> list[Row[Any]]:
    """Each working webhook with its next event, where its time has come."""
    later = select(func.min(_next.c.seq)).where(_next.c.seq > w.c.delivered)
    following = later.where(or_(w.c.member.is_(None), _next.c.member == w.c.member)).scalar_subquery()
    query = (
        select(e, w.c.id, w.c.url, w.c.secret, w.c.attempts, w.c.failing_since)
        .join_from(w, e, e.c.seq == following)
        .where(w.c.disabled_at.is_(None), w.c.due_at <= at)
        .order_by(w.c.due_at, w.c.id)
        .limit(AT_ONCE)
    )
    return list(conn.execute(query))


def record(conn: Connection, row: Row[Any], status: int | None, at: int) -> None:
    """What became of an attempt at ``at`` (ms); None when nobody answered."""
    if status is not None and 200 <= status < 300:
        values = {"delivered": row.seq, "attempts": 0, "due_at": at, "failing_since": None}
    else:
        since = at if row.failing_since is None else row.failing_since
        wait = wait_ms(row.attempts, HOUR)
        values = {"attempts": row.attempts + 1, "due_at": at + wait, "failing_since": since}
        if status == GONE or at - since >= GIVEN_UP_AFTER_MS:
            why = "no answer" if status is None else f"status {status}"
            values |= {"disabled_at": at, "reason": why if status == GONE else f"failed for a week: {why}"}
    conn.execute(update(w).where(w.c.id == row.id).values(values))


class Teller(Rounds[Row[Any], int | None]):
    """Tells webhooks what is due. ``private`` allows addresses that are not of the open Internet."""

    def __init__(
        self, transact: Transact, read: Transact, now: Callable[[], int], *, private: bool = False
    ) -> None:
        super().__init__(transact, read, now, due, self.attempted, record)
        self._private = private
        self._client: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def attempted(self, row: Row[Any]) -> int | None:
        """One attempt; the HTTP status, None when nobody answered."""
        import httpx2

        self._client = self._client or httpx2.AsyncClient()
        body, at_s = events.payload(row).encode(), self._now() // 1000
        id = f"evt_{row.seq}"
        head = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature(row.secret, id, at_s, body),
        }
        answer = await attempt(self._client, "POST", row.url, head, body, private=self._private)
        return None if answer is None else answer.status
