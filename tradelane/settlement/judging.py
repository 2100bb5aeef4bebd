"""The rules of the ledger, pure: entries judged in order against the accounts and pendings they touch.

Always true: a linked set takes effect whole or not at all and is judged as a whole (an account may pass below
its limit inside it); once a set is applied no available balance it lowered is below its account's limit; each
currency's posted balances keep their sum; an id has one effect; a pending ends once, in the set that posts,
voids or expires it, and that set takes no more than it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tradelane.market.units import Money
from tradelane.settlement.ledger import (
    CLOSED,
    DONE,
    EXISTS,
    GREATEST,
    REFUSED,
    TRANSITIONS,
    Account,
    Entry,
    Outcome,
    Phase,
    Refusal,
    State,
)


class Line(NamedTuple):
    """One line of the journal. ``held`` is what it adds to the source's held balance, negative when it lets
    go; ``pending`` the number of the pending's line."""

    seq: int
    id: str
    phase: Phase
    pending: int | None
    source: str
    target: str | None
    currency: str
    nano: int
    held: int
    kind: str
    memo: str
    expires_at: int | None


class Hold:
    """A pending line and what has become of it."""

    __slots__ = ("line", "state")

    def __init__(self, line: Line, state: State) -> None:
        self.line = line
        self.state = state


class Book:
    """What a batch touches, as it was and as it becomes.

    ``lines`` are those known by id; ``holds`` the pendings among them. :func:`judge` changes accounts and
    holds and adds its lines to ``written`` and the pendings it ended to ``ended``.
    """

    def __init__(
        self, accounts: dict[str, Account], lines: dict[str, Line], holds: dict[str, Hold], last: int
    ) -> None:
        self.accounts = accounts
        self.lines = lines
        self.holds = holds
        self.last = last
        self.written: list[Line] = []
        self.ended: list[Hold] = []


def judge(book: Book, entries: Sequence[Entry], at: int) -> list[Outcome]:
    """The outcome of each entry at ``at`` (ms); what takes effect is in the book."""
    outcomes: list[Outcome] = []
    linked: list[Entry] = []
    for entry in entries:
        linked.append(entry)
        if not entry.linked:
            outcomes += _judge_set(book, linked, at)
            linked = []
    if linked:
        outcomes += _refused(len(linked), len(linked) - 1, Refusal.LINKED_OPEN)
    return outcomes


def _refused(count: int, index: int, refusal: Refusal) -> list[Outcome]:
    outcomes = [REFUSED[Refusal.LINKED]] * count
    outcomes[index] = REFUSED[refusal]
    return outcomes


def _judge_set(book: Book, entries: Sequence[Entry], at: int) -> list[Outcome]:
    trial = _Trial(book, at)
    outcomes: list[Outcome] = []
    for index, entry in enumerate(entries):
        known = book.lines.get(entry.id)
        refusal = trial.add(entry) if known is None else _other(entry, known, book)
        if refusal is not None:
            return _refused(len(entries), index, refusal)
        outcomes.append(DONE if known is None else EXISTS)
    if EXISTS in outcomes:  # whoever orders it again with more in the set gets nothing of it
        return [REFUSED[Refusal.LINKED] if one is DONE else one for one in outcomes]
    fault = trial.fault()
    if fault is not None:
        return _refused(len(entries), *fault)
    trial.apply()
    return outcomes


def _other(entry: Entry, line: Line, book: Book) -> Refusal | None:
    return None if _same(entry, line, book) else Refusal.DUPLICATE_ID


def _same(entry: Entry, line: Line, book: Book) -> bool:
    """Does the entry say what the line says? What it leaves out is its pending's."""
    told = (entry.phase, entry.kind, entry.memo, entry.expires_at)
    if told != (line.phase, line.kind, line.memo, line.expires_at):
        return False
    if entry.pending is None:
        return line.pending is None and (entry.source, entry.target, entry.amount) == (
            line.source, line.target, Money(line.nano, line.currency),
        )  # fmt: skip
    hold = book.holds.get(entry.pending)
    if hold is None or hold.line.seq != line.pending or entry.source is not None:
        return False
    held = hold.line
    amount = entry.amount or Money(held.nano, held.currency)
    return (entry.target or held.target, amount) == (line.target, Money(line.nano, line.currency))


class _Trial:
    """A linked set (most often of one) on its way: nothing of it is in the book before ``apply``."""

    __slots__ = ("at", "book", "changes", "ending", "lines", "taken")

    def __init__(self, book: Book, at: int) -> None:
        self.book = book
        self.at = at
        self.lines: dict[str, Line] = {}
        self.changes: dict[str, list[int]] = {}
        """Account → what its posted and held balances change by."""
        self.ending: dict[str, Phase] = {}
        self.taken: dict[str, int] = {}

    def add(self, entry: Entry) -> Refusal | None:
        """Take one entry into the set, or say why not. Limits are looked at in ``fault``."""
        if entry.id in self.lines:
            return Refusal.DUPLICATE_ID
        if entry.pending is not None:
            return self._end(entry, entry.pending)
        amount, source, phase = entry.amount, entry.source, entry.phase
        if amount is None or source is None:
            return Refusal.WRONG_FIELDS
        if phase is Phase.PENDING:
            if entry.expires_at is not None and entry.expires_at <= self.at:
                return Refusal.EXPIRES_BEFORE
        elif phase is not Phase.SINGLE or entry.target is None or entry.expires_at is not None:
            return Refusal.WRONG_FIELDS
        held = amount.nano if phase is Phase.PENDING else 0
        return self._write(entry, None, source, entry.target, amount, held)

    def _end(self, entry: Entry, id: str) -> Refusal | None:
        phase, hold = entry.phase, self._hold(id)
        if entry.source is not None or entry.expires_at is not None:
            return Refusal.WRONG_FIELDS
        if phase is not Phase.POST and (entry.amount, entry.target) != (None, None):
            return Refusal.WRONG_FIELDS
        if hold is None:
            return Refusal.UNKNOWN_PENDING
        line = hold.line
        amount, target = entry.amount or Money(line.nano, line.currency), entry.target or line.target
        taken = self.taken.get(id, 0) + amount.nano
        refusal = self._may_end(id, hold, phase)
        if refusal is None:
            refusal = _takes(line, phase, amount, target, taken)
        if refusal is None:
            released = 0 if id in self.ending else line.nano
            refusal = self._write(entry, line.seq, line.source, target, amount, -released)
        self.ending[id], self.taken[id] = phase, taken
        return refusal

    def _hold(self, id: str) -> Hold | None:
        """A pending of the book, or one made in this very set."""
        line = self.lines.get(id)
        if line is not None and line.phase is Phase.PENDING:
            return Hold(line, State.PENDING)
        return self.book.holds.get(id)

    def _may_end(self, id: str, hold: Hold, phase: Phase) -> Refusal | None:
        after = TRANSITIONS.get((hold.state, phase))
        if after is None:
            return CLOSED.get(hold.state, Refusal.WRONG_FIELDS)
        before = self.ending.get(id)
        if before is not None and (before is not Phase.POST or phase is not Phase.POST):
            return CLOSED[TRANSITIONS[hold.state, before]]
        expires = hold.line.expires_at
        if (expires is not None and expires <= self.at) is not (phase is Phase.EXPIRE):
            return Refusal.NOT_EXPIRED if phase is Phase.EXPIRE else Refusal.EXPIRED
        return None

    def _write(
        self, entry: Entry, pending: int | None, source: str, target: str | None, amount: Money, held: int
    ) -> Refusal | None:
        phase, nano = entry.phase, amount.nano
        refusal = _two_accounts(self.book.accounts, source, target, amount)
        if refusal is not None:
            return refusal
        moved = nano if phase is Phase.SINGLE or phase is Phase.POST else 0
        change = self.changes.setdefault(source, [0, 0])
        change[0] -= moved
        change[1] += held
        if moved:
            assert target is not None
            self.changes.setdefault(target, [0, 0])[0] += moved
        self.lines[entry.id] = Line(
            self.book.last + len(self.lines) + 1, entry.id, phase, pending, source, target,
            amount.currency, nano, held, entry.kind, entry.memo, entry.expires_at,
        )  # fmt: skip
        return None

    def fault(self) -> tuple[int, Refusal] | None:
        """The place of an entry that brings an account beyond its bounds, and which; None when none does."""
        for name, (moved, held) in self.changes.items():
            account = self.book.accounts[name]
            posted, holds = account.posted + moved, account.held + held
            if abs(posted) > GREATEST or holds > GREATEST:
                return self._touching(name), Refusal.OUT_OF_RANGE
            limit = account.limit
            if limit is not None and posted - holds < limit and moved < held:
                return self._leaving(name), Refusal.INSUFFICIENT_FUNDS
        return None

    def _touching(self, name: str) -> int:
        return next(n for n, line in enumerate(self.lines.values()) if name in (line.source, line.target))

    def _leaving(self, name: str) -> int:
        return next(n for n, line in enumerate(self.lines.values()) if line.source == name)

    def apply(self) -> None:
        book = self.book
        for name, (moved, held) in self.changes.items():
            account = book.accounts[name]
            account.posted += moved
            account.held += held
        book.lines.update(self.lines)
        for id, line in self.lines.items():
            if line.phase is Phase.PENDING:
                book.holds[id] = Hold(line, State.PENDING)
        for id, phase in self.ending.items():
            hold = book.holds[id]
            hold.state = TRANSITIONS[hold.state, phase]
            book.ended.append(hold)
        book.written += self.lines.values()
        book.last += len(self.lines)


def _takes(held: Line, phase: Phase, amount: Money, target: str | None, taken: int) -> Refusal | None:
    """What a post asks of its pending's line; ``taken`` by this set up to here, in nano-units."""
    if amount.currency != held.currency:
        return Refusal.PENDING_CURRENCY
    if held.target is not None and target != held.target:
        return Refusal.OTHER_TARGET
    if phase is Phase.POST and target is None:
        return Refusal.WRONG_FIELDS
    return Refusal.EXCEEDS_PENDING if taken > held.nano else None


def _two_accounts(
    accounts: dict[str, Account], source: str, target: str | None, amount: Money
) -> Refusal | None:
    if amount.nano <= 0:
        return Refusal.NOT_POSITIVE
    if source == target:
        return Refusal.SAME_ACCOUNT
    account = accounts.get(source)
    if account is None:
        return Refusal.UNKNOWN_SOURCE
    if account.currency != amount.currency:
        return Refusal.SOURCE_CURRENCY
    if target is not None:
        account = accounts.get(target)
        if account is None:
            return Refusal.UNKNOWN_TARGET
        if account.currency != amount.currency:
            return Refusal.TARGET_CURRENCY
    return None
