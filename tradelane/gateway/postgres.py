"""A store's database on PostgreSQL: one writer in the world, held by an advisory lock.

Always true: the writer's session holds the lock of its schema, so that whoever writes is the only one; a
commit that a standby did not confirm (its wait was cancelled) is not acknowledged, and what comes after waits
for it too. What begins a transaction or takes or drops a savepoint travels with the next statement, and costs
no round trip. Connect to the server itself: a pooler that shares sessions shares the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from tradelane.gateway.lock import AlreadyInUse
from tradelane.gateway.store import StoreError, TransactionLost, Unreachable

CONNECT_TIMEOUT_S = 5
_ADMIT = """
SELECT pg_try_advisory_lock(1953653093, hashtext(current_schema())),
       'B' < 'a' COLLATE "default" AND getdatabaseencoding() = 'UTF8',
       set_config('synchronous_commit', 'on', false)
"""
_WAIT_FOR_ALL = "SELECT pg_logical_emit_message(true, 'tradelane', '')"
_READ_ONLY = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class NotReplicated(StoreError):
    """The commit is on this server, but no standby confirmed it: not stored, as far as anyone may rely on."""


class WrongDatabase(Exception):
    """The database cannot hold a store."""


class Session(psycopg.Connection[Any]):
    """A connection that sends what only marks a place together with the next statement."""

    marks: list[str]
    warned: bool

    def send(self, run: Callable[[], object], *, together: bool = True) -> None:
        """The marks, and what ``run`` executes; in one round trip, if ``together``."""
        marks, self.marks = self.marks, []
        with self.pipeline() if marks else nullcontext():
            for mark in marks:
                self.execute(mark.encode())
            if together:
                run()
        if not together:
            run()

    def release(self, name: str) -> None:
        if self.marks and self.marks[-1] == f"SAVEPOINT {name}":
            self.marks.pop()
            return
        if self.info.transaction_status is TransactionStatus.INERROR:
            self.back_to(name)
            raise psycopg.errors.InFailedSqlTransaction("a statement failed, and its error was swallowed")
        self.marks.append(f"RELEASE SAVEPOINT {name}")

    def back_to(self, name: str) -> None:
        self.send(lambda: self.execute(f"ROLLBACK TO SAVEPOINT {name}".encode()))

    def durably(self) -> None:
        """Commit. COMMIT of a failed transaction would be a silent rollback: an error here."""
        begun = "BEGIN" not in self.marks
        self.marks.clear()
        if begun and self.info.transaction_status is not TransactionStatus.INTRANS:
            raise TransactionLost("the transaction was not there any more at its commit")
        self.warned = False
        self.commit()
        if self.warned:
            raise NotReplicated("the wait for a standby was cancelled; ask again with the same key")

    def notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self.warned = self.warned or diagnostic.severity_nonlocalized == "WARNING"


class _Marks(PGDialect_psycopg):
    """Hands transactions, savepoints and statements to the Session."""

    supports_statement_cache = True

    def connect(self, *arguments: Any, **named: Any) -> Any:
        session = Session.connect(*arguments, autocommit=True, **named)
        session.marks, session.warned = [], False
        session.add_notice_handler(session.notice)
        return session

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.marks.append("BEGIN")

    def do_commit(self, dbapi_connection: Any) -> None:
        dbapi_connection.durably()

    def do_rollback(self, dbapi_connection: Any) -> None:
        dbapi_connection.marks.clear()
        dbapi_connection.rollback()

    def do_savepoint(self, connection: Connection, name: str) -> None:
        _session(connection).marks.append(f"SAVEPOINT {name}")

    def do_release_savepoint(self, connection: Connection, name: str) -> None:
        _session(connection).release(name)

    def do_rollback_to_savepoint(self, connection: Connection, name: str) -> None:
        _session(connection).back_to(name)

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        streaming = isinstance(cursor, psycopg.ServerCursor)
        cursor.connection.send(lambda: cursor.execute(statement, parameters), together=not streaming)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        cursor.connection.send(lambda: cursor.execute(statement))

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Sequence[Any], context: Any = None
    ) -> None:
        cursor.connection.send(lambda: cursor.executemany(statement, parameters), together=False)


registry.register("postgresql.tradelane", __name__, "_Marks")


def _session(connection: Connection) -> Session:
    session = connection.connection.dbapi_connection
    assert isinstance(session, Session)
    return session


def _engine(url: URL, connections: int) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+tradelane"),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=connections > 1,
        use_native_hstore=False,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


class Postgres:
    """A Database on a PostgreSQL server. The password comes with the URL or from PGPASSWORD."""

    def __init__(self, url: str, readers: int) -> None:
        self.url = make_url(url)
        self.engine = _engine(self.url, 1)
        self.reader = _engine(self.url, readers)
        self._unconfirmed = True
        event.listen(self.engine, "connect", self._admit)
        event.listen(self.reader, "connect", lambda session, _record: session.execute(_READ_ONLY))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with _reached(self.engine) as connection:
            try:
                with connection.begin():
                    if self._unconfirmed:
                        connection.exec_driver_sql(_WAIT_FOR_ALL)
                    yield connection
            except NotReplicated:
                self._unconfirmed = True
                raise
        self._unconfirmed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _reached(self.reader) as connection, connection.begin():
            yield connection

    def lost(self, connection: Connection, _error: BaseException | None) -> bool:
        if connection.invalidated:
            return True
        session = _session(connection)
        begun = "BEGIN" in session.marks
        return not begun and session.info.transaction_status is not TransactionStatus.INTRANS

    def _admit(self, session: Session, _record: object) -> None:
        free, fit, _ = session.execute(_ADMIT).fetchone() or (False, False, None)
        if free and fit:
            self._unconfirmed = True
            return
        session.close()
        name = f"the database {self.url.database}"
        if not free:
            raise AlreadyInUse(f"another process is using {name}")
        raise WrongDatabase(f"{name}: create it with TEMPLATE template0 LC_COLLATE 'C' ENCODING 'UTF8'")


@contextmanager
def _reached(engine: Engine) -> Iterator[Connection]:
    """A connection; Unreachable when there is none, or it is lost."""
    try:
        connection = engine.connect()
    except (DBAPIError, AlreadyInUse) as error:
        raise Unreachable(f"the database is not reached: {error}") from error
    with connection:
        try:
            yield connection
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unreachable("the database went away; ask again with the same key") from error
            raise
