"""The operator's routes: who takes part in the switch, where it is called, how much it may owe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, select, update

from tradelane.market.units import Money
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.commands import Answer, Command, Commands, idempotency_key
from tradelane.settlement.ehub.server.fspiop import outbox, registry, signature
from tradelane.settlement.ehub.server.fspiop.tables import participants, positions
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import PositiveAmount, Total
from tradelane.settlement.ehub.wire_fspiop import (
    AddParticipant,
    ChangeParticipant,
    FspId,
    ParticipantState,
    PositionState,
)
from tradelane.settlement.problem import Problem

OPERATOR = "operator"
"""Who has the hub's one token."""
Key = Annotated[str, Depends(idempotency_key)]


def router(transact: Transact, read: Transact, now: Callable[[], int]) -> APIRouter:
    """``now`` is market time in ms."""
    routes = APIRouter(prefix="/switch/participants")
    commands = Commands(transact, now)

    @routes.post("", status_code=201, response_model=ParticipantState)
    async def add_participant(request: Request, key: Key, question: AddParticipant) -> Response:
        return await commands.run(request, key, question, add)

    @routes.post("/{participant}", response_model=ParticipantState)
    async def change_participant(
        request: Request, key: Key, participant: FspId, question: ChangeParticipant
    ) -> Response:
        return await commands.run(request, key, question, partial(change, participant=participant))

    @routes.get("")
    async def all_participants() -> list[ParticipantState]:
        return await read(listed)

    @routes.get("/{participant}")
    async def one_participant(participant: FspId) -> ParticipantState:
        return await read(lambda conn: state(conn, participant))

    return routes


def add(conn: Connection, command: Command, question: AddParticipant) -> Answer:
    """A new participant; its keys, if any, count from the first message on."""
    if registry.endpoint_of(conn, question.participant) is not None:
        raise Problem.field(409, "duplicate-id", "participant", "this participant exists already")
    if question.participant.lower() == outbox.HUB.lower():
        raise Problem.field(422, "reserved-name", "participant", "the hub itself speaks under this name")
    _readable(question.keys)
    caps = {cap.currency: cap.money for cap in question.caps}
    if len(caps) < len(question.caps):
        raise Problem.field(422, "cap-twice", "caps", "one cap a currency")
    registry.add_participant(conn, question.participant, question.endpoint, caps, command.at)
    registry.set_keys(conn, question.participant, question.keys)
    _note(conn, command, "switch-participant-added", question.participant, question)
    return Answer.of(201, state(conn, question.participant))


def change(conn: Connection, command: Command, question: ChangeParticipant, *, participant: str) -> Answer:
    """Another address, other keys, other caps; no cap below what is owed and reserved."""
    state(conn, participant)
    _readable(question.keys)
    if question.endpoint is not None:
        where = participants.c.participant == participant
        conn.execute(update(participants).where(where).values(endpoint=question.endpoint))
    if question.keys is not None:
        registry.set_keys(conn, participant, question.keys)
    for place, cap in enumerate(question.caps):
        _set_cap(conn, participant, cap, f"caps.{place}")
    _note(conn, command, "switch-participant-changed", participant, question)
    return Answer.of(200, state(conn, participant))


def _set_cap(conn: Connection, participant: str, cap: PositiveAmount, field: str) -> None:
    p = positions.c
    place = (p.participant == participant) & (p.currency == cap.currency)
    owed = conn.execute(select(p.position_nano + p.reserved_nano).where(place)).scalar()
    if owed is None:
        registry.add_position(conn, participant, cap.money)
    elif owed > cap.money.nano:
        reason = f"it owes or reserves {Money(owed, cap.currency)} already"
        raise Problem.field(409, "cap-too-low", f"{field}.value", reason)
    else:
        conn.execute(update(positions).where(place).values(cap_nano=cap.money.nano))


def state(conn: Connection, participant: str) -> ParticipantState:
    """Problem 404 when there is none."""
    row = conn.execute(select(participants).where(participants.c.participant == participant)).one_or_none()
    if row is None:
        raise Problem.field(404, "unknown-participant", "participant", "no such participant")
    p = positions.c
    found = conn.execute(select(positions).where(p.participant == participant).order_by(p.currency)).all()
    return ParticipantState(
        participant=row.participant,
        endpoint=row.endpoint,
        signs=row.key is not None,
        positions=[
            PositionState(
                position=Total.of(one.position_nano, one.currency),
                reserved=Total.of(one.reserved_nano, one.currency),
                cap=Total.of(one.cap_nano, one.currency),
            )
            for one in found
        ],
    )


def listed(conn: Connection) -> list[ParticipantState]:
    """By name."""
    names = conn.execute(select(participants.c.participant).order_by(participants.c.participant)).scalars()
    return [state(conn, name) for name in names.all()]


def _note(conn: Connection, command: Command, action: str, participant: str, question: BaseModel) -> None:
    detail = question.model_dump(mode="json", exclude_none=True)
    audit.record(conn, command.at, OPERATOR, action, participant, detail)


def _readable(keys: str | None) -> None:
    if keys is not None and not signature.usable(keys):
        reason = "not PEM public keys, RSA of 2048 bits or more or of the curves of ES256 to ES512"
        raise Problem.field(422, "wrong-key", "keys", reason)
