"""What ``tradelane doctor`` looks at: a list of checks, each a function from an Examination to findings.

Always true: it only reads, so a running gateway may be examined; a check that cannot look says so instead of
passing; a check that stumbles is itself a finding. To add a check, write the function and put it in CHECKS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from tradelane.gateway import (
    acts,
    books,
    chains,
    counter_events,
    cut_chains,
    forecasts,
    heads,
    journal,
    keys,
    migrations,
    zone_heads,
)
from tradelane.gateway.config import Config
from tradelane.gateway.heads import SignedHead
from tradelane.gateway.roles import one_line
from tradelane.gateway.store import database_at, open_engine, schema_version
from tradelane.market.units import iso
from tradelane.meter.seal import verify_chain


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. ``ok`` None: it could not look, and ``text`` says why."""

    check: str
    ok: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class RoleDatabase:
    """A role's file, or PostgreSQL's URL, and the schema revision it should be at."""

    role: str
    place: Path | str
    head: str


class Examination:
    """One gateway under examination: its configuration, and its files opened for reading only."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def databases(self) -> list[RoleDatabase]:
        from tradelane.settlement.ehub.server import migrations as hub_migrations

        config = self.config
        found = []
        if config.hub is not None:
            found.append(RoleDatabase("hub", config.hub_place, hub_migrations.HEAD))
        if config.zone is not None:
            found.append(RoleDatabase("zone", config.zone_db, migrations.HEAD))
        if config.edge is not None:
            found.append(RoleDatabase("edge", config.edge_db, migrations.HEAD))
        return found

    @contextmanager
    def reading(self, place: Path | str) -> Iterator[Connection]:
        """A read-only connection with one view of the database throughout; NotThere when there is no file."""
        engine = _reader(place)
        try:
            with closing(engine.connect()) as conn:
                yield conn
        finally:
            engine.dispose()


def _reader(place: Path | str) -> Engine:
    if isinstance(place, str):
        return database_at(place).reader
    if not place.exists():
        raise NotThere(f"{place} is not there: it is made when the role first runs")
    return open_engine(place, "BEGIN", readonly=True)


class NotThere(Exception):
    """There is nothing to look at yet."""


Check = Callable[[Examination], Iterator[Finding]]


def examine(config: Config) -> list[Finding]:
    """Every check's findings, in order."""
    return list(findings(config))


def findings(config: Config) -> Iterator[Finding]:
    """The same one by one, as they are made; the signatures of all readings, which take longest, last."""
    examination = Examination(config)
    for check in CHECKS:
        yield from _findings(check, examination)


def _findings(check: Check, examination: Examination) -> Iterator[Finding]:
    name = check.__name__.replace("_", " ")
    try:
        yield from check(examination)
    except (NotThere, books.NotReached) as absent:
        yield Finding(name, None, str(absent))
    except Exception as error:
        yield Finding(name, False, one_line(error))


def configuration(examination: Examination) -> Iterator[Finding]:
    roles = [database.role for database in examination.databases]
    yield Finding("configuration", bool(roles), f"roles: {', '.join(roles) or 'none'}")


def database(examination: Examination) -> Iterator[Finding]:
    """SQLite's own view of each file, and whether its schema is the one this version works with."""
    for database in examination.databases:
        yield from _findings(_database_of(database), examination)


def _database_of(database: RoleDatabase) -> Check:
    def check(examination: Examination) -> Iterator[Finding]:
        name = f"database {database.role}"
        with examination.reading(database.place) as conn:
            faults = _server_faults(conn) if isinstance(database.place, str) else _file_faults(conn)
        if faults:
            yield Finding(name, False, f"{len(faults)} faults, first: {faults[0].splitlines()[0]}")
            return
        engine = _reader(database.place)
        found = schema_version(engine)
        engine.dispose()
        right = found == database.head
        text = "sound" if right else f"schema {found}, expected {database.head}"
        yield Finding(name, right, text)

    check.__name__ = f"database {database.role}"
    return check


def _file_faults(conn: Connection) -> list[str]:
    found = [str(row[0]) for row in conn.exec_driver_sql("PRAGMA integrity_check")]
    orphans = conn.exec_driver_sql("PRAGMA foreign_key_check")
    return [f for f in found if f != "ok"] + [f"{row[0]}: a row without its parent" for row in orphans]


def _server_faults(conn: Connection) -> list[str]:
    """A server checks its own pages; what it may be told is not to keep what it has acknowledged."""
    settings = {
        name: conn.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "full_page_writes")
    }
    return [
        f"{name} is off: a power cut may lose what was acknowledged"
        for name, value in settings.items()
        if value == "off"
    ]


def journal_chain(examination: Examination) -> Iterator[Finding]:
    if examination.config.zone is not None:
        yield from _journal("journal", examination, examination.config.zone_db)


def operator_acts(examination: Examination) -> Iterator[Finding]:
    """What the operator did, beside what the journal says of it."""
    if examination.config.zone is None:
        return
    with examination.reading(examination.config.zone_db) as conn:
        fault = acts.fault(conn)
    yield Finding("operator acts", fault is None, fault or "as the journal says")


def edge_journal(examination: Examination) -> Iterator[Finding]:
    """What members chose at the edge since it was configured."""
    if examination.config.edge is not None:
        yield from _journal("edge journal", examination, examination.config.edge_db)


def _journal(name: str, examination: Examination, path: Path) -> Iterator[Finding]:
    with examination.reading(path) as conn:
        broken = journal.verify(conn)
        if broken is not None:
            yield Finding(name, False, f"entry {broken.seq}: {broken.reason}")
        else:
            yield Finding(name, True, f"{journal.head(conn).seq} entries, chain whole")


def meters(examination: Examination) -> Iterator[Finding]:
    """When each configured meter was read last; one that never was is a fault."""
    config = examination.config
    if config.edge is None:
        return
    with examination.reading(config.edge_db) as conn:
        for meter in config.edge.meters:
            at = chains.newest(conn, meter.name)
            text = "never read: look with `tradelane read`" if at is None else f"read last at {iso(at)}"
            yield Finding(f"meter {meter.name}", at is not None, text)


def kept_heads(examination: Examination) -> Iterator[Finding]:
    """Whether each chain holds every head that was kept beside it, also those an earlier start has missed."""
    config = examination.config
    if config.edge is None:
        return
    with examination.reading(config.edge_db) as conn:
        kept = cut_chains.known(config.edge_db)
        lost = cut_chains.missing(conn, kept)
        for one in lost:
            end = chains.head(conn, one.meter).seq
            text = f"the chain, now at {end}, does not hold the head {one.head.seq} that was kept"
            where = f"put back the database that has it, or keep {cut_chains.NAME} elsewhere and delete it"
            yield Finding(f"heads {one.meter}", False, f"{text}: readings are missing; {where}")
    if kept and not lost:
        yield Finding("heads", True, f"{len(kept)} kept, each in its chain")


def readings_chain(examination: Examination) -> Iterator[Finding]:
    """Each meter's readings: linked, signed by the key of the member whose meter it is, and not cut short of
    a head that the edge or the zone has kept."""
    config = examination.config
    if config.edge is None:
        return
    known = list(_known_heads(examination))
    with examination.reading(config.edge_db) as conn:
        for meter in chains.meters(conn):
            public = keys.load_key(config.sealing_key_file(meter)).public_key()
            later = [one.head for one in known if one.meter == meter]
            broken = verify_chain(chains.links(conn, meter), public, known=later)
            text = f"{chains.count(conn, meter)} readings, signed chain whole"
            if broken is None and not later:
                yield Finding(f"readings {meter}", None, f"{text}, but no head of it is kept elsewhere")
            else:
                yield Finding(f"readings {meter}", broken is None, text if broken is None else str(broken))


def _known_heads(examination: Examination) -> Iterator[SignedHead]:
    config = examination.config
    beside = heads.beside(config.edge_db)
    if beside.exists():
        yield from heads.read(beside)
    if config.zone is not None and config.zone_db.exists():
        with examination.reading(config.zone_db) as conn:
            yield from zone_heads.kept(conn)


def forecasts_record(examination: Examination) -> Iterator[Finding]:
    """How far the forecasts behind the offers were off; no fault of theirs is one of the gateway."""
    config = examination.config
    if config.edge is None:
        return
    with examination.reading(config.edge_db) as conn:
        for meter in config.edge.meters:
            found = forecasts.recent_score(conn, meter.name)
            if found is not None:
                yield Finding(f"forecast {meter.name}", True, forecasts.told(found))


def counters(examination: Examination) -> Iterator[Finding]:
    """What was decided about counters in the last days; the owner's to know, no fault of the gateway."""
    config = examination.config
    if config.edge is None:
        return
    with examination.reading(config.edge_db) as conn:
        for meter, lines in counter_events.recent(conn).items():
            yield Finding(f"counters {meter}", True, lines)


def energy(examination: Examination) -> Iterator[Finding]:
    if examination.config.zone is None:
        return
    with examination.reading(examination.config.zone_db) as conn:
        faults = list(books.energy_faults(conn))
        sold = books.energy_sold(conn)
    text = f"{sold.sent} Wh sold = {sold.delivered} Wh delivered + {sold.imbalance} Wh imbalance billed"
    yield Finding("energy", not faults, faults[0] if faults else text)


def hub_books(examination: Examination) -> Iterator[Finding]:
    """Trial balance and transfer chain of the e-hub, and its settlements against the zone's contracts."""
    zone = examination.config.zone
    contracts: dict[str, books.ContractState] = {}
    if zone is not None:
        with examination.reading(examination.config.zone_db) as conn:
            contracts = books.contract_states(conn)
    elif examination.config.hub is None:
        return
    hub = books.hub_books(examination.config, examination.reading)
    off = [f"{currency} is off by {total}" for currency, total in hub.sums.items() if total != "0"]
    yield Finding("trial balance", not off, "; ".join(off) or f"{', '.join(hub.sums)} sum to zero")
    yield Finding(
        "transfers", hub.chain_fault is None, hub.chain_fault or f"{hub.transfers} transfers, chain whole"
    )
    if zone is not None:
        faults = list(books.half_paid(contracts, hub))
        text = f"{len(contracts)} contracts, none half paid, none paid twice"
        yield Finding("contracts", not faults, faults[0] if faults else text)


CHECKS: list[Check] = [
    configuration,
    database,
    journal_chain,
    operator_acts,
    edge_journal,
    energy,
    hub_books,
    meters,
    forecasts_record,
    counters,
    kept_heads,
    readings_chain,
]
