"""Hubs of the e-road without a network: each a real database in memory, what they send in the test's hands,
to be lost, doubled, delayed or cut off by a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, select, update

from tests.settlement.hubs import NOW
from tradelane.gateway.store import Store
from tradelane.market.units import MINUTE, NANO, Money, iso
from tradelane.settlement.ehub.server import accounts, tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.payments import deposit, open_account
from tradelane.settlement.ehub.server.road import channel, copies, payments, peers, quotes
from tradelane.settlement.ehub.server.road import tables as tables_of
from tradelane.settlement.ehub.server.road.channel import Parcel, Told
from tradelane.settlement.ehub.server.road.kinds import HANDLERS
from tradelane.settlement.ehub.server.road.rounds import on_time
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.standing import ensure
from tradelane.settlement.ehub.wire import Deposit, OpenAccount, PositiveAmount
from tradelane.settlement.ehub.wire_road import AddPeer, AskQuote, EndPayment, SendPayment
from tradelane.settlement.ehub.wire_road_messages import Envelope, Receipt
from tradelane.settlement.problem import Problem
from tradelane.settlement.road import AmountType, Prices, Release

T = TypeVar("T")
RATES = {"EUR": NANO, "GBP": 1_200_000_000, "NOK": 85_000_000}
WINDOW_MS = 10 * MINUTE
LIMIT, START = 500, 1_000
"""Whole units a peer may owe, and that every member begins with."""


class Crash(Exception):
    """The process died here."""


def road(name: str, currency: str, **changes: Any) -> Road:
    """A hub's settings; its key is made of its name, so that a test is the same each time."""
    key = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
    prices = Prices(RATES, spread_ppm=5_000, fee_ppm=1_000)
    made = Road(name, key, f"http://{name}.example", (currency,), prices, WINDOW_MS)
    return replace(made, **changes)


def peer_of(other: Road, *, places: tuple[str, ...] = (), url: str | None = None) -> AddPeer:
    """What an operator writes to add a hub."""
    limits = tuple(PositiveAmount(currency=currency, value=str(LIMIT)) for currency in RATES)
    return AddPeer(
        name=other.name, url=url or other.url, fingerprint=other.fingerprint, limits=limits, places=places
    )


def furnish(conn: Connection, road: Road) -> None:
    """The hub's accounts, and a member with money in the hub's currency."""
    (currency,) = road.currencies
    for kind in ("issuer", "fx", "rounding"):
        ensure(conn, f"{kind}:{currency}", currency, None, NOW)
    member = member_of(road)
    question = OpenAccount(account=member, owner="Member", currency=currency, limit="0")
    open_account(conn, Command("open", b"", NOW), question)
    given = Deposit(account=member, amount=PositiveAmount(currency=currency, value=str(START)))
    deposit(conn, Command("deposit", b"", NOW), given)


def member_of(road: Road) -> str:
    return f"member:{road.name}:{road.currencies[0]}"


class Side:
    """One hub: its settings, its database, its clock."""

    def __init__(self, settings: Road, engine: Engine | None = None) -> None:
        """``engine`` is of a database that is furnished."""
        self.road = settings
        self.engine = engine or memory(furnished(settings.name, settings.currencies[0]))
        self.at = NOW

    @property
    def name(self) -> str:
        return self.road.name

    @property
    def member(self) -> str:
        return member_of(self.road)

    @property
    def currency(self) -> str:
        return self.road.currencies[0]

    def do(self, work: Callable[[Connection], T]) -> T:
        """One transaction, the writer's."""
        with self.engine.begin() as conn:
            return work(conn)

    def meet(self, other: Side, **changes: Any) -> None:
        """Learn of another hub: its operator's word, then its own document."""
        asked = peer_of(other.road).model_copy(update=changes)
        self.do(lambda conn: peers.expect(conn, asked, self.at))
        document = peers.document(other.road).model_dump_json().encode()
        row = self.do(lambda conn: peers.row(conn, other.name))
        self.do(lambda conn: peers.discovered(conn, self.road, row, document, self.at))

    def tick(self) -> int:
        told = self.do(lambda conn: copies.tell(conn, copies.changed(conn), self.at))
        return told + self.do(lambda conn: on_time(conn, self.road, self.at))

    def parcels(self) -> list[Parcel]:
        return self.do(lambda conn: channel.due(conn, self.at))

    def receive(self, envelope: Envelope, *, dies: str = "") -> Receipt | None:
        """Take an envelope; None when the process dies ``before`` or ``after`` its commit."""
        try:
            with self.engine.begin() as conn:
                receipt = channel.receive(conn, self.road, HANDLERS, envelope, self.at)
                if dies == "before":
                    raise Crash
        except Crash:
            return None
        return None if dies else receipt

    def heard(self, parcel: Parcel, told: Told) -> None:
        self.do(lambda conn: channel.record(conn, parcel, told, self.at))

    def hurry(self) -> None:
        """Wait no longer after failures."""
        self.do(lambda conn: conn.execute(update(tables_of.peers).values(due_at=0)))

    def ask(self, id: str, payee: Side, value: str, kind: AmountType = AmountType.RECEIVE) -> Answer:
        currency = self.currency if kind is AmountType.SEND else payee.currency
        question = AskQuote(
            quote=id,
            peer=payee.name,
            account=self.member,
            payee=payee.member,
            amount=PositiveAmount(currency=currency, value=value),
            amount_type=kind,
        )
        return self.do(lambda conn: quotes.ask(conn, Command(id, b"", self.at), question))

    def send(self, id: str, lasts: int = 5 * MINUTE, release: Release = Release.AT_ONCE) -> Answer:
        """Pay what quote ``id`` says, as transfer ``id``."""
        question = SendPayment(transfer=id, quote=id, expires_at=iso(self.at + lasts), release=release)
        return self.do(lambda conn: payments.send(conn, Command(id, b"", self.at), question, road=self.road))

    def fulfil(self, id: str) -> Answer:
        command, here = Command(id, b"", self.at), self.here(id)
        return self.do(
            lambda conn: payments.fulfil(conn, command, EndPayment(), road=self.road, transfer=here)
        )

    def reject(self, id: str) -> Answer:
        command, here = Command(id, b"", self.at), self.here(id)
        return self.do(lambda conn: payments.reject(conn, command, EndPayment(), transfer=here))

    def quote_state(self, id: str) -> str | None:
        row = self.do(lambda conn: quotes.by_id(conn, id))
        return None if row is None else str(row.state)

    def state(self, id: str) -> str | None:
        here = self.here(id)
        row = self.do(lambda conn: payments.find(conn, here))
        return None if row is None else str(row.state)

    def here(self, id: str) -> str:
        """How this hub calls a payment: by ``id`` where it was asked for here, else with its peer's name."""
        if self.do(lambda conn: quotes.by_id(conn, id)) is not None:
            return id
        with_peers = [payments.incoming(peer.name, id) for peer in self.do(peers.listed)]
        query = select(tables_of.payments.c.transfer).where(tables_of.payments.c.transfer.in_(with_peers))
        return self.do(lambda conn: conn.execute(query).scalar()) or id

    def posted(self, account: str) -> Money:
        found = self.do(lambda conn: accounts.load(conn, [account]))
        currency = account.rpartition(":")[2]
        return Money(found[account].posted if account in found else 0, currency)

    def held(self) -> int:
        """All that is held, in any account."""
        return sum(self.do(lambda conn: conn.execute(select(tables.accounts.c.held_nano)).scalars().all()))

    def sums(self) -> dict[str, int]:
        """The sum of all accounts of each currency: always nothing."""
        found: dict[str, int] = {}
        rows = self.do(
            lambda conn: conn.execute(select(tables.accounts.c.currency, tables.accounts.c.posted_nano)).all()
        )
        for currency, nano in rows:
            found[currency] = found.get(currency, 0) + nano
        return found


def memory(image: bytes | None = None) -> Engine:
    """A database in memory with real transactions, savepoints and constraints, as a Store's are."""
    assert Store.__module__ == "tradelane.gateway.store"  # which makes the dialect known
    engine = create_engine("sqlite+tradelane://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        if image is not None:
            connection.deserialize(image)
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


@cache
def furnished(name: str, currency: str) -> bytes:
    """A hub's database with its accounts, to begin from."""
    engine = memory()
    tables.metadata.create_all(engine)
    with engine.begin() as conn:
        furnish(conn, road(name, currency))
    with engine.connect() as conn:
        driver = conn.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        image = driver.serialize()
    engine.dispose()
    return image


def exchange(*sides: Side) -> int:
    """Deliver everything, until nobody has anything to say; how many envelopes went."""
    went = 0
    while True:
        before = went
        for side in sides:
            side.hurry()
            side.tick()
            for parcel in side.parcels():
                (to,) = (one for one in sides if one.name == parcel.peer)
                envelope = Envelope.model_validate_json(parcel.envelope(side.road))
                side.heard(parcel, deliver(to, envelope))
                went += 1
        if went == before:
            return went


def deliver(to: Side, envelope: Envelope, *, dies: str = "") -> Told:
    """As the sender sees it."""
    try:
        receipt = to.receive(envelope, dies=dies)
    except Problem as problem:
        assert problem.status == 409
        return Told(broken=problem.detail)
    return Told(receipt)


def owed(mine: Side, other: Side) -> dict[str, int]:
    """What ``mine`` owes by its account, each currency."""
    return {currency: mine.posted(f"road:{other.name}:{currency}").nano for currency in RATES}


def pair() -> tuple[Side, Side]:
    """Two hubs that know each other."""
    ams, lon = Side(road("ams", "EUR")), Side(road("lon", "GBP"))
    ams.meet(lon)
    lon.meet(ams)
    exchange(ams, lon)
    return ams, lon
