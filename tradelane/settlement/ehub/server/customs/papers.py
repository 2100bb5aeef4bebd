"""What papers a consignment needs, and which of them are on file: for its declaration, its contract or its
consignor.

Always true: green is only what has every paper it needs; what is on file counts as given.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from tradelane.settlement import requirement
from tradelane.settlement.customs import Channel
from tradelane.settlement.ehub.server.customs.assessing import day_of
from tradelane.settlement.ehub.server.customs.tables import declaration_documents as t
from tradelane.settlement.ehub.server.inspection import documents
from tradelane.settlement.ehub.wire_declarations import Declare
from tradelane.settlement.risk import RiskRule


def ask(conn: Connection, declared: Declare, rule: RiskRule, at: int) -> tuple[Channel, str]:
    """Ask for what ``rule`` and the law of the destination want at ``at`` (ms). The channel and the name of
    the rule that says it: a paper that is missing makes yellow of green."""
    name, on = declared.declaration, day_of(at)
    needed = requirement.for_goods(declared.hs_code, declared.origin, declared.destination, on)
    wanted = list(dict.fromkeys((*rule.documents, *(one.kind for one in needed))))
    subjects = {name, declared.contract, declared.consignor or name}
    filed = documents.on_file(conn, wanted, subjects, on)
    known = {row.name: row.sha256 for row in conn.execute(_ASKED, {"id": name})}
    for kind in wanted:
        if kind not in known:
            conn.execute(insert(t), {"declaration": name, "name": kind, **_given(filed.get(kind), at)})
        elif known[kind] is None and kind in filed:
            conn.execute(_GIVE, {"id": name, "asked": kind, **_given(filed[kind], at)})
    missing = [one for one in needed if one.kind not in filed and known.get(one.kind) is None]
    if rule.channel is Channel.GREEN and missing:
        return Channel.YELLOW, missing[0].name
    return rule.channel, rule.name


def _given(row: Row[Any] | None, at: int) -> dict[str, Any]:
    if row is None:
        return {"sha256": None, "reference": None, "at": None}
    return {"sha256": row.sha256, "reference": f"{row.number}, {row.issuer}", "at": at}


_ASKED = select(t.c.name, t.c.sha256).where(t.c.declaration == bindparam("id"))
_GIVE = (
    update(t)
    .where(t.c.declaration == bindparam("id"), t.c.name == bindparam("asked"))
    .values(sha256=bindparam("sha256"), reference=bindparam("reference"), at=bindparam("at"))
)
