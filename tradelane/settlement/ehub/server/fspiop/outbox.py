"""What the hub sends: written in the transaction of its cause, delivered afterwards, at least once.

Always true: of one participant and one topic (a transfer, a quote …) messages arrive in the order written, a
later one never before an earlier one was taken, refused or lost; a repeated message has the same body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, insert, select, update

from tradelane.market.units import MINUTE
from tradelane.settlement.ehub.server.delivering import Rounds, attempt, wait_ms
from tradelane.settlement.ehub.server.fspiop import headers, signature
from tradelane.settlement.ehub.server.fspiop.tables import outbox, participants
from tradelane.settlement.ehub.server.transact import Transact

if TYPE_CHECKING:
    import httpx2
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

HUB = "Hub"
GIVEN_UP_AFTER_MS = 24 * 60 * MINUTE
AT_ONCE = 100
_BUSY = (408, 425, 429)
_KEPT = "fspiop letters kept"
_PASSED_ON = (
    "content-type",
    "accept",
    "date",
    headers.SOURCE,
    headers.SIGNATURE,
    headers.URI,
    headers.METHOD,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to a participant. ``topic`` is what it is ordered by, ``path`` begins with the service."""

    to: str
    topic: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


def own(to: str, topic: str, path: str, content: tuple[str, str], body: Any, at: int) -> Letter:
    """The hub's own PUT; ``content`` is resource and version."""
    head = {
        "content-type": headers.media_type(*content),
        "date": headers.http_date(at),
        headers.SOURCE: HUB,
        headers.DESTINATION: to,
    }
    return Letter(to, topic, "PUT", path, head, json.dumps(body, separators=(",", ":")).encode())


def passed_on(head: Mapping[str, str], to: str) -> dict[str, str]:
    """The headers of a message that goes on as it came."""
    return {name: head[name] for name in _PASSED_ON if head.get(name)} | {headers.DESTINATION: to}


def post(conn: Connection, letter: Letter, at: int) -> None:
    """Write a letter, to be delivered once this transaction is durable."""
    held: list[Letter] | None = conn.info.get(_KEPT)
    if held is not None:
        held.append(letter)
        return
    row = {
        "participant": letter.to,
        "topic": letter.topic,
        "method": letter.method,
        "path": letter.path,
        "headers": json.dumps(dict(letter.headers)),
        "body": letter.body,
        "attempts": 0,
        "due_at": at,
        "ends_at": at + GIVEN_UP_AFTER_MS,
        "state": "waiting",
    }
    conn.execute(insert(outbox), row)


@contextmanager
def kept(conn: Connection) -> Iterator[list[Letter]]:
    """What is posted on ``conn`` meanwhile stays in the list: whoever asked tells of it in another way."""
    assert _KEPT not in conn.info
    letters: list[Letter] = []
    conn.info[_KEPT] = letters
    try:
        yield letters
    finally:
        del conn.info[_KEPT]


def due(conn: Connection, at: int) -> list[Row[Any]]:
    """The oldest waiting letter of each participant and topic, where its time has come."""
    waiting = outbox.c.state == "waiting"
    first = select(func.min(outbox.c.seq)).where(waiting).group_by(outbox.c.participant, outbox.c.topic)
    query = (
        select(outbox, participants.c.endpoint)
        .join_from(outbox, participants, participants.c.participant == outbox.c.participant, isouter=True)
        .where(outbox.c.seq.in_(first), outbox.c.due_at <= at)
        .order_by(outbox.c.seq)
        .limit(AT_ONCE)
    )
    return list(conn.execute(query))


def outcome(status: int | None) -> str:
    """The state a letter goes to by its HTTP status, None when nobody answered."""
    if status is None or status >= 500 or status in _BUSY:
        return "waiting"
    return "delivered" if 200 <= status < 300 else "refused"


def record(conn: Connection, row: Row[Any], status: int | None, at: int) -> None:
    """What became of an attempt."""
    state = outcome(status)
    if state == "waiting" and at >= row.ends_at:
        state = "lost"
    values = {"state": state, "attempts": row.attempts + 1, "due_at": at + wait_ms(row.attempts)}
    conn.execute(update(outbox).where(outbox.c.seq == row.seq).values(**values))


class Postman(Rounds[Row[Any], int | None]):
    """Delivers what is due, the hub's own messages signed with ``key``. ``private`` allows endpoints that are
    not of the open Internet."""

    def __init__(
        self,
        transact: Transact,
        read: Transact,
        now: Callable[[], int],
        client: httpx2.AsyncClient,
        *,
        private: bool = False,
        key: RSAPrivateKey | None = None,
    ) -> None:
        super().__init__(transact, read, now, due, self._try, record)
        self._client, self._private, self._key = client, private, key

    async def _try(self, row: Row[Any]) -> int | None:
        if not row.endpoint:
            return None
        url, head = row.endpoint.rstrip("/") + row.path, json.loads(row.headers)
        if self._key is not None and head[headers.SOURCE] == HUB:
            head = signature.signed(self._key, head, row.method, row.path, row.body or b"")
        answer = await attempt(self._client, row.method, url, head, row.body, private=self._private)
        return None if answer is None else answer.status


def patch(letter: Letter) -> Letter:
    """The same as a notification."""
    return replace(letter, method="PATCH")


def timestamp(at: int) -> str:
    """Unix ms as FSPIOP's DateTime, always with milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
