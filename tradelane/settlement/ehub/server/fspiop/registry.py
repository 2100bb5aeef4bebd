"""Who takes part: participants and their endpoints, and which of them holds a party's account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from tradelane.market.units import Money
from tradelane.settlement.ehub.server.fspiop import outbox
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.fspiop.messages import Registration, Registrations
from tradelane.settlement.ehub.server.fspiop.tables import participants, parties, positions


def add_participant(conn: Connection, name: str, endpoint: str, caps: dict[str, Money], at: int) -> None:
    """A new participant with a position in each currency of ``caps``, its net debit caps."""
    conn.execute(insert(participants), {"participant": name, "endpoint": endpoint, "at": at})
    for cap in caps.values():
        add_position(conn, name, cap)


def add_position(conn: Connection, name: str, cap: Money) -> None:
    """In one more currency."""
    row = {"participant": name, "currency": cap.currency, "cap_nano": cap.nano}
    conn.execute(insert(positions), row | {"position_nano": 0, "reserved_nano": 0})


def endpoint_of(conn: Connection, name: str) -> str | None:
    """The base of a participant's callback URLs; None when there is no such participant."""
    found = select(participants.c.endpoint).where(participants.c.participant == name)
    return conn.execute(found).scalar_one_or_none()


def keys_of(conn: Connection, name: str) -> str | None:
    """The PEM public keys a participant signs with, more than one while it changes them; None: unsigned."""
    return conn.execute(select(participants.c.key).where(participants.c.participant == name)).scalar()


def set_keys(conn: Connection, name: str, keys: str | None) -> None:
    """From now on the participant's requests must be signed with one of ``keys``."""
    conn.execute(update(participants).where(participants.c.participant == name).values(key=keys))


def register(conn: Connection, asked: Inbound[Registration]) -> None:
    """POST /participants/{Type}/{ID}[/{SubId}]."""
    if asked.body.fspId != asked.envelope.source:
        raise Refused(Fault.ADD_PARTY, "fspId is not FSPIOP-Source")
    _keep(conn, _party(asked), asked.body.currency, asked.envelope.source)
    _answer(conn, asked, {"fspId": asked.body.fspId})


def register_all(conn: Connection, asked: Inbound[Registrations]) -> None:
    """POST /participants: each of the list for itself."""
    results: list[dict[str, Any]] = []
    for party in asked.body.partyList:
        told: dict[str, Any] = {"partyId": party.model_dump(exclude_none=True)}
        if party.fspId in (None, asked.envelope.source):
            key = (party.partyIdType, party.partyIdentifier, party.partySubIdOrType or "")
            _keep(conn, key, asked.body.currency, asked.envelope.source)
        else:
            told |= Refused(Fault.ADD_PARTY, "fspId is not FSPIOP-Source").body()
        results.append(told)
    body: dict[str, Any] = {"partyList": results}
    if asked.body.currency:
        body["currency"] = asked.body.currency
    _put(conn, asked, f"/participants/{asked.body.requestId}", body)


def look_up(conn: Connection, asked: Inbound[None]) -> None:
    """GET /participants/{Type}/{ID}[/{SubId}]."""
    _answer(conn, asked, {"fspId": holder(conn, asked)})


def forget(conn: Connection, asked: Inbound[None]) -> None:
    """DELETE /participants/{Type}/{ID}[/{SubId}] by the participant that holds the party."""
    if holder(conn, asked) != asked.envelope.source:
        raise Refused(Fault.PARTY, "held by another participant")
    conn.execute(delete(parties).where(*_where(asked), parties.c.participant == asked.envelope.source))
    _answer(conn, asked, {})


def find_party(conn: Connection, asked: Inbound[None]) -> None:
    """GET /parties/{Type}/{ID}[/{SubId}]: asked of the participant named, or of the one that holds it."""
    to = asked.envelope.destination
    if to is None or to == outbox.HUB:
        to = holder(conn, asked)
    pass_on(conn, asked, to)


def forward(conn: Connection, asked: Inbound[Any]) -> None:
    """Pass a message on to its destination as it came."""
    to = asked.envelope.destination
    if to is None:
        raise Refused(Fault.MISSING, "header FSPIOP-Destination")
    pass_on(conn, asked, to)


def pass_on(conn: Connection, asked: Inbound[Any], to: str) -> None:
    if endpoint_of(conn, to) is None:
        raise Refused(Fault.DESTINATION, to)
    outbox.post(conn, asked.letter(to), asked.at)


def holder(conn: Connection, asked: Inbound[Any]) -> str:
    """The participant that holds the party of the path; the one of no currency stands for all."""
    query = select(parties.c.participant).where(*_where(asked)).order_by(parties.c.currency.desc())
    found = conn.execute(query).scalars().first()
    if found is None:
        raise Refused(Fault.PARTY)
    return str(found)


def _where(asked: Inbound[Any]) -> list[Any]:
    kind, identifier, sub = _party(asked)
    where = [parties.c.kind == kind, parties.c.identifier == identifier, parties.c.sub == sub]
    currency = asked.ids.get("currency")
    return where + ([parties.c.currency.in_([currency, ""])] if currency else [])


def _party(asked: Inbound[Any]) -> tuple[str, str, str]:
    return asked.ids["Type"], asked.ids["ID"], asked.ids.get("SubId", "")


def _keep(conn: Connection, party: tuple[str, str, str], currency: str | None, fsp: str) -> None:
    kind, identifier, sub = party
    key = {"kind": kind, "identifier": identifier, "sub": sub, "currency": currency or ""}
    same = [parties.c[name] == value for name, value in key.items()]
    known = conn.execute(select(parties.c.participant).where(*same)).scalar_one_or_none()
    if known is None:
        conn.execute(insert(parties), key | {"participant": fsp})
    elif known != fsp:
        raise Refused(Fault.ADD_PARTY, "held by another participant")


def _answer(conn: Connection, asked: Inbound[Any], body: Any) -> None:
    _put(conn, asked, asked.path.partition("?")[0], body)


def _put(conn: Connection, asked: Inbound[Any], path: str, body: Any) -> None:
    envelope = asked.envelope
    content = (envelope.resource, envelope.version)
    outbox.post(conn, outbox.own(envelope.source, asked.topic, path, content, body, asked.at), asked.at)
