"""The database of one role: one writer thread with group commit, readers beside it.

On a SQLite file, or on PostgreSQL by URL (postgres.py): the writer is the same, the Database differs.
Always true: work is answered only after the commit that holds it is on disk (WAL, ``synchronous=FULL``);
works take effect in the order they were handed in; work that raises leaves nothing behind and disturbs
no other. If the commit fails, every work of that batch is told so. A kill loses no answered work.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import QueuePool

T = TypeVar("T")
Outcome = tuple[Any, BaseException | None]

BUSY_TIMEOUT_MS = 5_000
WAITING_WORKS = 10_000
"""Works that may wait for the writer; more are refused with StoreBusy."""
BATCH = 500  # most works in one commit
READERS = 2
LONGEST_PAUSE_S = 2.0
"""Before the writer tries again to reach a database that is away."""
URL = "postgresql://"


class StoreError(Exception):
    """The store cannot take work now; nothing of the work was kept."""


class StoreBusy(StoreError):
    """Too many works are waiting for the writer."""


class StoreClosed(StoreError):
    """The store was closed."""


class TransactionLost(StoreError):
    """The database gave up the whole transaction in the middle of a batch (full disk, I/O error)."""


class Unreachable(StoreError):
    """The database server is away; what was being committed may be stored or not: ask again, same key."""


class Database(Protocol):
    """What a store stands on: an engine for the one writer, one for readers, and their transactions."""

    @property
    def engine(self) -> Engine: ...
    @property
    def reader(self) -> Engine: ...
    def transaction(self) -> AbstractContextManager[Connection]:
        """Durable when it ends without an error. Unreachable when the server is away."""

    def reading(self) -> AbstractContextManager[Connection]:
        """One view of what is committed; the same errors."""

    def lost(self, connection: Connection, error: BaseException | None) -> bool:
        """Whether the transaction is no more the one that began, or cannot be committed after ``error``."""


class _Begins(SQLiteDialect_pysqlite):
    """Starts transactions itself: Python's sqlite3 would, but too late for savepoints. Savepoints go straight
    to the driver, which is several times faster than by way of a compiled statement."""

    supports_statement_cache = True
    begin = "BEGIN"

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.execute(self.begin)

    def do_savepoint(self, connection: Connection, name: str) -> None:
        _driver(connection).execute(f"SAVEPOINT {name}")

    def do_rollback_to_savepoint(self, connection: Connection, name: str) -> None:
        _driver(connection).execute(f"ROLLBACK TO SAVEPOINT {name}")

    def do_release_savepoint(self, connection: Connection, name: str) -> None:
        _driver(connection).execute(f"RELEASE SAVEPOINT {name}")


registry.register("sqlite.tradelane", __name__, "_Begins")


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def open_engine(
    path: Path, begin: str = "BEGIN IMMEDIATE", *, readonly: bool = False, connections: int = 1
) -> Engine:
    """An engine on one SQLite file: WAL, durable at every commit, foreign keys held.

    Transactions start with ``begin``; BEGIN IMMEDIATE takes the write lock at once, so that none fails half
    way for want of it.
    """
    engine = create_engine(
        f"sqlite+tradelane:///{path}",
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    assert isinstance(engine.dialect, _Begins)
    engine.dialect.begin = begin

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA query_only={'ON' if readonly else 'OFF'}")

    return engine


class SQLiteFile:
    """A Database that is one file."""

    def __init__(self, path: Path) -> None:
        self.engine = open_engine(path, connections=2)
        self.reader = open_engine(path, "BEGIN", readonly=True, connections=READERS)

    def transaction(self) -> AbstractContextManager[Connection]:
        return self.engine.begin()

    def reading(self) -> AbstractContextManager[Connection]:
        return self.reader.begin()

    def lost(self, connection: Connection, error: BaseException | None) -> bool:
        full = getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        return full or not _driver(connection).in_transaction


def database_at(place: Path | str) -> Database:
    """``place``: a SQLite file's path, or ``postgresql://…``."""
    if isinstance(place, str) and place.startswith(URL):
        from tradelane.gateway.postgres import Postgres

        return Postgres(place, READERS)
    return SQLiteFile(Path(place))


class _Job:
    """One work on its way through the writer, and the future of whoever waits for it."""

    __slots__ = ("future", "loop", "work")

    def __init__(self, work: Callable[[Connection], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()


class Writer:
    """The only thread that writes. ``await writer(work)`` returns after the durable commit."""

    def __init__(self, database: Database, *, waiting: int = WAITING_WORKS, batch: int = BATCH) -> None:
        self.commits = 0
        self._database = database
        self._pause_s = 0.0
        self._stopping = threading.Event()
        self._batch = batch
        self._queue: queue.Queue[_Job | None] = queue.Queue(waiting)
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="tradelane-writer", daemon=True)
        self._thread.start()

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in the writer's next transaction.

        Raises what ``work`` raised, StoreBusy or StoreClosed when it was not taken, or the database's
        error when the commit failed. A cancelled caller does not undo work already handed in.
        """
        job = _Job(work, asyncio.get_running_loop())
        with self._closing:
            if self._closed:
                raise StoreClosed("the store is closed")
            try:
                self._queue.put_nowait(job)
            except queue.Full:
                raise StoreBusy("too many writes are waiting") from None
        answer: T = await job.future
        return answer

    def close(self) -> None:
        """Finish the works handed in, then stop. Blocks until the last commit."""
        with self._closing:
            closing, self._closed = not self._closed, True
        if closing:
            self._stopping.set()
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            jobs, last = self._take()
            if jobs:
                _resolve(jobs, self._commit(jobs))
                self._stopping.wait(self._pause_s)

    def _take(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        job = self._queue.get()
        with contextlib.suppress(queue.Empty):
            while job is not None:
                jobs.append(job)
                if len(jobs) == self._batch:
                    return jobs, False
                job = self._queue.get_nowait()
            return jobs, True
        return jobs, False

    def _commit(self, jobs: Sequence[_Job]) -> list[Outcome]:
        try:
            with self._database.transaction() as connection:
                outcomes = [self._attempt(connection, job.work) for job in jobs]
        except Exception as error:
            if isinstance(error, Unreachable):
                self._pause_s = min(max(2 * self._pause_s, 0.05), LONGEST_PAUSE_S)
            return [(None, error)] * len(jobs)
        self.commits += 1
        self._pause_s = 0.0
        return outcomes

    def _attempt(self, connection: Connection, work: Callable[[Connection], Any]) -> Outcome:
        outcome: Outcome
        try:
            with connection.begin_nested():
                outcome = work(connection), None
        except StopIteration as error:  # a future cannot carry one
            outcome = None, RuntimeError(f"work raised {error!r}")
        except BaseException as error:  # whatever it is, it belongs to the caller, and this thread must live
            outcome = None, error
        if self._database.lost(connection, outcome[1]):
            raise TransactionLost("the database gave the transaction up") from outcome[1]
        return outcome


def _resolve(jobs: Sequence[_Job], outcomes: Sequence[Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        by_loop.setdefault(job.loop, []).append((job.future, outcome))
    for loop, settled in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a loop that has closed waits for nothing
            loop.call_soon_threadsafe(_deliver, settled)


def _deliver(settled: Sequence[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for future, (answer, error) in settled:
        if future.done():
            continue
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)


class Store:
    """One database: ``await store(work)`` writes (it is a Transact), ``await store.read(work)`` reads."""

    def __init__(self, place: Path | str, *, waiting: int = WAITING_WORKS, batch: int = BATCH) -> None:
        """``place`` as for database_at; a file is opened or created, its directory must exist."""
        self.database = database_at(place)
        self.engine, self.reader = self.database.engine, self.database.reader
        self.writer = Writer(self.database, waiting=waiting, batch=batch)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="tradelane-reader")

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        """See Writer: runs ``work`` on the writer, returns after the durable commit."""
        return await self.writer(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on a read-only connection in a thread; it sees every commit made before."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """The same in this thread."""
        with self.database.reading() as connection:
            return work(connection)

    def upgrade(self, migrations: str, head: str) -> None:
        """Bring the schema to ``head``; see :func:`upgrade`."""
        upgrade(self.engine, migrations, head)

    def close(self) -> None:
        """Commit what was handed in, then close every connection."""
        self.writer.close()
        self._threads.shutdown()
        self.reader.dispose()
        self.engine.dispose()


@contextlib.contextmanager
def opened(place: Path | str, migrations: str, head: str) -> Iterator[Store]:
    """A store with its schema at ``head``, closed at the end."""
    store = Store(place)
    try:
        store.upgrade(migrations, head)
        yield store
    finally:
        store.close()


def upgrade(engine: Engine, migrations: str, head: str) -> None:
    """Run the alembic ``migrations`` (a package as ``tradelane.gateway:migrations``) up to ``head``.

    All of them in one transaction: a killed upgrade leaves the old schema. Alembic costs memory, so it is
    imported only when there is something to do.
    """
    if schema_version(engine) == head:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", migrations)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, head)


def schema_version(engine: Engine) -> str | None:
    """The revision the database is at, None for an empty one."""
    with engine.begin() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])
