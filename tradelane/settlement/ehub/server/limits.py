"""How much may leave members' accounts, by their level: judged and counted in the transaction that reserves
or pays it.

Always true: what one day counts for an account is never above the limit it was judged by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, case, func, insert, select, update

from tradelane.market.units import Money
from tradelane.settlement.accounts import member_of
from tradelane.settlement.ehub.server import members
from tradelane.settlement.ehub.server.bulk import among, names
from tradelane.settlement.ehub.server.tables import entries, pendings, reservation_holds, spending
from tradelane.settlement.ledger import State
from tradelane.settlement.member import LOWEST, Limits, day_of, limits
from tradelane.settlement.problem import Problem

RESERVED = "reservation/"
"""How the entries that hold for a reservation are named."""


class Payment(NamedTuple):
    """What is to leave an account; ``contract`` None where it is for itself."""

    account: str
    contract: str | None
    amount: Money


class Room:
    """What may still leave the accounts of these payments at ``at`` (ms); those that are not a member's have
    no limit."""

    def __init__(self, conn: Connection, payments: Sequence[Payment], at: int) -> None:
        self._day = day_of(at)
        owners = {one.account: member_of(one.account) for one in payments}
        ids = {owner for owner in owners.values() if owner is not None}
        known = members.several(conn, ids) if ids else {}
        self._members = {account: known.get(owner) for account, owner in owners.items() if owner is not None}
        self._spent: defaultdict[str, int] = defaultdict(int)
        self._of_contract: defaultdict[tuple[str | None, str], int] = defaultdict(int)
        self._touched: set[str] = set()
        if self._members:
            asked = names(list(self._members)) | {"on": self._day.isoformat()}
            self._spent.update((account, nano) for account, nano in conn.execute(_SPENT, asked))
            contracts = {one.contract for one in payments if one.contract is not None}
            for contract, account, nano in conn.execute(_RESERVED, names(contracts)):
                self._of_contract[contract, account] = int(nano)
        self._there = set(self._spent)

    def refusal(self, one: Payment) -> Problem | None:
        """Why it may not leave; None when it may."""
        if one.account not in self._members:
            return None
        member = self._members[one.account]
        refused = None if member is None else members.suspended(member)
        most = self._limits(one)
        if refused is not None or most is None:
            return refused
        sums = self._of_contract[one.contract, one.account], self._spent[one.account]
        if sums[0] + one.amount.nano > most.contract.nano:
            words = _words(most.contract, "for one contract;", sums[0])
            return Problem.field(409, "contract-limit", "amount", words)
        if sums[1] + one.amount.nano > most.day.nano:
            words = _words(most.day, f"on one day (UTC); on {self._day}", sums[1])
            return Problem.field(409, "day-limit", "amount", words)
        return None

    def take(self, one: Payment) -> None:
        """Count it, for those that come after."""
        self._touched.add(one.account)
        self._spent[one.account] += one.amount.nano
        if one.contract is not None:
            self._of_contract[one.contract, one.account] += one.amount.nano

    def is_touched(self, account: str) -> bool:
        """Whether something was counted on this account, which may yet be refused."""
        return account in self._touched

    def write(self, conn: Connection, made: Sequence[Payment]) -> None:
        """Keep the day's sums with what was made."""
        more: defaultdict[str, int] = defaultdict(int)
        for one in made:
            if one.account in self._members and self._limits(one) is not None:
                more[one.account] += one.amount.nano
        rows = [{"of": account, "on": self._day.isoformat(), "more": nano} for account, nano in more.items()]
        for statement, there in ((_ADD, True), (_BEGIN, False)):
            chosen = [row for row in rows if (row["of"] in self._there) is there]
            if chosen:
                conn.execute(statement, chosen)

    def _limits(self, one: Payment) -> Limits | None:
        member = self._members[one.account]
        return limits(LOWEST if member is None else member.level, one.amount.currency, self._day)


def spend(conn: Connection, account: str, amount: Money, at: int, field: str) -> None:
    """Count a payment for itself. Problem 403 for who is suspended, 409 beyond a limit, naming ``field``."""
    one = Payment(account, None, amount)
    room = Room(conn, [one], at)
    refused = room.refusal(one)
    if refused is not None:
        raise refused if refused.code == "suspended" else _at(refused, field)
    room.write(conn, [one])


def give_back(conn: Connection, reservation: Row[Any], nano: int) -> None:
    """What did not leave after all is taken off the day its reservation was made on. One that was made anew
    since has no such day."""
    if nano and reservation.entry == RESERVED + reservation.reservation:
        day = day_of(reservation.at).isoformat()
        conn.execute(_GIVE_BACK, {"of": reservation.account, "on": day, "less": nano})


def _words(limit: Money, scope: str, spent: int) -> str:
    so_far, left = (Money(nano, limit.currency) for nano in (spent, max(0, limit.nano - spent)))
    currency = limit.currency
    did = f"{so_far} {currency} did already, {left} {currency} is left"
    return f"at most {limit} {currency} may leave {scope} {did}"


def _at(refused: Problem, field: str) -> Problem:
    ((_, reason),) = refused.errors
    return Problem.field(409, refused.code, field, reason)


_SPENT = select(spending.c.account, spending.c.nano).where(
    among(spending.c.account), spending.c.day == bindparam("on")
)
_RESERVED = (
    select(reservation_holds.c.contract, entries.c.source, func.sum(entries.c.nano))
    .join_from(reservation_holds, pendings)
    .join(entries, entries.c.seq == pendings.c.seq)
    .where(among(reservation_holds.c.contract), entries.c.source.like(f"{members.MEMBER}%"))
    .where(pendings.c.state.in_((State.PENDING, State.POSTED)))
    .group_by(reservation_holds.c.contract, entries.c.source)
)
_BEGIN = insert(spending).values(account=bindparam("of"), day=bindparam("on"), nano=bindparam("more"))
_ON = (spending.c.account == bindparam("of"), spending.c.day == bindparam("on"))
_ADD = update(spending).where(*_ON).values(nano=spending.c.nano + bindparam("more"))
_GIVE_BACK = (
    update(spending)
    .where(*_ON)
    .values(nano=case((spending.c.nano > bindparam("less"), spending.c.nano - bindparam("less")), else_=0))
)
