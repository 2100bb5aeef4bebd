"""What two operators do together: each kind of approval, and the function that carries it out."""

from __future__ import annotations

from sqlalchemy import Connection

from tradelane.settlement.ehub.server.inspection import disputes
from tradelane.settlement.ehub.server.supervision import registering
from tradelane.settlement.ehub.server.supervision.approvals import BY, SUBJECT, Fields, Kinds
from tradelane.settlement.ehub.wire_members import ChangeLevel
from tradelane.settlement.ehub.wire_supervision import ADDED


def member_limit(conn: Connection, fields: Fields, at: int) -> None:
    """The subject is a member; ``level`` the one whose limits it gets."""
    question = ChangeLevel.model_validate(_own(fields))
    registering.set_level(conn, fields[SUBJECT], question, at, fields[BY])


def dispute(conn: Connection, fields: Fields, at: int) -> None:
    """The subject is a contract whose money is disputed; the fields are those of its decision."""
    disputes.resolve(conn, {**_own(fields), "contract": fields[SUBJECT], "by": fields[BY]}, at)


def _own(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name not in ADDED}


KINDS: Kinds = {"member-limit": member_limit, "dispute": dispute}
