"""The other hubs: expected by key, known once their own document proves that key.

Always true: a peer is known only while the document at its URL was signed by the key its operator gave us;
windows and channel outlive a change of key.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, insert, select, update

from tradelane.market.units import MINUTE, Money
from tradelane.settlement import accounts
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server.accounts import load
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.delivering import wait_ms
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.road import channel, signing
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import peers as t
from tradelane.settlement.ehub.server.standing import ensure
from tradelane.settlement.ehub.server.tables import accounts as hub_accounts
from tradelane.settlement.ehub.wire_road import AddPeer, HubDocument, Jwk, PeerState
from tradelane.settlement.problem import Problem

WELL_KNOWN = "/.well-known/e-hub"
LARGEST_DOCUMENT = 65_536
WINDOWS_AHEAD = 1_000
ASK_REFUSED_AGAIN_MS = 10 * MINUTE


def document(road: Road) -> HubDocument:
    """What this hub publishes, signed."""
    body = {
        "name": road.name,
        "key": Jwk(x=road.public).model_dump(),
        "road": road.url,
        "currencies": list(road.currencies),
        "window_ms": road.window_ms,
    }
    return HubDocument.model_validate(body | {"signature": signing.sign_document(road.key, body)})


def add(conn: Connection, command: Command, question: AddPeer, *, road: Road) -> Answer:
    """POST /road/peers: expect it, or expect it anew where something has changed."""
    if question.name == road.name:
        raise Problem.field(422, "own-name", "name", "this hub itself has that name")
    expect(conn, question, command.at)
    return Answer.of(201, state(row(conn, question.name)))


def expect(conn: Connection, asked: AddPeer, at: int) -> None:
    """Keep a peer to be discovered. One that is known as just this stays known."""
    limits = {one.currency: one.money.nano for one in asked.limits}
    given = {
        "url": asked.url.rstrip("/"),
        "fingerprint": asked.fingerprint,
        "limits": json.dumps(limits, sort_keys=True),
        "places": json.dumps(sorted(asked.places)),
    }
    known = find(conn, asked.name)
    if known is None:
        conn.execute(insert(t), {**_NEW, "peer": asked.name, **given, "due_at": at, "at": at})
        return
    if known.state != "known" or any(getattr(known, name) != value for name, value in given.items()):
        fresh = {"state": "expected", "reason": None, "attempts": 0, "due_at": at}
        conn.execute(update(t).where(t.c.peer == asked.name).values(**given, **fresh))
        for currency in limits.keys() | json.loads(known.limits):
            _limit(conn, accounts.road(asked.name, currency), -limits.get(currency, 0))


def _limit(conn: Connection, name: str, nano: int) -> None:
    """A new limit; where the peer owes more already, what it owes now."""
    account = load(conn, [name]).get(name)
    if account is not None:
        limit = min(nano, account.available)
        conn.execute(update(hub_accounts).where(hub_accounts.c.account == name).values(limit_nano=limit))


def expected(conn: Connection, at: int) -> list[Row[Any]]:
    """Those to be looked up now, whose documents did not fit long enough ago too."""
    return list(conn.execute(select(t).where(t.c.state.in_(("expected", "refused")), t.c.due_at <= at)))


def judge(road: Road, asked: Row[Any], body: bytes | None) -> HubDocument | str:
    """The peer's document, or why it is not believed."""
    try:
        found = HubDocument.model_validate_json(body or b"")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        return f"its document: {'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
    if signing.fingerprint(found.key.x) != asked.fingerprint:
        return "its document has another key than expected"
    unsigned = found.model_dump(exclude={"signature"})
    if not signing.document_is_by(found.key.x, unsigned, found.signature):
        return "its document is not signed by its key"
    if found.name != asked.peer:
        return f"it calls itself {found.name}"
    if found.window_ms != road.window_ms:
        return f"its windows last {found.window_ms} ms, ours {road.window_ms}"
    return found


def discovered(conn: Connection, road: Road, asked: Row[Any], body: bytes | None, at: int) -> None:
    """What became of a look at the document: None when there was no answer. The first time, say hello."""
    now = row(conn, asked.peer)
    if (now.url, now.fingerprint) != (asked.url, asked.fingerprint):
        return
    if body is None:
        later = {"attempts": now.attempts + 1, "due_at": at + wait_ms(now.attempts)}
        conn.execute(update(t).where(t.c.peer == now.peer).values(**later))
        return
    judged = judge(road, now, body)
    if isinstance(judged, str):
        values: dict[str, Any] = {"state": "refused", "reason": judged, "due_at": at + ASK_REFUSED_AGAIN_MS}
        conn.execute(update(t).where(t.c.peer == now.peer).values(**values))
        return
    values = {
        "state": "known",
        "reason": None,
        "key": judged.key.x,
        "road": judged.road.rstrip("/"),
        "currencies": json.dumps(judged.currencies),
        "attempts": 0,
        "due_at": at,
    }
    if now.closed is None:
        values["closed"] = at // road.window_ms - 1
        channel.write(conn, now.peer, said.Hello(closed=values["closed"]), at)
    conn.execute(update(t).where(t.c.peer == now.peer).values(**values))


def owes(conn: Connection, peer: str, currency: str, at: int) -> str:
    """The account of what is owed between this hub and ``peer``, with the peer's limit."""
    nano = json.loads(row(conn, peer).limits).get(currency, 0)
    name = accounts.road(peer, currency)
    return ensure(conn, name, currency, str(Money(-nano, currency)), at)


def find(conn: Connection, peer: str) -> Row[Any] | None:
    return conn.execute(select(t).where(t.c.peer == peer)).one_or_none()


def row(conn: Connection, peer: str) -> Row[Any]:
    """A peer that is there."""
    found = find(conn, peer)
    assert found is not None, peer
    return found


def able(conn: Connection, peer: str) -> Row[Any]:
    """A peer that business is done with; Problem 422 or 409."""
    found = find(conn, peer)
    if found is None:
        raise Problem.field(422, "unknown-peer", "peer", "no such peer")
    if found.state != "known":
        raise Problem.field(409, "peer-not-known", "peer", f"this peer is {found.state}")
    return found


def greeted(conn: Connection, road: Road, peer: str, body: said.Hello, at: int) -> None:
    """Handles ``hello``: windows up to here have nothing to compare."""
    now = row(conn, peer)
    if now.compared is not None:
        raise Refused(Fault.VALIDATION, "hello was said before")
    if body.closed > farthest(road, now, at):
        raise Refused(Fault.VALIDATION, f"window {body.closed} is too far ahead")
    compared = max(now.closed, body.closed)
    conn.execute(update(t).where(t.c.peer == peer).values(peer_closed=body.closed, compared=compared))


def farthest(road: Road, peer: Row[Any], at: int) -> int:
    """The last window a peer may speak of now. Far more than clocks differ: what is refused for being ahead
    of ours may be committed there."""
    return max(at // road.window_ms, peer.compared or 0) + WINDOWS_AHEAD


def listed(conn: Connection) -> list[PeerState]:
    return [state(found) for found in conn.execute(select(t).order_by(t.c.peer))]


def state(found: Row[Any]) -> PeerState:
    """A peer as the wire shows it."""
    return PeerState(
        name=found.peer,
        currencies=json.loads(found.currencies),
        **{name: getattr(found, name) for name in _SHOWN},
    )


_SHOWN = [name for name in PeerState.model_fields if name not in ("name", "currencies")]
_NEW = {
    "state": "expected",
    "currencies": "[]",
    "sent": 0,
    "acknowledged": 0,
    "received": 0,
    "attempts": 0,
    "committed": 0,
}
