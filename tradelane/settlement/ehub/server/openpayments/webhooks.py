"""Webhooks: where members want to be told, and what has become of telling them."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from tradelane.market.units import iso
from tradelane.settlement.ehub.server import outbound
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.openpayments import events
from tradelane.settlement.ehub.server.openpayments.places import WEBHOOKS, Places, new_id
from tradelane.settlement.ehub.server.openpayments.tables import webhooks as t
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire_payments import AskWebhook, NewWebhook, Webhook, Webhooks
from tradelane.settlement.problem import Problem

MOST = 10
"""Of one member."""
SECRET_BYTES = 32
PREFIX = "whsec_"


def register(
    conn: Connection, command: Command, question: AskWebhook, *, asker: Caller, places: Places, private: bool
) -> Answer:
    """Tell this URL what happens from now on. ``private`` allows http and addresses that are not of the open
    Internet."""
    _check(question.url, private=private)
    count = select(func.count()).select_from(t).where(t.c.member.is_not_distinct_from(asker.member))
    if conn.execute(count).scalar_one() >= MOST:
        raise Problem.field(409, "too-many-webhooks", "url", f"a member has at most {MOST}; delete one")
    secret = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    row = {
        "id": new_id(WEBHOOKS, command),
        "member": asker.member,
        "url": question.url,
        "secret": secret,
        "delivered": events.newest(conn),
        "attempts": 0,
        "due_at": command.at,
        "at": command.at,
    }
    made = shown(conn.execute(insert(t).returning(t), row).one(), places)
    return Answer.of(201, NewWebhook(**made.model_dump(by_alias=False), secret=secret))


def listed(conn: Connection, asker: Caller, places: Places) -> Webhooks:
    """The asker's, oldest first; the operator's are those that are told of everyone."""
    query = select(t).where(t.c.member.is_not_distinct_from(asker.member)).order_by(t.c.at, t.c.id)
    return Webhooks(result=[shown(row, places) for row in conn.execute(query)])


def remove(conn: Connection, id: str, asker: Caller) -> None:
    """Tell it nothing more; Problem 404 when it is not the asker's."""
    gone = delete(t).where(t.c.id == id, t.c.member.is_not_distinct_from(asker.member))
    if conn.execute(gone).rowcount == 0:
        raise Problem.field(404, "unknown-webhook", "id", "no such webhook")


def shown(row: Row[Any], places: Places) -> Webhook:
    """As the wire shows it: without its secret."""

    def told(at: int | None) -> str | None:
        return None if at is None else iso(at)

    return Webhook(
        id=places.of_resource(WEBHOOKS, row.id),
        url=row.url,
        created_at=iso(row.at),
        delivered=row.delivered,
        failing_since=told(row.failing_since),
        disabled_at=told(row.disabled_at),
        reason=row.reason,
    )


def _check(url: str, *, private: bool) -> None:
    """What can be seen without asking anyone; names are resolved and checked again at each delivery."""
    try:
        split = outbound.parts(url)
        if split.scheme != "https" and not private:
            raise outbound.Forbidden("only https")
        host = split.hostname or ""
        if not private and _is_address(host) and not outbound.is_public(ipaddress.ip_address(host)):
            raise outbound.Forbidden(f"{host} is not an address of the open Internet")
    except outbound.Forbidden as error:
        raise Problem.field(422, "wrong-url", "url", str(error)) from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
