"""The operator's settlement windows and settlements, at Mojaloop's paths and in its shapes.

A standard client sends no Idempotency-Key: the same closing, and the same settlement, asked for twice is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel
from sqlalchemy import Connection, select

from tradelane.market.units import Money, decimal, instant
from tradelane.settlement.ehub.server.fspiop import settlements, windows
from tradelane.settlement.ehub.server.fspiop.outbox import timestamp
from tradelane.settlement.ehub.server.fspiop.settlement_tables import settlement_windows
from tradelane.settlement.ehub.server.fspiop.settlement_tables import settlements as s
from tradelane.settlement.ehub.server.fspiop.windows import Window
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire_fspiop_settlement import (
    CloseWindow,
    CreateSettlement,
    FindSettlements,
    FindWindows,
    NetAmount,
    SettledAccount,
    SettledParticipant,
    SwitchSettlement,
    SwitchWindow,
    UpdateSettlement,
    WindowContent,
)
from tradelane.settlement.exact_json import dumps

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
M = TypeVar("M", bound=BaseModel)
_LETTERS = 26


def router(transact: Transact, read: Transact, now: Callable[[], int]) -> APIRouter:
    """``now`` is market time in ms."""
    routes = APIRouter(prefix="/switch/v2")
    _add_windows(routes, transact, read, now)
    _add_settlements(routes, transact, read, now)
    return routes


def _add_windows(routes: APIRouter, transact: Transact, read: Transact, now: Callable[[], int]) -> None:
    @routes.get("/settlementWindows", response_model=list[SwitchWindow])
    async def some_windows(asked: Annotated[FindWindows, Query()]) -> Response:
        return _told(await read(lambda conn: found_windows(conn, asked)))

    @routes.get("/settlementWindows/{id}", response_model=SwitchWindow)
    async def one_window(id: Number) -> Response:
        return _told(await read(lambda conn: window_state(conn, windows.find(conn, id))))

    @routes.post("/settlementWindows/{id}", response_model=SwitchWindow)
    async def close_window(id: Number, question: CloseWindow) -> Response:
        at = now()

        def close(conn: Connection) -> SwitchWindow:
            return window_state(conn, windows.close(conn, id, question.reason, at))

        return _told(await transact(close))


def _add_settlements(routes: APIRouter, transact: Transact, read: Transact, now: Callable[[], int]) -> None:
    @routes.get("/settlements", response_model=list[SwitchSettlement])
    async def some_settlements(asked: Annotated[FindSettlements, Query()]) -> Response:
        return _told(await read(lambda conn: found_settlements(conn, asked)))

    @routes.get("/settlements/{id}", response_model=SwitchSettlement)
    async def one_settlement(id: Number) -> Response:
        return _told(await read(lambda conn: settlement_state(conn, id)))

    @routes.post("/settlements", response_model=SwitchSettlement)
    async def create_settlement(question: CreateSettlement) -> Response:
        at = now()
        made = transact(lambda conn: settlement_state(conn, settlements.create(conn, question, at)))
        return _told(await made)

    @routes.put("/settlements/{id}", response_model=SwitchSettlement)
    async def update_settlement(id: Number, question: UpdateSettlement) -> Response:
        at = now()

        def change(conn: Connection) -> SwitchSettlement:
            settlements.update_one(conn, id, question, at)
            return settlement_state(conn, id)

        return _told(await transact(change))


def found_windows(conn: Connection, asked: FindWindows) -> list[SwitchWindow]:
    """By number, those that are all that is asked for."""
    every = [(window, window_state(conn, window)) for window in windows.every(conn)]
    return [told for window, told in every if _window_is(conn, window, told, asked)]


def _window_is(conn: Connection, window: Window, told: SwitchWindow, asked: FindWindows) -> bool:
    if asked.participant_id is not None:
        numbers = {settlements.known_number(conn, fsp, "") for fsp, _ in windows.nets(conn, window)}
        if asked.participant_id not in numbers:
            return False
    return (
        asked.state in (None, told.state)
        and (asked.currency is None or asked.currency in {one.currency_id for one in told.content})
        and _between(window.opened_at, asked.from_date_time, asked.to_date_time)
    )


def window_state(conn: Connection, window: Window) -> SwitchWindow:
    w = settlement_windows.c
    query = select(w.settlement).where(w.window_id == window.number).order_by(w.settlement.desc())
    told: dict[str, Any] = {
        "state": window.state.value,
        "created_date": timestamp(window.opened_at),
        "changed_date": None if window.changed_at is None else timestamp(window.changed_at),
    }
    settlement = conn.execute(query).scalars().first()
    content = [
        WindowContent(id=_content(window, name), currency_id=name, settlement_id=settlement, **told)
        for name in sorted({currency for _, currency in windows.nets(conn, window)})
    ]
    return SwitchWindow(id=window.number, reason=window.reason, content=content, **told)


def found_settlements(conn: Connection, asked: FindSettlements) -> list[SwitchSettlement]:
    """By number, those that are all that is asked for."""
    rows = conn.execute(select(s.c.settlement, s.c.at).order_by(s.c.settlement)).all()
    every = [(row, settlement_state(conn, row.settlement)) for row in rows]
    return [
        told
        for row, told in every
        if _settlement_is(told, asked) and _between(row.at, asked.from_date_time, asked.to_date_time)
    ]


def _settlement_is(told: SwitchSettlement, asked: FindSettlements) -> bool:
    accounts = [one for participant in told.participants for one in participant.accounts]
    opened = [instant(one.created_date) for one in told.settlement_windows]
    since, until = asked.from_settlement_window_date_time, asked.to_settlement_window_date_time
    return (
        asked.state in (None, told.state)
        and asked.currency in (None, *(one.net_settlement_amount.currency for one in accounts))
        and asked.participant_id in (None, *(one.id for one in told.participants))
        and asked.account_id in (None, *(one.id for one in accounts))
        and asked.settlement_window_id in (None, *(one.id for one in told.settlement_windows))
        and any(_between(at, since, until) for at in opened)
    )


def settlement_state(conn: Connection, number: int) -> SwitchSettlement:
    """Problem 404 when there is none."""
    row = settlements.find(conn, number)
    listed: dict[str, list[SettledAccount]] = {}
    for one in settlements.accounts_of(conn, number):
        amount = decimal(str(Money(one.nano, one.currency)))
        account = SettledAccount(
            id=one.number,
            state=one.state,
            reason=one.reason,
            external_reference=one.reference,
            net_settlement_amount=NetAmount(amount=amount, currency=one.currency),
        )
        listed.setdefault(one.participant, []).append(account)
    return SwitchSettlement(
        id=number,
        state=row.state,
        reason=row.reason,
        created_date=timestamp(row.at),
        changed_date=timestamp(row.changed_at),
        settlement_windows=[
            window_state(conn, windows.find(conn, window)) for window in settlements.windows_of(conn, number)
        ],
        participants=[
            SettledParticipant(id=settlements.number_of(conn, name, ""), name=name, accounts=accounts)
            for name, accounts in listed.items()
        ],
    )


def _content(window: Window, currency: str) -> int:
    """A window's number and a currency's letters as one number, which each other pair has not."""
    number = window.number
    for letter in currency:
        number = number * _LETTERS + ord(letter) - ord("A")
    return number


def _between(at: int, since: str | None, until: str | None) -> bool:
    return (since is None or instant(since) <= at) and (until is None or at <= instant(until))


def _told(answer: M | list[M]) -> Response:
    """Amounts are JSON numbers here, and exact all the same."""
    listed = answer if isinstance(answer, list) else [answer]
    made = [one.model_dump(by_alias=True, exclude_none=True) for one in listed]
    return Response(dumps(made if isinstance(answer, list) else made[0]), media_type="application/json")
