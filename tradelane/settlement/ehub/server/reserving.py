"""Reservations, many at once: what each would cost alone, they share.

Always true: each is granted or refused by itself, in the order they came, as if each had come alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, String, insert, select

from tradelane.market.units import instant, iso
from tradelane.settlement.ehub.server import accounts, ledger, members, tables
from tradelane.settlement.ehub.server.bulk import Bulk, among, names
from tradelane.settlement.ehub.server.commands import Answer, Command, Result
from tradelane.settlement.ehub.wire import ReservationState, ReservationStatus, Reserve, Total
from tradelane.settlement.ledger import Entry, Refusal, pending
from tradelane.settlement.problem import Problem

RESERVED = "reservation/"
"""How the entries that hold for a reservation are named."""
Asked = tuple[Command, Reserve]


def reserve(conn: Connection, asked: Sequence[Asked]) -> list[Result]:
    """Hold money for contracts, at the time of the last command; 402 where the account's available balance
    would go below its limit."""
    again = _again(asked)
    if again:
        return reserve(conn, asked[:again]) + reserve(conn, asked[again:])
    at = max(command.at for command, _ in asked)
    refused = _not_judged(conn, asked)
    entries = {place: _held(question) for place, (_, question) in enumerate(asked) if place not in refused}
    contracts = {entry.id: entry.memo for entry in entries.values()}
    outcomes = ledger.execute(conn, list(entries.values()), at, contract=contracts)
    for place, outcome in zip(entries, outcomes, strict=True):
        if outcome.refusal is not None:
            field = _FIELDS.get(outcome.refusal, outcome.refusal.field)
            refused[place] = accounts.refused(outcome.refusal, field)
    granted = [question for place, (_, question) in enumerate(asked) if place not in refused]
    _HOLD(conn, [(one.reservation, one.contract, RESERVED + one.reservation) for one in granted])
    return [refused.get(place) or _granted(question, at) for place, (_, question) in enumerate(asked)]


def _again(asked: Sequence[Asked]) -> int | None:
    """The first place whose reservation came before among these: what became of it has to be known first."""
    seen: set[str] = set()
    for place, (_, question) in enumerate(asked):
        if question.reservation in seen:
            return place
        seen.add(question.reservation)
    return None


def _not_judged(conn: Connection, asked: Sequence[Asked]) -> dict[int, Problem]:
    """By place, what the ledger is not even asked."""
    there = names([question.reservation for _, question in asked])
    taken = set(conn.execute(_KNOWN, there).scalars())
    spenders: dict[str, Problem | None] = {}
    refused = {}
    for place, (_, question) in enumerate(asked):
        reason = _spender(conn, question.account, spenders)
        if question.reservation in taken:
            reason = Problem.field(409, "duplicate-id", "reservation", "this reservation exists already")
        if reason is not None:
            refused[place] = reason
    return refused


def _spender(conn: Connection, account: str, known: dict[str, Problem | None]) -> Problem | None:
    """Why nothing may be spent from an account, looked up once."""
    if account not in known:
        known[account] = None
        try:
            members.may_spend(conn, account)
        except Problem as problem:
            known[account] = problem
    return known[account]


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
