"""Settlements: what participants owe of some windows is paid outside, and their positions are reset.

Always true: all positions of a settlement are reset together or none is, by payments that sum to zero, when
the last account is said to be committed. They are reserved within the caps one state before, so that the
reset cannot fail. A window is in one settlement that is not aborted, at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from tradelane.settlement import netting
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.fspiop import outbox, positions, windows
from tradelane.settlement.ehub.server.fspiop.admin import OPERATOR
from tradelane.settlement.ehub.server.fspiop.settlement_tables import account_numbers as n
from tradelane.settlement.ehub.server.fspiop.settlement_tables import settlement_accounts as a
from tradelane.settlement.ehub.server.fspiop.settlement_tables import settlement_windows, settlements
from tradelane.settlement.ehub.wire_fspiop_settlement import AccountUpdate, CreateSettlement, UpdateSettlement
from tradelane.settlement.fspiop_states import SETTLEMENT as TABLE
from tradelane.settlement.fspiop_states import SettlementEvent, SettlementState, WindowEvent, after
from tradelane.settlement.problem import Problem

WAY = (
    SettlementState.PENDING_SETTLEMENT,
    SettlementState.PS_TRANSFERS_RECORDED,
    SettlementState.PS_TRANSFERS_RESERVED,
    SettlementState.PS_TRANSFERS_COMMITTED,
    SettlementState.SETTLED,
)
"""Of each account, a step at a time, none more than one step before the others."""
_EVENTS = (SettlementEvent.RECORD, SettlementEvent.RESERVE, SettlementEvent.COMMIT)


def create(conn: Connection, question: CreateSettlement, at: int) -> int:
    """The number of a new settlement of windows that are closed; the same again is the same settlement."""
    numbers = sorted({one.id for one in question.settlement_windows})
    same = _same(conn, numbers, question)
    if same is not None:
        return same
    parts = [windows.nets(conn, windows.find(conn, number)) for number in numbers]
    number = (conn.execute(select(func.max(settlements.c.settlement))).scalar() or 0) + 1
    row = {"settlement": number, "reason": question.reason, "model": question.settlement_model}
    state = SettlementState.PENDING_SETTLEMENT.value
    conn.execute(insert(settlements), row | {"state": state, "at": at, "changed_at": at})
    for window in numbers:
        windows.change(conn, window, WindowEvent.INCLUDE, at)
        conn.execute(insert(settlement_windows), {"settlement": number, "window_id": window})
    accounts = windows.total(parts)
    if not accounts:
        reason = "nothing was committed in these windows"
        raise Problem.field(409, "nothing-to-settle", "settlementWindows", reason)
    for (fsp, currency), nano in sorted(accounts.items()):
        number_of(conn, fsp, "")
        account = {"settlement": number, "number": number_of(conn, fsp, currency), "nano": nano}
        conn.execute(insert(a), account | {"state": state, "reason": question.reason, "reference": ""})
    audit.record(conn, at, OPERATOR, "settlement-created", str(number), question.model_dump(mode="json"))
    return number


def update_one(conn: Connection, number: int, question: UpdateSettlement, at: int) -> None:
    """Move accounts on, or abort. Problem 404 or 409, and nothing done."""
    row = find(conn, number)
    if question.participants is None:
        _abort(conn, row, question, at)
    else:
        for place, one in enumerate(question.participants):
            for index, account in enumerate(one.accounts):
                _account(conn, row, one.id, account, f"participants.{place}.accounts.{index}")
        _follow(conn, row, at)
    detail = question.model_dump(mode="json", exclude_none=True)
    audit.record(conn, at, OPERATOR, "settlement-changed", str(number), detail)


def find(conn: Connection, number: int) -> Row[Any]:
    """Problem 404 when there is none."""
    row = conn.execute(select(settlements).where(settlements.c.settlement == number)).one_or_none()
    if row is None:
        raise Problem.field(404, "unknown-settlement", "id", "no such settlement")
    return row


def accounts_of(conn: Connection, number: int) -> Sequence[Row[Any]]:
    """With names, by participant and currency."""
    query = select(a, n.c.participant, n.c.currency).join_from(a, n, n.c.number == a.c.number)
    return conn.execute(query.where(a.c.settlement == number).order_by(n.c.participant, n.c.currency)).all()


def windows_of(conn: Connection, number: int) -> list[int]:
    w = settlement_windows.c
    return list(
        conn.execute(select(w.window_id).where(w.settlement == number).order_by(w.window_id)).scalars()
    )


def number_of(conn: Connection, participant: str, currency: str) -> int:
    """Made when there is none; ``currency`` is empty for the participant itself."""
    found = known_number(conn, participant, currency)
    if found is None:
        found = (conn.execute(select(func.max(n.c.number))).scalar() or 0) + 1
        conn.execute(insert(n), {"number": found, "participant": participant, "currency": currency})
    return found


def known_number(conn: Connection, participant: str, currency: str) -> int | None:
    query = select(n.c.number).where(n.c.participant == participant, n.c.currency == currency)
    return conn.execute(query).scalar()


def _same(conn: Connection, numbers: list[int], question: CreateSettlement) -> int | None:
    """The settlement that this question made before, unless it was aborted."""
    w, s = settlement_windows.c, settlements.c
    query = (
        select(s.settlement)
        .join_from(settlements, settlement_windows, w.settlement == s.settlement)
        .where(w.window_id == numbers[0], s.reason == question.reason, s.state != "ABORTED")
    )
    found = conn.execute(query).scalar()
    return found if found is not None and windows_of(conn, found) == numbers else None


def _account(conn: Connection, row: Row[Any], participant: int, asked: AccountUpdate, field: str) -> None:
    found = next((one for one in accounts_of(conn, row.settlement) if one.number == asked.id), None)
    if found is None or known_number(conn, found.participant, "") != participant:
        raise Problem.field(422, "unknown-account", f"{field}.id", "not an account of this settlement")
    step = WAY.index(SettlementState(asked.state))
    if asked.state != found.state and not (
        found.state in WAY and WAY.index(found.state) == _level(row) == step - 1
    ):
        reason = f"the account is {found.state}, the settlement {row.state}"
        raise Problem.field(409, "settlement-state", f"{field}.state", reason)
    where = (a.c.settlement == row.settlement) & (a.c.number == asked.id)
    told = {"reason": asked.reason, "reference": asked.external_reference}
    conn.execute(update(a).where(where).values(state=asked.state, **told))


def _follow(conn: Connection, row: Row[Any], at: int) -> None:
    """The settlement goes as far as its last account; reserving and committing have their effect then."""
    steps = [WAY.index(SettlementState(one.state)) for one in accounts_of(conn, row.settlement)]
    level, end = _level(row), len(WAY) - 1
    if level == end or max(steps) == level:
        return
    if level == len(_EVENTS):
        event = SettlementEvent.SETTLE_LAST if min(steps) == end else SettlementEvent.SETTLE_ONE
    elif min(steps) > level:
        event = _EVENTS[level]
    else:
        return
    _change(conn, row, event, at)
    if event is SettlementEvent.RESERVE:
        _reserve(conn, row.settlement)
    elif event is SettlementEvent.COMMIT:
        for currency, paid in _payments(conn, row.settlement):
            positions.move(conn, paid.creditor, paid.debtor, currency, paid.nano)
    elif event is SettlementEvent.SETTLE_LAST:
        for window in windows_of(conn, row.settlement):
            windows.change(conn, window, WindowEvent.SETTLE, at)


def _reserve(conn: Connection, settlement: int) -> None:
    for currency, paid in _payments(conn, settlement):
        if not positions.reserve(conn, paid.creditor, currency, paid.nano):
            reason = (
                f"{paid.creditor} would owe more than its cap in {currency} once it is paid: raise it first"
            )
            raise Problem.field(409, "cap-too-low", "participants", reason)


def _abort(conn: Connection, row: Row[Any], question: UpdateSettlement, at: int) -> None:
    _change(conn, row, SettlementEvent.ABORT, at)
    if row.state == SettlementState.PS_TRANSFERS_RESERVED:
        for currency, paid in _payments(conn, row.settlement):
            positions.release(conn, paid.creditor, currency, paid.nano)
    state = SettlementState.ABORTED.value
    told = {"reason": question.reason, "reference": question.external_reference}
    conn.execute(update(a).where(a.c.settlement == row.settlement).values(state=state, **told))
    for window in windows_of(conn, row.settlement):
        windows.change(conn, window, WindowEvent.ABORT, at)


def _payments(conn: Connection, settlement: int) -> Iterator[tuple[str, netting.Payment]]:
    """Who pays whom, the same list each time. What a creditor is paid it is owed no more, so its position
    rises and its debtor's falls, as if it had made a transfer."""
    found = accounts_of(conn, settlement)
    for currency in sorted({one.currency for one in found}):
        owed = {
            (one.participant, outbox.HUB) if one.nano > 0 else (outbox.HUB, one.participant): abs(one.nano)
            for one in found
            if one.currency == currency
        }
        for paid in netting.payments(owed):
            yield currency, paid


def _change(conn: Connection, row: Row[Any], event: SettlementEvent, at: int) -> None:
    state = after(TABLE, SettlementState(row.state), event)
    if state is None:
        raise Problem.field(409, "settlement-state", "state", f"the settlement is {row.state}")
    where = settlements.c.settlement == row.settlement
    conn.execute(update(settlements).where(where).values(state=state.value, changed_at=at))


def _level(row: Row[Any]) -> int:
    """How far all accounts have come; beyond any of them once it was aborted."""
    state = SettlementState(row.state)
    if state is SettlementState.SETTLING:
        state = SettlementState.PS_TRANSFERS_COMMITTED
    return WAY.index(state) if state in WAY else len(WAY)
