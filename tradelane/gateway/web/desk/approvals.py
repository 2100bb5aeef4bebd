"""What waits for a second operator of the e-hub: what it would do, and the two ways to decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from tradelane.gateway.approvals import DISPUTE, MEMBER_LIMIT, Approvals, Waiting
from tradelane.gateway.overview import Amount
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.gateway.web.words import Words, words
from tradelane.market.units import MILLI, PPM, Money, instant
from tradelane.settlement.dispute import Outcome, share
from tradelane.settlement.ehub.wire_inspection import ResolveDispute
from tradelane.settlement.ehub.wire_supervision import ApprovalState
from tradelane.settlement.member import Level, limits
from tradelane.settlement.problem import Problem

Locale = Annotated[str, Depends(locale_of)]
HERE = "/desk/operate/approvals"


def approvals_router(approvals: Approvals, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    async def page(session: Session, locale: str, done: str = "", refusal: Problem | None = None) -> Response:
        formats, found = Formats(locale), list[Waiting]()
        decides = approvals.name == session.subject
        try:
            found = await approvals.waiting(session.subject) if decides else []
        except Problem as away:
            refusal = refusal or away
        html = templates.render(
            "desk/approvals.html",
            locale,
            HERE,
            session=session,
            decides=decides,
            decider=approvals.name,
            items=[(one.approval, list(told(one, formats))) for one in found],
            done=messages(words(locale)).get(done),
            refusal=None if refusal is None else refusal.detail,
        )
        status = 200 if refusal is None else refusal.status
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    @router.get(HERE, include_in_schema=False)
    async def waiting(
        request: Request, locale: Locale, done: Annotated[str, Query(max_length=20)] = ""
    ) -> Response:
        return await page(await guard.session(request), locale, done)

    @router.post(HERE, include_in_schema=False)
    async def decide(request: Request, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        done = fields.get("do", "")
        try:
            number = _number(fields.get("approval", ""))
            if done == "approve":
                await approvals.approve(session.subject, number)
            else:
                done = "reject"
                await approvals.reject(session.subject, number, fields.get("reason", ""))
        except Problem as refusal:
            return await page(session, locale, refusal=refusal)
        return RedirectResponse(f"{HERE}?done={done}", 303)

    return router


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem.field(422, "validation", "approval", "is a number")
    return int(text)


def messages(words: Words) -> dict[str, str]:
    """What is said once it is decided."""
    return {
        "approve": words.gettext("Approved, and done."),
        "reject": words.gettext("Refused. Nothing was changed."),
    }


def told(waiting: Waiting, f: Formats) -> Iterator[str]:
    """What it would do, a sentence each; of a kind that is not known here, its fields."""
    one = waiting.approval
    try:
        if one.kind == MEMBER_LIMIT:
            yield from _limit(waiting, f)
            return
        if one.kind == DISPUTE:
            yield from _decision(one, f)
            return
    except (ValueError, ValidationError):
        pass  # fields that say nothing this page knows are shown as they are
    yield f"{one.kind}: {one.subject}"
    yield from (f"{name}: {value}" for name, value in one.fields.items())


def _limit(waiting: Waiting, f: Formats) -> Iterator[str]:
    say, member = f.words.gettext, waiting.member
    level = Level(str(waiting.approval.fields.get("level")))
    names = levels(f.words)
    if member is None:
        yield say("%(member)s becomes “%(level)s”.", member=waiting.approval.subject, level=names[level])
        return
    yield say(
        "%(name)s (%(member)s) becomes “%(level)s”; now it is “%(now)s”.",
        name=member.name,
        member=member.member,
        level=names[level],
        now=names[member.level],
    )
    day = datetime.fromtimestamp(instant(waiting.approval.proposed_at) / MILLI, UTC).date()
    most = limits(level, member.currency, day)
    if most is not None:
        yield say(
            "It may then spend %(contract)s for one contract and %(day)s a day.",
            contract=_money(most.contract, f),
            day=_money(most.day, f),
        )
    if member.contract_limit is not None and member.day_limit is not None:
        now = (
            f.money({"currency": m.currency, "value": m.value})
            for m in (member.contract_limit, member.day_limit)
        )
        yield say(
            "Now: %(contract)s for one contract and %(day)s a day.",
            **dict(zip(("contract", "day"), now, strict=True)),
        )


def levels(words: Words) -> dict[Level, str]:
    """How well members are known, in a reader's words."""
    return {
        Level.ANONYMOUS_SMALL: words.gettext("anonymous, small sums"),
        Level.VERIFIED: words.gettext("identity verified"),
        Level.BUSINESS: words.gettext("business"),
    }


def _decision(one: ApprovalState, f: Formats) -> Iterator[str]:
    say, question = f.words.gettext, ResolveDispute.model_validate(one.fields)
    if question.outcome is Outcome.REFUND:
        yield say(
            "All the money held for the disputed contract %(contract)s goes back to its buyer.",
            contract=one.subject,
        )
    else:
        part = f.share(question.share_ppm, PPM)
        yield say(
            "Of the disputed contract %(contract)s %(share)s is paid, the rest goes back to its buyer.",
            contract=one.subject,
            share=part,
        )
        for leg in question.transfers:
            paid = leg.amount.money
            left = _money(Money(share(paid.nano, question.share_ppm), paid.currency), f)
            yield say(
                "%(amount)s from %(source)s to %(target)s", amount=left, source=leg.source, target=leg.target
            )
    if question.note:
        yield question.note


def _money(money: Money, f: Formats) -> str:
    return f.money(Amount(currency=money.currency, value=str(Decimal(str(money)))))
