"""The channel between two hubs: numbered messages, written with their cause, taken once and in order.

Always true: numbers of a direction have no gaps; a message is delivered until the peer says it is durable
there; its effect and our answer are written in one transaction, and the same number again gets that answer
again. What follows is what TCP does for bytes, kept over crashes of both sides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, Row, insert, select, update

from tradelane.settlement.ehub.server.chain import canonical
from tradelane.settlement.ehub.server.delivering import wait_ms
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import inbox, outbox, peers
from tradelane.settlement.ehub.wire_road_messages import (
    MOST_MESSAGES,
    Envelope,
    ErrorInformation,
    Message,
    Receipt,
    RefusedMessage,
)
from tradelane.settlement.problem import Problem

Handler = Callable[[Connection, Road, str, Any, int], None]
"""The effect of one message: connection, this hub, the peer, the body, and when (ms)."""
Handlers = Mapping[str, tuple[type[BaseModel], Handler]]
LARGEST_ENVELOPE = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """The oldest messages a peer has not acknowledged; ``url`` is where they go."""

    peer: str
    url: str
    messages: tuple[Message, ...]

    def envelope(self, road: Road) -> bytes:
        made = Envelope(sender=road.name, to=self.peer, messages=list(self.messages))
        return made.model_dump_json().encode()


@dataclass(frozen=True, slots=True)
class Told:
    """What a peer answered: a receipt, or a fault for good, or neither (nobody there, later)."""

    receipt: Receipt | None = None
    broken: str | None = None


def kind(model: type[BaseModel]) -> str:
    """``QuoteRefused`` is sent as ``quote-refused``."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in model.__name__).lstrip("-")


def write(conn: Connection, peer: str, body: BaseModel, at: int) -> None:
    """A message for ``peer``, sent once this transaction is durable."""
    number = conn.execute(select(peers.c.sent).where(peers.c.peer == peer)).scalar_one() + 1
    text = body.model_dump_json()
    conn.execute(
        insert(outbox), {"peer": peer, "number": number, "kind": kind(type(body)), "body": text, "at": at}
    )
    conn.execute(update(peers).where(peers.c.peer == peer).values(sent=number))


def due(conn: Connection, at: int) -> list[Parcel]:
    """A parcel for each known peer that has something to get, where its time has come."""
    waiting = (peers.c.state == "known") & (peers.c.acknowledged < peers.c.sent) & (peers.c.due_at <= at)
    found = conn.execute(select(peers).where(waiting).order_by(peers.c.peer)).all()
    return [_parcel(conn, row) for row in found]


def _parcel(conn: Connection, peer: Row[Any]) -> Parcel:
    query = (
        select(outbox)
        .where(outbox.c.peer == peer.peer, outbox.c.number > peer.acknowledged)
        .order_by(outbox.c.number)
        .limit(MOST_MESSAGES)
    )
    messages: list[Message] = []
    size = 0
    for row in conn.execute(query):
        size += len(row.body)
        if messages and size > LARGEST_ENVELOPE // 2:
            break
        messages.append(Message(number=row.number, kind=row.kind, body=json.loads(row.body)))
    return Parcel(peer.peer, peer.road, tuple(messages))


def record(conn: Connection, parcel: Parcel, told: Told, at: int) -> None:
    """What became of a parcel. A receipt of less than was sent before makes us send again from there."""
    peer = conn.execute(select(peers).where(peers.c.peer == parcel.peer)).one()
    values: dict[str, Any] = {"attempts": peer.attempts + 1, "due_at": at + wait_ms(peer.attempts)}
    if told.broken is not None:
        values = {"state": "broken", "reason": told.broken}
    elif told.receipt is not None and told.receipt.received <= peer.sent:
        for refused in told.receipt.refused:
            error = refused.error.model_dump_json()
            place = (outbox.c.peer == parcel.peer) & (outbox.c.number == refused.number)
            conn.execute(update(outbox).where(place).values(error=error))
        received, first = told.receipt.received, parcel.messages[0].number
        if received >= peer.acknowledged or received < first - 1:
            values = {"acknowledged": received, "attempts": 0, "due_at": at}
    conn.execute(update(peers).where(peers.c.peer == parcel.peer).values(**values))


def receive(conn: Connection, road: Road, handlers: Handlers, envelope: Envelope, at: int) -> Receipt:
    """Take what is new of an envelope, in order. A gap: nothing is taken, the receipt says from where.

    Raises Problem 409 when a number taken before now carries another message: then nothing is taken.
    """
    received = conn.execute(select(peers.c.received).where(peers.c.peer == envelope.sender)).scalar_one()
    refused: list[RefusedMessage] = []
    for message in sorted(envelope.messages, key=lambda one: one.number):
        if message.number <= received:
            error = _again(conn, envelope.sender, message)
        elif message.number == received + 1:
            error = _take(conn, road, handlers, envelope.sender, message, at)
            received = message.number
        else:
            break
        if error is not None:
            refused.append(RefusedMessage(number=message.number, error=error))
    conn.execute(update(peers).where(peers.c.peer == envelope.sender).values(received=received))
    return Receipt(received=received, refused=refused)


def _again(conn: Connection, peer: str, message: Message) -> ErrorInformation | None:
    place = (inbox.c.peer == peer) & (inbox.c.number == message.number)
    first = conn.execute(select(inbox).where(place)).one()
    if first.digest != digest(message):
        raise Problem.field(409, "number-reused", "number", f"{message.number} was another message")
    return None if first.error is None else ErrorInformation.model_validate_json(first.error)


def _take(
    conn: Connection, road: Road, handlers: Handlers, peer: str, message: Message, at: int
) -> ErrorInformation | None:
    error = None
    try:
        with conn.begin_nested():
            _effect(conn, road, handlers, peer, message, at)
    except Refused as why:
        error = information(why)
    row = {"peer": peer, "number": message.number, "digest": digest(message), "at": at}
    conn.execute(insert(inbox), row | {"error": None if error is None else error.model_dump_json()})
    return error


def _effect(conn: Connection, road: Road, handlers: Handlers, peer: str, message: Message, at: int) -> None:
    if message.kind not in handlers:
        raise Refused(Fault.NOT_IMPLEMENTED, message.kind)
    model, handle = handlers[message.kind]
    try:
        body = model.model_validate(message.body)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        raise Refused(Fault.SYNTAX, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    handle(conn, road, peer, body, at)


def information(why: Refused) -> ErrorInformation:
    """A refusal as FSPIOP's errorInformation."""
    told = why.body()["errorInformation"]
    text = "".join(c if c.isprintable() else "?" for c in told["errorDescription"])
    return ErrorInformation(error_code=told["errorCode"], error_description=text)


def digest(message: Message) -> bytes:
    return hashlib.sha256(canonical(message.model_dump())).digest()
