"""Settlement windows: what was committed between two closings, and what each participant owes of it.

Always true: what is committed is of exactly one window, the one that was open then. It is stamped when that
window is closed, in the one transaction that also takes the sums, so no commit can fall between two windows
or into both. A window's sums are zero in each currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, insert, select, union_all, update

from tradelane.market.units import NANO
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.fspiop.admin import OPERATOR
from tradelane.settlement.ehub.server.fspiop.fx_tables import conversions as f
from tradelane.settlement.ehub.server.fspiop.settlement_tables import window_nets, windows
from tradelane.settlement.ehub.server.fspiop.tables import participants
from tradelane.settlement.ehub.server.fspiop.tables import transfers as t
from tradelane.settlement.fspiop_states import WINDOW as TABLE
from tradelane.settlement.fspiop_states import TransferState, WindowEvent, WindowState, after
from tradelane.settlement.problem import Problem

Nets = Mapping[tuple[str, str], int]
"""(participant, currency) → nano-units it owes, below zero it is owed."""


@dataclass(frozen=True, slots=True)
class Window:
    """Times in ms; ``changed_at`` and ``reason`` only of one that was closed."""

    number: int
    state: WindowState
    opened_at: int
    reason: str | None = None
    changed_at: int | None = None


def present(conn: Connection) -> Window | None:
    """The open window; None while nobody takes part."""
    last = conn.execute(select(windows).order_by(windows.c.window_id.desc()).limit(1)).one_or_none()
    if last is not None:
        return Window(last.window_id + 1, WindowState.OPEN, last.closed_at)
    first = conn.execute(select(func.min(participants.c.at))).scalar()
    return None if first is None else Window(1, WindowState.OPEN, first)


def every(conn: Connection) -> list[Window]:
    """By number, the open one last."""
    rows = conn.execute(select(windows).order_by(windows.c.window_id))
    closed = [
        Window(row.window_id, WindowState(row.state), row.opened_at, row.reason, row.changed_at)
        for row in rows
    ]
    last = present(conn)
    return closed if last is None else [*closed, last]


def find(conn: Connection, number: int) -> Window:
    """Problem 404 when there is none."""
    row = conn.execute(select(windows).where(windows.c.window_id == number)).one_or_none()
    if row is not None:
        return Window(number, WindowState(row.state), row.opened_at, row.reason, row.changed_at)
    last = present(conn)
    if last is None or last.number != number:
        raise Problem.field(404, "unknown-window", "id", "no such settlement window")
    return last


def close(conn: Connection, number: int, reason: str, at: int) -> Window:
    """Close the open window and so open the next; the same again changes nothing."""
    window = find(conn, number)
    if window.state is WindowState.CLOSED and window.reason == reason:
        return window
    state = _after(window, WindowEvent.CLOSE)
    for table in (t, f):
        conn.execute(update(table).where(_committed(table, None)).values(settlement_window=number))
    row = {"window_id": number, "reason": reason, "state": state.value, "opened_at": window.opened_at}
    conn.execute(insert(windows), row | {"closed_at": at, "changed_at": at})
    rows = [
        {"window_id": number, "participant": fsp, "currency": currency, "nano": nano}
        for (fsp, currency), nano in sums(conn, number).items()
    ]
    if rows:
        conn.execute(insert(window_nets), rows)
    audit.record(conn, at, OPERATOR, "settlement-window-closed", str(number), {"reason": reason})
    return find(conn, number)


def change(conn: Connection, number: int, event: WindowEvent, at: int) -> None:
    """Problem 409 when it may not happen to this window."""
    state = _after(find(conn, number), event)
    conn.execute(
        update(windows).where(windows.c.window_id == number).values(state=state.value, changed_at=at)
    )


def nets(conn: Connection, window: Window) -> Nets:
    """What each owes of what the window has; of the open one as far as it has come."""
    if window.state is WindowState.OPEN:
        return sums(conn, None)
    rows = conn.execute(select(window_nets).where(window_nets.c.window_id == window.number))
    return {(row.participant, row.currency): row.nano for row in rows}


def sums(conn: Connection, number: int | None) -> Nets:
    """What the transfers of a window, or of none yet, add up to, with both legs of its conversions. Whole
    units and the rest apart: sums of nano-units may be more than 64 bits hold."""
    found: dict[tuple[str, str], int] = {}
    for column, sign in ((_MOVES.c.payer, 1), (_MOVES.c.payee, -1)):
        query: Select[Any] = (
            select(column, _MOVES.c.currency, func.sum(_MOVES.c.nano // NANO), func.sum(_MOVES.c.nano % NANO))
            .where(_committed(_MOVES, number))
            .group_by(column, _MOVES.c.currency)
            .order_by(column, _MOVES.c.currency)
        )
        for fsp, currency, whole, rest in conn.execute(query):
            nano = sign * (int(whole) * NANO + int(rest))
            found[fsp, currency] = found.get((fsp, currency), 0) + nano
    return found


def total(parts: Sequence[Nets]) -> Nets:
    found: dict[tuple[str, str], int] = {}
    for part in parts:
        for account, nano in part.items():
            found[account] = found.get(account, 0) + nano
    return found


def _committed(table: FromClause, number: int | None) -> ColumnElement[bool]:
    """Committed and of this window, or of none yet."""
    return (table.c.settlement_window == number) & (table.c.state == TransferState.COMMITTED.value)


def _after(window: Window, event: WindowEvent) -> WindowState:
    state = after(TABLE, window.state, event)
    if state is None:
        reason = f"settlement window {window.number} is {window.state}"
        raise Problem.field(409, "window-state", "id", reason)
    return state


_MOVES = union_all(
    select(t.c.payer, t.c.payee, t.c.currency, t.c.nano, t.c.settlement_window, t.c.state),
    select(f.c.initiator, f.c.fxp, f.c.source_currency, f.c.source_nano, f.c.settlement_window, f.c.state),
    select(f.c.fxp, f.c.initiator, f.c.target_currency, f.c.target_nano, f.c.settlement_window, f.c.state),
).subquery()
"""What moves positions, from whom to whom."""
