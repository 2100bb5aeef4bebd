"""Declarations: lodged, sent to their channel, amended, released, held or invalidated, by the one table.

Always true: a declaration's state, what it owes and what was charged for it change in one transaction; it is
released only with its charge taken, and with all papers that were asked for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from tradelane.market.units import Money
from tradelane.settlement import declaration as way
from tradelane.settlement import risk
from tradelane.settlement.customs import Channel
from tradelane.settlement.declaration import Event, State
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.customs import charging, papers
from tradelane.settlement.ehub.server.customs.answers import find, required
from tradelane.settlement.ehub.server.customs.assessing import day_of, held_to
from tradelane.settlement.ehub.server.customs.tables import (
    declaration_documents,
    declaration_steps,
    declarations,
)
from tradelane.settlement.ehub.server.inspection import orders
from tradelane.settlement.ehub.wire_declarations import Amend, Decide, Declare, Figures, GiveDocument
from tradelane.settlement.problem import Problem

t, d = declarations, declaration_documents
TAKES_PAPERS = (State.DOCUMENTS, State.INSPECTION, State.HELD)


def declare(conn: Connection, command: Command, question: Declare) -> Answer:
    """Take a declaration, assess it, and do what its channel says: green is released and charged at once."""
    if find(conn, question.declaration) is not None:
        raise Problem.field(409, "duplicate-id", "declaration", "this declaration exists already")
    charging.check(conn, question)
    figures = held_to(conn, question, command.at)
    row = {**_columns(question, figures), "declaration": question.declaration, "contract": question.contract}
    row |= {"channel": "", "state": State.LODGED.value, "risk_rule": "", "at": command.at, "version": 1}
    conn.execute(insert(t), row)
    _note(conn, question.declaration, None, State.LODGED, "", command.at, question)
    _accept(conn, command, question)
    return Answer.of(201, required(find(conn, question.declaration)))


def amend(conn: Connection, command: Command, question: Amend, *, declaration: str) -> Answer:
    """Declare anew what is given. Before release the channel is looked for again; what was released is
    corrected, and the difference charged or given back."""
    row = _row(conn, declaration)
    event = Event.CORRECT if row.state == State.RELEASED else Event.AMEND
    state = _after(row, event)
    given = question.model_dump(exclude={"reason"}, exclude_none=True)
    if not given:
        raise Problem.field(422, "nothing-to-amend", "reason", "nothing is declared anew")
    declared = Declare.model_validate(
        {**Declare.model_validate_json(row.body).model_dump(exclude_none=True), "assessment": None, **given}
    )
    figures = held_to(conn, declared, command.at)
    number = row.version + 1
    conn.execute(_UPDATE, {"id": declaration, **_columns(declared, figures), "version": number})
    _to(conn, declaration, event, state, question.reason, command.at, declared)
    if event is Event.CORRECT:
        _charge(conn, command, declared, figures, row, number, charging.due(figures))
    else:
        _accept(conn, command, declared)
    return Answer.of(200, required(find(conn, declaration)))


def give_document(conn: Connection, command: Command, question: GiveDocument, *, declaration: str) -> Answer:
    """A paper that was asked for; giving it again replaces it."""
    row = _row(conn, declaration)
    if State(row.state) not in TAKES_PAPERS:
        raise _wrong_state(row, "takes no papers")
    given = {"name": question.name, "sha256": question.sha256, "reference": question.reference}
    found = conn.execute(_GIVE, {"id": declaration, "asked": question.name, **given, "at": command.at})
    if found.rowcount == 0:
        raise Problem.field(422, "document-not-asked", "name", "no paper of this name was asked for")
    return Answer.of(200, required(find(conn, declaration)))


def release(conn: Connection, command: Command, question: Decide, *, declaration: str) -> Answer:
    """The office lets the goods go, and takes what is due. 409 while papers are missing."""
    row = _row(conn, declaration)
    _after(row, Event.RELEASE)
    missing = [name for (name,) in conn.execute(_MISSING, {"id": declaration})]
    if missing:
        raise Problem.field(409, "documents-missing", "documents", f"missing: {', '.join(missing)}")
    orders.release_by_customs(conn, declaration, question.note, command.at)
    _release(conn, command, Declare.model_validate_json(row.body), question.note)
    return Answer.of(200, required(find(conn, declaration)))


def hold(conn: Connection, command: Command, question: Decide, *, declaration: str) -> Answer:
    """The office keeps the goods."""
    follow(conn, declaration, Event.HOLD, question.note, command.at)
    return Answer.of(200, required(find(conn, declaration)))


def follow(conn: Connection, declaration: str, event: Event, note: str, at: int) -> None:
    """Bring a declaration where an event leads that moves no money; Problem 409 where it leads nowhere."""
    _to(conn, declaration, event, _after(_row(conn, declaration), event), note, at)


def invalidate(conn: Connection, command: Command, question: Decide, *, declaration: str) -> Answer:
    """The declaration counts no more; what was charged for it, or held, goes back."""
    row = _row(conn, declaration)
    state = _after(row, Event.INVALIDATE)
    declared = Declare.model_validate_json(row.body)
    figures = Figures.model_validate_json(row.figures)
    _to(conn, declaration, Event.INVALIDATE, state, question.note, command.at)
    if row.state == State.RELEASED:
        _charge(conn, command, declared, figures, row, row.version + 1, charging.nothing(figures))
    else:
        charging.let_go(conn, command, declared)
    return Answer.of(200, required(find(conn, declaration)))


def _accept(conn: Connection, command: Command, declared: Declare) -> None:
    """Accepted, and on to what the channel leads to."""
    name, at = declared.declaration, command.at
    rule = risk.rule_for(declared.hs_code, declared.origin, declared.destination, day_of(at))
    channel, why = papers.ask(conn, declared, rule, at)
    conn.execute(_CHANNEL, {"id": name, "to": channel.value, "rule": why})
    _to(conn, name, Event.ACCEPT, State.ACCEPTED, "", at)
    if channel is Channel.GREEN:
        _release(conn, command, declared, why)
        return
    event = way.AFTER_ACCEPTANCE[channel]
    state = way.after(State.ACCEPTED, event)
    assert state is not None, "the table leads on from accepted, whatever the channel"
    _to(conn, name, event, state, why, at)
    if channel is Channel.RED:
        orders.order_for_customs(conn, name, declared.contract, why, at)


def _release(conn: Connection, command: Command, declared: Declare, note: str) -> None:
    _to(conn, declared.declaration, Event.RELEASE, State.RELEASED, note, command.at)
    row = _row(conn, declared.declaration)
    figures = Figures.model_validate_json(row.figures)
    _charge(conn, command, declared, figures, row, row.version, charging.due(figures))


def _charge(
    conn: Connection, command: Command, declared: Declare, figures: Figures, row: Row[Any], number: int,
    after: charging.Taken,
) -> None:  # fmt: skip
    if declared.payer is None:
        return
    currency = figures.duty.currency
    before = Money(row.charged_duty_nano, currency), Money(row.charged_tax_nano, currency)
    charging.charge(conn, command, declared, number, figures, before, after)
    taken = {"duty": after[0].nano, "tax": after[1].nano, "number": number}
    conn.execute(_CHARGED, {"id": declared.declaration, **taken})


def _columns(declared: Declare, figures: Figures) -> dict[str, Any]:
    value = declared.value.money
    duties = [line for line in figures.lines if line.kind == "duty"]
    return {
        "hs_code": declared.hs_code,
        "origin": declared.origin,
        "destination": declared.destination,
        "quantity": declared.quantity,
        "unit": declared.unit,
        "currency": value.currency,
        "value_nano": value.nano,
        "duty_ppm": sum(line.rate_ppm or 0 for line in duties),
        "duty_nano": sum(line.amount.money.nano for line in duties),
        "body": declared.model_dump_json(),
        "figures": figures.model_dump_json(),
    }


def _row(conn: Connection, declaration: str) -> Row[Any]:
    row = conn.execute(_FIND, {"id": declaration}).first()
    if row is None:
        raise Problem.field(404, "unknown-declaration", "declaration", "no such declaration")
    return row


def _after(row: Row[Any], event: Event) -> State:
    state = way.after(State(row.state), event)
    if state is None:
        raise _wrong_state(row, f"cannot be given the event {event.value}")
    return state


def _wrong_state(row: Row[Any], what: str) -> Problem:
    reason = f"a declaration that is {row.state} {what}"
    return Problem.field(409, "declaration-state", "declaration", reason)


def _to(
    conn: Connection, declaration: str, event: Event, state: State, note: str, at: int,
    declared: Declare | None = None,
) -> None:  # fmt: skip
    conn.execute(_STATE, {"id": declaration, "to": state.value})
    _note(conn, declaration, event, state, note, at, declared)


def _note(
    conn: Connection, declaration: str, event: Event | None, state: State, note: str, at: int,
    declared: Declare | None,
) -> None:  # fmt: skip
    step = {"declaration": declaration, "number": conn.execute(_COUNT, {"id": declaration}).scalar_one() + 1}
    step |= {"event": None if event is None else event.value, "state": state.value, "note": note, "at": at}
    body = None if declared is None else declared.model_dump_json()
    conn.execute(insert(declaration_steps), {**step, "body": body})


_s = declaration_steps
_mine = t.c.declaration == bindparam("id")
_FIND = select(t).where(_mine)
_COUNT = select(func.count()).select_from(_s).where(_s.c.declaration == bindparam("id"))
_STATE = update(t).where(_mine).values(state=bindparam("to"))
_CHANNEL = update(t).where(_mine).values(channel=bindparam("to"), risk_rule=bindparam("rule"))
_CHARGED = (
    update(t)
    .where(_mine)
    .values(
        charged_duty_nano=bindparam("duty"), charged_tax_nano=bindparam("tax"), version=bindparam("number")
    )
)
_AMENDED = (
    "hs_code", "origin", "destination", "quantity", "unit", "currency", "value_nano", "duty_ppm",
    "duty_nano", "body", "figures", "version",
)  # fmt: skip
_UPDATE = update(t).where(_mine).values({name: bindparam(name) for name in _AMENDED})
_asked = d.c.declaration == bindparam("id")
_ASKED = select(d.c.name).where(_asked)
_MISSING = _ASKED.where(d.c.sha256.is_(None)).order_by(d.c.name)
_GIVE = (
    update(d)
    .where(_asked, d.c.name == bindparam("asked"))
    .values(sha256=bindparam("sha256"), reference=bindparam("reference"), at=bindparam("at"))
)
