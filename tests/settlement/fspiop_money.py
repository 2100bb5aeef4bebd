"""Transfers that are prepared and fulfilled at once, on a connection, for tests of what follows from them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from tests.settlement.fspiop_scheme import fulfil, prepare
from tests.settlement.hubs import NOW
from tradelane.market.units import Money
from tradelane.settlement.ehub.server.fspiop import admin, headers, messages, registry, transfers
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound


def enrol(
    conn: Connection, *names: str, cap: str = "1000", currencies: tuple[str, ...] = ("EUR", "GBP")
) -> None:
    caps = {currency: Money.parse(cap, currency) for currency in currencies}
    for name in names:
        registry.add_participant(conn, name, "http://x.example", caps, NOW)


def inbound(resource: str, source: str, ids: dict[str, str], kind: Any, body: Any, at: int) -> Inbound[Any]:
    raw = json.dumps(body).encode()
    envelope = headers.Envelope(resource, "2.0", source, None, {})
    path = "/".join(["", resource, *ids.values()])
    return Inbound(envelope, "PUT", path, ids, messages.parse(kind, raw), raw, at)


def id_of(n: int) -> str:
    return f"b51ec534-ee48-4575-b6a9-{n:012d}"


def prepared(conn: Connection, n: int, payer: str, payee: str, value: str, currency: str = "EUR") -> None:
    amount = {"currency": currency, "amount": value}
    body = prepare(transferId=id_of(n), payerFsp=payer, payeeFsp=payee, amount=amount)
    transfers.prepare(conn, inbound("transfers", payer, {}, messages.Prepare, body, NOW))


def committed(conn: Connection, n: int, payee: str) -> None:
    ids = {"ID": id_of(n)}
    transfers.fulfil(conn, inbound("transfers", payee, ids, messages.Fulfil, fulfil(), NOW + 1))


def standing(conn: Connection, *names: str) -> dict[tuple[str, str], tuple[int, int]]:
    """(participant, currency) → position and what is reserved, in nano-units."""
    return {
        (name, one.position.currency): (one.position.money.nano, one.reserved.money.nano)
        for name in names
        for one in admin.state(conn, name).positions
    }
