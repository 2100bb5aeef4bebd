"""Reservations, many at once: what each would cost alone, they share.

Always true: each is granted or refused by itself, in the order they came, as if each had come alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, String, insert, select

from tradelane.market.units import instant, iso
from tradelane.settlement.ehub.server import accounts, ledger, limits, tables
from tradelane.settlement.ehub.server.bulk import Bulk, among, names
from tradelane.settlement.ehub.server.commands import Answer, Command, Result
from tradelane.settlement.ehub.server.limits import RESERVED
from tradelane.settlement.ehub.wire import ReservationState, ReservationStatus, Reserve, Total
from tradelane.settlement.ledger import Entry, Refusal, pending
from tradelane.settlement.problem import Problem

Asked = tuple[Command, Reserve]


def reserve(conn: Connection, asked: Sequence[Asked]) -> list[Result]:
    """Hold money for contracts, at the time of the last command; 402 where the account's available balance
    would go below its limit, 409 where more would leave than its member's level allows."""
    at = max(command.at for command, _ in asked)
    results: list[Result] = []
    while len(results) < len(asked):
        results += _first(conn, asked[len(results) :], at)
    return results


def _first(conn: Connection, asked: Sequence[Asked], at: int) -> list[Result]:
    """As many of the first as can be judged without knowing what becomes of one of them."""
    room = limits.Room(conn, [_payment(question) for _, question in asked], at)
    refused, count = _not_judged(conn, asked, room)
    asked = asked[:count]
    entries = {place: _held(question) for place, (_, question) in enumerate(asked) if place not in refused}
    contracts = {entry.id: entry.memo for entry in entries.values()}
    outcomes = ledger.execute(conn, list(entries.values()), at, contract=contracts)
    for place, outcome in zip(entries, outcomes, strict=True):
        if outcome.refusal is not None:
            field = _FIELDS.get(outcome.refusal, outcome.refusal.field)
            refused[place] = accounts.refused(outcome.refusal, field)
    granted = [question for place, (_, question) in enumerate(asked) if place not in refused]
    _HOLD(conn, [(one.reservation, one.contract, RESERVED + one.reservation) for one in granted])
    room.write(conn, [_payment(one) for one in granted])
    return [refused.get(place) or _granted(question, at) for place, (_, question) in enumerate(asked)]


def _not_judged(
    conn: Connection, asked: Sequence[Asked], room: limits.Room
) -> tuple[dict[int, Problem], int]:
    """By place, what the ledger is not even asked; and the first place for which it has to be known what
    became of one before: of the same id, or of the same account, near its limit."""
    there = names([question.reservation for _, question in asked])
    taken = set(conn.execute(_KNOWN, there).scalars())
    seen: set[str] = set()
    refused: dict[int, Problem] = {}
    for place, (_, question) in enumerate(asked):
        payment = _payment(question)
        reason = room.refusal(payment)
        if question.reservation in seen or (reason is not None and room.is_touched(payment.account)):
            return refused, place
        seen.add(question.reservation)
        if question.reservation in taken:
            reason = Problem.field(409, "duplicate-id", "reservation", "this reservation exists already")
        if reason is not None:
            refused[place] = reason
        else:
            room.take(payment)
    return refused, len(asked)


def _payment(question: Reserve) -> limits.Payment:
    return limits.Payment(question.account, question.contract, question.amount.money)


def _held(question: Reserve) -> Entry:
    expires = None if question.expires_at is None else instant(question.expires_at)
    return pending(
        RESERVED + question.reservation, question.account, None, question.amount.money,
        kind="reservation", memo=question.contract, expires_at=expires,
    )  # fmt: skip


def _granted(question: Reserve, at: int) -> Answer:
    money = question.amount.money
    state = ReservationState(
        reservation=question.reservation,
        account=question.account,
        contract=question.contract,
        amount=Total.of(money.nano, money.currency),
        state=ReservationStatus.RESERVED,
        at=iso(at),
        expires_at=question.expires_at,
        closed_at=None,
    )
    return Answer.of(201, state)


_FIELDS = {Refusal.UNKNOWN_SOURCE: "account", Refusal.SOURCE_CURRENCY: "amount.currency"}
_KNOWN = select(tables.reservation_holds.c.reservation).where(among(tables.reservation_holds.c.reservation))
_HOLD = Bulk(
    lambda given: insert(tables.reservation_holds).from_select(
        ["reservation", "contract", "seq"],
        select(given["reservation"], given["contract"], tables.entries.c.seq).where(
            tables.entries.c.id == given["entry"]
        ),
    ),
    {"reservation": String(), "contract": String(), "entry": String()},
)
