"""Disputes: the buyer keeps a contract's money where it is, the operator decides where it goes.

Always true: a disputed contract's money stays reserved, beyond its time too, until the one decision, which
moves it in the transaction that says so; both acts are in the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from tradelane.market.units import Money, iso
from tradelane.settlement import dispute
from tradelane.settlement.accounts import member_of
from tradelane.settlement.contract import State, WrongState, moved
from tradelane.settlement.dispute import ENDS, Outcome
from tradelane.settlement.ehub.server import audit, ledger, payments, tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection.tables import disputes as t
from tradelane.settlement.ehub.server.paging import page
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire import Leg, Page, PositiveAmount, Release, ReservationStatus, Settle
from tradelane.settlement.ehub.wire_inspection import DisputeState, OpenDispute, ResolveDispute
from tradelane.settlement.ledger import Result, pending, void
from tradelane.settlement.logistics import ShipmentState
from tradelane.settlement.problem import Problem

OPERATOR = "operator"
PREFIX = "dispute/"
"""How entries and settlements of disputes begin."""


def open(
    conn: Connection, command: Command, question: OpenDispute, *, contract: str, asker: Caller
) -> Answer:
    """By the buyer, or the operator for it; Problem 404 to everyone else."""
    ledger.expire(conn, command.at)
    row = _money(conn, contract, question.reservation or contract)
    if row is None or asker.member not in (None, member_of(row.account)):
        raise Problem.field(404, "unknown-contract", "contract", "no money of yours is held for it")
    begin(conn, row, question.reason, asker.member or OPERATOR, command.at)
    return Answer.of(201, state(required(conn, contract)))


def begin(conn: Connection, row: Row[Any], reason: str, by: str, at: int) -> None:
    """Dispute the contract whose money the reservation of ``row`` holds; Problem 409 where its state has no
    such way."""
    _after(standing(conn, row), State.DISPUTED)
    if row.expires_at is not None:
        _keep(conn, row, at)
    buyer = member_of(row.account)
    told = {"contract": row.contract, "reservation": row.reservation, "buyer": buyer, "reason": reason}
    told |= {"state": State.DISPUTED.value, "opened_by": by, "opened_at": at}
    conn.execute(insert(t), told)
    detail = {"reason": reason, "reservation": row.reservation}
    audit.record(conn, at, by, "dispute-opened", row.contract, detail)


def decide(
    conn: Connection, command: Command, question: ResolveDispute, *, contract: str, actor: str
) -> Answer:
    fields = {**question.model_dump(), "contract": contract, "by": actor}
    return Answer.of(200, resolve(conn, fields, command.at))


def resolve(conn: Connection, fields: Mapping[str, Any], at: int) -> DisputeState:
    """End a dispute at ``at`` (ms): ``contract``, who decides (``by``), and the fields of ResolveDispute.
    Problem 404, 409, or why the ledger refuses."""
    contract, by = str(fields["contract"]), str(fields.get("by", OPERATOR))
    said = {name: value for name, value in fields.items() if name not in ("contract", "by")}
    question = ResolveDispute.model_validate(said)
    row = required(conn, contract)
    to = _after(State(row.state), ENDS[question.outcome])
    told = {"outcome": question.outcome.value, "share_ppm": question.share_ppm, "note": question.note}
    done = {"state": to.value, **told, "resolved_by": by, "resolved_at": at}
    conn.execute(update(t).where(t.c.contract == contract).values(done))
    _move(conn, row, question, at)
    audit.record(conn, at, by, "dispute-resolved", contract, told)
    return state(required(conn, contract))


def held_money(conn: Connection, contract: str, at: int) -> Row[Any] | None:
    """The reservation named like the contract, where it still holds its money at ``at`` (ms) and nobody ever
    disputed it."""
    ledger.expire(conn, at)
    row = _money(conn, contract, contract)
    held = row is not None and row.state == ReservationStatus.RESERVED
    return row if held and _find(conn, contract) is None else None


def standing(conn: Connection, row: Row[Any]) -> State:
    """Where the contract stands whose money the reservation holds."""
    known = _find(conn, row.contract)
    if known is not None:
        return State(known.state)
    shipments = conn.execute(_SHIPMENTS, {"id": row.contract}).scalars()
    return dispute.standing(row.state, [ShipmentState(one) for one in shipments])


def required(conn: Connection, contract: str) -> Row[Any]:
    """The dispute's row; Problem 404."""
    row = _find(conn, contract)
    if row is None:
        raise Problem.field(404, "unknown-dispute", "contract", "nobody disputes it")
    return row


def shown(conn: Connection, contract: str, asker: Caller) -> DisputeState:
    """To its buyer and to the operator; Problem 404 to everyone else."""
    row = _find(conn, contract)
    if row is None or asker.member not in (None, row.buyer):
        raise Problem.field(404, "unknown-dispute", "contract", "nobody disputes it")
    return state(row)


def listed(
    conn: Connection, asker: Caller, wanted: State | None, after: str | None, limit: int
) -> Page[DisputeState]:
    """Those of one state or all; a member's own."""
    query = select(t)
    if asker.member is not None:
        query = query.where(t.c.buyer == asker.member)
    if wanted is not None:
        query = query.where(t.c.state == wanted.value)
    return page(conn, query, t.c.contract, after, limit, state)


def state(row: Row[Any]) -> DisputeState:
    """A dispute as the wire shows it."""
    fields = row._asdict()
    ended = fields["resolved_at"]
    fields |= {"opened_at": iso(fields["opened_at"]), "resolved_at": None if ended is None else iso(ended)}
    return DisputeState(**fields)


def _move(conn: Connection, row: Row[Any], question: ResolveDispute, at: int) -> None:
    """Post what is paid out of the reservation and let the rest go, or let all of it go."""
    command = Command(f"{PREFIX}{row.contract}", b"", at)
    if question.outcome is Outcome.REFUND:
        payments.release(conn, command, Release(), reservation=row.reservation)
        return
    paid = [part for one in question.transfers if (part := _part(one, question.share_ppm)) is not None]
    settled = Settle(
        settlement=f"{PREFIX}{row.contract}",
        reservation=row.reservation,
        contract=row.contract,
        transfers=paid,
    )
    payments.settle(conn, command, settled)


def _part(one: Leg, share_ppm: int) -> Leg | None:
    whole = one.amount.money
    part = Money(dispute.share(whole.nano, share_ppm), whole.currency)
    if not part.nano:
        return None
    amount = PositiveAmount(currency=part.currency, value=str(part))
    return one.model_copy(update={"amount": amount})


def _keep(conn: Connection, row: Row[Any], at: int) -> None:
    """Hold the same money without an end."""
    name = f"{PREFIX}{row.contract}/held"
    money = Money(row.nano, row.currency)
    renewed = [
        void(f"{PREFIX}{row.contract}/renewed", row.entry, kind="dispute", linked=True),
        pending(name, row.account, None, money, kind="reservation", memo=row.contract),
    ]
    outcomes = ledger.execute(conn, renewed, at, contract=row.contract)
    assert all(one.result is Result.DONE for one in outcomes), "what is open can be held on"
    conn.execute(_RENEW, {"of": row.reservation, "entry": name})


def _after(before: State, to: State) -> State:
    try:
        return moved(before, to)
    except WrongState as wrong:
        raise Problem.field(409, "contract-state", "contract", str(wrong)) from None


def _money(conn: Connection, contract: str, reservation: str) -> Row[Any] | None:
    return conn.execute(_MONEY, {"id": reservation, "contract": contract}).first()


def _find(conn: Connection, contract: str) -> Row[Any] | None:
    return conn.execute(_FIND, {"id": contract}).first()


_r, _h, _e = tables.reservations, tables.reservation_holds, tables.entries
_MONEY = select(_r).where(_r.c.reservation == bindparam("id"), _r.c.contract == bindparam("contract"))
_FIND = select(t).where(t.c.contract == bindparam("id"))
_SHIPMENTS = select(tables.shipments.c.state).where(tables.shipments.c.contract == bindparam("id"))
_RENEW = (
    update(_h)
    .where(_h.c.reservation == bindparam("of"))
    .values(seq=select(_e.c.seq).where(_e.c.id == bindparam("entry")).scalar_subquery())
)
