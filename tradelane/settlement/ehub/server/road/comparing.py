"""Whether two hubs agree on a window; and if not, the first entry that differs, found by hashes of parts of
the chain in a few messages, however many entries there are.

Always true: a window is agreed only when both sides have the same entries in the same order, and balances
that mirror each other.

The hub whose name comes first asks; each answer narrows the part sixty-four times; then both tell their side
of the entry, and each keeps both.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from tradelane.market.units import Money
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.road import channel, peers, windows
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.wire_road import Difference, EntryState, Moved, Recheck, WindowReport
from tradelane.settlement.problem import Problem
from tradelane.settlement.road_window import (
    WINDOW,
    Entry,
    Probe,
    WindowEvent,
    WindowState,
    balance_difference,
    chain,
    first_probe,
    narrowed,
    same_entries,
)


def reported(conn: Connection, road: Road, peer: str, body: said.Reported, at: int) -> None:
    """Handles ``reported``: agreed when both say the same, else disputed."""
    now = peers.row(conn, peer)
    if body.window > min(now.closed, now.peer_closed or 0):
        raise Refused(Fault.VALIDATION, f"window {body.window} is open")
    row = windows.find(conn, peer, body.window)
    if row is None:
        windows.make(conn, road, peer, body.window, at)
        row = windows.required(conn, peer, body.window)
    elif row.state == WindowState.DISPUTED:
        row = windows.made_again(conn, road, row, at)
    if WindowState(row.state) in (WindowState.REPORTED, WindowState.DISPUTED):
        _judge(conn, road, row, body.report, at)


def recheck(conn: Connection, command: Command, question: Recheck, *, road: Road) -> Answer:
    """POST /road/windows/recheck: look at a disputed window again, after what was wrong was put right."""
    row = windows.find(conn, question.peer, question.window)
    if row is None:
        raise Problem.field(404, "unknown-window", "window", "no such window")
    if row.state != WindowState.DISPUTED:
        raise Problem.field(409, "window-not-disputed", "window", f"this window is {row.state}")
    row = windows.made_again(conn, road, row, command.at)
    _judge(conn, road, row, WindowReport.model_validate_json(row.theirs), command.at)
    return Answer.of(200, windows.answer(windows.required(conn, row.peer, row.window_number), road))


def _judge(conn: Connection, road: Road, row: Row[Any], theirs: WindowReport, at: int) -> None:
    mine, other = windows.read(WindowReport.model_validate_json(row.mine)), windows.read(theirs)
    currency, listed_same = balance_difference(mine, other), same_entries(mine, other)
    same = listed_same and currency is None
    state = WINDOW[WindowState(row.state), WindowEvent.SAME if same else WindowEvent.DIFFERENT]
    named = None if same or not listed_same else Difference(currency=currency).model_dump_json()
    windows.keep(conn, row, state=state.value, theirs=theirs.model_dump_json(), difference=named)
    if not listed_same and road.name < row.peer:
        links = chain(row.window_number, windows.entries(conn, road, row.peer, row.window_number))
        _ask(conn, row.peer, row.window_number, first_probe(links), at)


def compared(conn: Connection, road: Road, peer: str, body: said.Compare, at: int) -> None:
    """Handles ``compare``: a narrower question, or our side of the entry that was found."""
    entries = windows.entries(conn, road, peer, body.window)
    asked = Probe(body.start, body.step, body.end, tuple(body.hashes))
    try:
        found = narrowed(chain(body.window, entries), asked)
    except ValueError as why:
        raise Refused(Fault.VALIDATION, str(why)) from None
    if isinstance(found, Probe):
        _ask(conn, peer, body.window, found, at)
    else:
        _tell(conn, peer, body.window, entries, found, at)


def different(conn: Connection, road: Road, peer: str, body: said.Differs, at: int) -> None:
    """Handles ``differs``: keep both sides, and tell ours where we have not."""
    row = windows.find(conn, peer, body.window)
    if row is None or row.state != WindowState.DISPUTED:
        raise Refused(Fault.VALIDATION, f"window {body.window} is not disputed")
    entries = windows.entries(conn, road, peer, body.window)
    found = Difference(place=body.place, mine=_side(entries, body.place), theirs=body.entry)
    if found.mine == found.theirs:
        raise Refused(Fault.VALIDATION, f"entry {body.place} is the same here")
    if row.difference is None or Difference.model_validate_json(row.difference) != found:
        windows.keep(conn, row, difference=found.model_dump_json())
        _tell(conn, peer, body.window, entries, body.place, at)


def _ask(conn: Connection, peer: str, window: int, probe: Probe, at: int) -> None:
    body = said.Compare(
        window=window, start=probe.start, step=probe.step, end=probe.end, hashes=list(probe.hashes)
    )
    channel.write(conn, peer, body, at)


def _tell(conn: Connection, peer: str, window: int, entries: list[Entry], place: int, at: int) -> None:
    channel.write(conn, peer, said.Differs(window=window, place=place, entry=_side(entries, place)), at)


def _side(entries: list[Entry], place: int) -> EntryState | None:
    if place >= len(entries):
        return None
    one = entries[place]
    amount = Moved(currency=one.currency, value=str(Money(one.nano, one.currency)))
    return EntryState(by=one.by, number=one.number, transfer=one.transfer, payer=one.payer, amount=amount)
