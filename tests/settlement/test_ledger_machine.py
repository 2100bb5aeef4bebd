"""Entries of every phase, linked and not, in any order on a real engine, against a twin of plain loops."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import create_engine, insert, select

from tradelane.market.units import Money
from tradelane.settlement.ehub.server import chain, ledger, tables
from tradelane.settlement.ledger import Entry, Phase, Result, Transfer, pending, post, single, void

LIMITS = {"ana": 0, "bea": -30, "bank": None, "cem": 0, "mint": None}
CURRENCY = {name: "GBP" if name in ("cem", "mint") else "EUR" for name in LIMITS}
NAMES = st.sampled_from([*LIMITS, "nobody"])
IDS = st.sampled_from([f"i{n}" for n in range(8)])
AMOUNTS = st.builds(Money, st.integers(0, 40), st.sampled_from(["EUR", "EUR", "EUR", "GBP"]))


@dataclass
class Held:
    source: str
    target: str | None
    amount: Money
    expires_at: int | None
    state: str = "pending"
    closing: bool = False
    """Ended by the set that is being tried."""
    left: int = 0


@dataclass
class Twin:
    """Every rule as one plain step; a set that breaks any leaves the copy it was tried on behind."""

    posted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    held: dict[str, Held] = field(default_factory=dict)
    done: dict[str, Entry] = field(default_factory=dict)

    def holds(self, name: str) -> int:
        return sum(h.amount.nano for h in self.held.values() if h.source == name and h.state == "pending")

    def expire(self, at: int) -> None:
        for one in self.held.values():
            if one.state == "pending" and one.expires_at is not None and one.expires_at <= at:
                one.state = "expired"

    def move(self, source: str | None, target: str | None, amount: Money | None) -> bool:
        if amount is None or amount.nano < 1 or source == target:
            return False
        if {CURRENCY.get(str(source)), CURRENCY.get(str(target))} != {amount.currency}:
            return False
        self.posted[str(source)] -= amount.nano
        self.posted[str(target)] += amount.nano
        return True

    def hold(self, one: Entry, at: int) -> bool:
        assert one.source is not None and one.amount is not None
        wanted = {CURRENCY.get(name) for name in (one.source, one.target or one.source)}
        late = one.expires_at is not None and one.expires_at <= at
        if late or one.amount.nano < 1 or one.source == one.target or wanted != {one.amount.currency}:
            return False
        self.held[one.id] = Held(one.source, one.target, one.amount, one.expires_at, left=one.amount.nano)
        return True

    def end(self, one: Entry) -> bool:
        held = self.held.get(one.pending or "")
        if held is None or held.state not in ("pending", "posted" if held.closing else "pending"):
            return False
        if one.phase is Phase.VOID:
            fits, held.state = held.state == "pending", "voided"
            held.closing = True
            return fits
        amount, target = one.amount or held.amount, one.target or held.target
        held.state, held.closing, held.left = "posted", True, held.left - amount.nano
        return held.left >= 0 and held.target in (None, target) and self.move(held.source, target, amount)

    def take(self, one: Entry, at: int) -> bool:
        if one.id in self.done:
            return False
        self.done[one.id] = one._replace(linked=False)
        if one.phase is Phase.SINGLE:
            return self.move(one.source, one.target, one.amount)
        return self.hold(one, at) if one.phase is Phase.PENDING else self.end(one)

    def limits_hold(self, before: Twin) -> bool:
        for name, limit in LIMITS.items():
            now, then = (book.posted[name] - book.holds(name) for book in (self, before))
            if limit is not None and now < limit and now < then:
                return False
        return True

    def order(self, linked: list[Entry], at: int) -> Twin | None:
        """The books after a set, or None when it has no effect."""
        trial = deepcopy(self)
        if not all(trial.take(one, at) for one in linked) or not trial.limits_hold(self):
            return None
        for one in trial.held.values():
            one.closing = False
        return trial


class Ledger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.conn = create_engine("sqlite://").connect()
        kept = [tables.accounts, tables.entries, tables.pendings]
        tables.metadata.create_all(self.conn, tables=kept)
        empty = {"owner": "x", "posted_nano": 0, "held_nano": 0, "opened_at": 0}
        rows = [
            {"account": name, "currency": CURRENCY[name], "limit_nano": limit, **empty}
            for name, limit in LIMITS.items()
        ]
        self.conn.execute(insert(tables.accounts), rows)
        self.twin, self.at, self.ordered = Twin(), 0, list[Entry]()
        self.send([single(Transfer("seed", "bank", "ana", Money(50, "EUR"), "k"))])

    def teardown(self) -> None:
        self.conn.close()

    def send(self, batch: list[Entry]) -> None:
        """Hand a batch to both; they must agree on what took effect."""
        self.twin.expire(self.at)
        outcomes = ledger.execute(self.conn, batch, self.at)
        linked: list[Entry] = []
        expected: list[bool] = []
        for one in batch:
            linked.append(one)
            if not one.linked:
                after = self.twin.order(linked, self.at)
                self.twin = after or self.twin
                expected += [after is not None] * len(linked)
                linked = []
        expected += [False] * len(linked)
        assert [one.result is Result.DONE for one in outcomes] == expected
        for one, outcome in zip(batch, outcomes, strict=True):
            if outcome.result is Result.EXISTS:
                assert self.twin.done[one.id] == one._replace(linked=False)

    @rule(
        batch=st.lists(
            st.one_of(
                st.builds(
                    lambda id, a, b, amount, linked: single(Transfer(id, a, b, amount, "k"), linked=linked),
                    IDS, NAMES, NAMES, AMOUNTS, st.booleans(),
                ),
                st.builds(
                    pending, IDS, NAMES, NAMES | st.none(), AMOUNTS,
                    kind=st.just("k"), expires_at=st.none() | st.integers(0, 12), linked=st.booleans(),
                ),
                st.builds(
                    post, IDS, IDS, AMOUNTS | st.none(),
                    target=NAMES | st.none(), kind=st.just("k"), linked=st.booleans(),
                ),
                st.builds(void, IDS, IDS, kind=st.just("k"), linked=st.booleans()),
            ),
            min_size=1, max_size=5,
        )
    )  # fmt: skip
    def order(self, batch: list[Entry]) -> None:
        self.ordered = batch
        self.send(batch)

    @rule(parts=st.tuples(st.integers(1, 12), st.integers(1, 12)), joined=st.booleans())
    def hold_and_post(self, parts: tuple[int, int], joined: bool) -> None:
        """The ordinary way, that chance takes too seldom."""
        name = f"p{len(self.twin.done)}"
        held = pending(name, "ana", "bea", Money(16, "EUR"), kind="k", expires_at=self.at + 3)
        one, two = (post(f"{name}/{n}", name, Money(part, "EUR"), kind="k") for n, part in enumerate(parts))
        self.send([held, one._replace(linked=joined), two])

    @rule()
    def order_again(self) -> None:
        lines = chain.head(self.conn).seq
        known = {one.id for one in self.ordered} <= set(self.twin.done)
        self.send(self.ordered)
        assert not known or chain.head(self.conn).seq == lines

    @rule(later=st.integers(1, 4))
    def wait(self, later: int) -> None:
        self.at += later
        self.twin.expire(self.at)
        ledger.expire(self.conn, self.at)

    @invariant()
    def both_books_say_the_same(self) -> None:
        a = tables.accounts.c
        balances = {n: (p, h) for n, p, h in self.conn.execute(select(a.account, a.posted_nano, a.held_nano))}
        assert balances == {name: (self.twin.posted[name], self.twin.holds(name)) for name in LIMITS}
        query = select(tables.entries.c.id, tables.pendings.c.state).join_from(
            tables.pendings, tables.entries
        )
        states = {row.id: row.state for row in self.conn.execute(query)}
        assert states == {id: held.state for id, held in self.twin.held.items()}

    @invariant()
    def nothing_is_lost_and_the_journal_proves_it(self) -> None:
        for currency in ("EUR", "GBP"):
            assert sum(n for name, n in self.twin.posted.items() if CURRENCY[name] == currency) == 0
        for name, limit in LIMITS.items():
            assert limit is None or self.twin.posted[name] - self.twin.holds(name) >= limit
        assert chain.verify_chain(self.conn) is None


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
