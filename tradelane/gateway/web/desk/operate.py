"""The page of actions, for the operator alone; everyone else is shown the door.

Each form does what the API does, under the name of who is signed in, and comes back with a message; what was
refused stands in the form still, with the reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.capacities import Setting
from tradelane.gateway.operations import Operations
from tradelane.gateway.operator_api import delivery
from tradelane.gateway.web.desk.operate_view import alarm_told, market_names, seen, told
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.gateway.web.words import Words, words
from tradelane.market.units import decimal, iso, whole
from tradelane.settlement.problem import Problem

Locale = Annotated[str, Depends(locale_of)]
HERE = "/desk/operate"
LANE = "kw:"
"""What comes before a lane's id in the name of a form's field."""
UNITS = {"kW": 1, "MW": 1000}


def operate_router(operations: Operations, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()
    catalogue = operations.catalogue

    async def page(
        session: Session, locale: str, done: str = "", refusal: Problem | None = None,
        typed: Mapping[str, str] | None = None,
    ) -> Response:  # fmt: skip
        now, coming = operations.clock.now(), operations.next_delivery()
        found = await operations.file.read(lambda conn: seen(conn, catalogue, now, coming))
        formats = Formats(locale)
        html = templates.render(
            "desk/operate.html",
            locale,
            HERE,
            session=session,
            alarms=await operations.alarms(),
            alarm_told=lambda alarm: alarm_told(alarm, formats),
            s=found,
            names=market_names(catalogue, words(locale)),
            told=lambda act: told(act, catalogue, formats),
            kw=lambda kw: formats.power(Decimal(kw * 1000)),
            iso=iso,
            step=catalogue.mtu // 1000,
            units=list(UNITS),
            done=messages(words(locale)).get(done),
            refusal=None if refusal is None else refusal.detail,
            typed=typed or {},
        )
        status = 200 if refusal is None else refusal.status
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    @router.get(HERE, include_in_schema=False)
    async def operate(
        request: Request, locale: Locale, done: Annotated[str, Query(max_length=20)] = ""
    ) -> Response:
        return await page(await guard.session(request), locale, done)

    def add(what: str, action: Action) -> None:
        @router.post(f"{HERE}/{what}", include_in_schema=False)
        async def act(request: Request, locale: Locale) -> Response:
            session, fields = await guard.form(request)
            try:
                await action(operations, session.subject, fields)
            except Problem as refusal:
                return await page(session, locale, refusal=refusal, typed=fields)
            return RedirectResponse(f"{HERE}?done={what}", 303)

    for what, action in ACTIONS.items():
        add(what, action)
    return router


async def _capacity(operations: Operations, who: str, fields: Fields) -> None:
    await operations.set_capacities(who, settings_of(fields), fields.get("reason", ""))


async def _halt(operations: Operations, who: str, fields: Fields) -> None:
    await operations.halt(who, fields.get("market", ""), fields.get("reason", ""))


async def _resume(operations: Operations, who: str, fields: Fields) -> None:
    await operations.resume(who, fields.get("market", ""))


async def _acknowledge(operations: Operations, who: str, fields: Fields) -> None:
    await operations.acknowledge(who, fields.get("alarm", ""))


Fields = Mapping[str, str]
Action = Callable[[Operations, str, Fields], Awaitable[None]]
ACTIONS: dict[str, Action] = {
    "capacity": _capacity,
    "halt": _halt,
    "resume": _resume,
    "acknowledge": _acknowledge,
}
"""What a form does, by the end of its path: under a name, with its fields; raises Problem."""


def settings_of(fields: Mapping[str, str]) -> list[Setting]:
    """A form's fields, one setting for each lane that has a number. Raises Problem 422."""
    texts = {
        name.removeprefix(LANE): value.strip() for name, value in fields.items() if name.startswith(LANE)
    }
    span = delivery(*(f"{fields.get(name, '')}Z" for name in ("from", "until")))
    if "reset" in fields:
        return [Setting(lane, span, None) for lane in texts]
    scale = UNITS.get(fields.get("unit", ""), 1)
    given = [Setting(lane, span, _kw(text, scale)) for lane, text in texts.items() if text]
    if not given:
        raise Problem.field(422, "validation", "capacity_kw", "no lane has a number")
    return given


def _kw(text: str, scale: int) -> int:
    try:
        return whole(decimal(text.replace(",", ".")) * scale, Decimal(1))
    except (ValueError, InvalidOperation) as error:
        raise Problem.field(422, "validation", "capacity_kw", f"{error} (kW)") from None


def messages(words: Words) -> dict[str, str]:
    """What is said once an action is done."""
    say = words.gettext
    return {
        "capacity": say("Set. It holds from the next gate of these intervals on."),
        "halt": say("The market is halted."),
        "resume": say("The market takes orders again."),
        "acknowledge": say("Acknowledged."),
    }
