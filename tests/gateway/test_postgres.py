"""The store on a real PostgreSQL: the same promises as on a file, and what only a server can do to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import InFailedSqlTransaction
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, InternalError, ProgrammingError

from tests.gateway.test_store import in_one_batch, run, sql
from tests.postgres import Server, running_postgres
from tradelane.gateway.config import ConfigError, load
from tradelane.gateway.doctor import examine
from tradelane.gateway.hub import HubRole
from tradelane.gateway.lock import AlreadyInUse
from tradelane.gateway.postgres import NotReplicated, WrongDatabase
from tradelane.gateway.store import Store, TransactionLost, Unreachable, opened
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE

NOTES = "CREATE TABLE notes (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT UNIQUE)"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    return server.create()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    run(store(sql(NOTES)))
    yield store
    store.close()


def note(text: str) -> Any:
    def work(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO notes (text) VALUES (%s)", (text,))
        return text

    return work


def notes(connection: Connection) -> list[str]:
    return [text for (text,) in connection.exec_driver_sql("SELECT text FROM notes ORDER BY n")]


def test_many_works_share_one_commit_and_keep_their_order(store: Store) -> None:
    before = store.writer.commits
    texts = [str(n) for n in range(200)]
    assert in_one_batch(store, *map(note, texts)) == texts
    assert store.writer.commits - before == 2
    assert run(store.read(notes)) == texts
    with pytest.raises(InternalError, match="read-only"):
        store.read_now(note("from a reader"))


def test_work_that_raises_takes_back_only_itself(store: Store) -> None:
    def fails(connection: Connection) -> None:
        note("half done")(connection)
        raise LookupError("no")

    def swallows(connection: Connection) -> None:
        note("swallowed")(connection)
        with pytest.raises(IntegrityError):
            note("a")(connection)

    def recovers(connection: Connection) -> None:
        note("kept")(connection)
        with pytest.raises(IntegrityError), connection.begin_nested():
            note("dropped")(connection)
            note("a")(connection)

    idle = in_one_batch(store, note("a"), fails, note("b"), note("a"), lambda _: 7, swallows, recovers)
    kinds = [type(answer) for answer in idle]
    assert kinds == [str, LookupError, str, IntegrityError, int, InFailedSqlTransaction, type(None)]
    assert store.read_now(notes) == ["a", "b", "kept"]


def test_a_lost_transaction_fails_its_whole_batch(store: Store) -> None:
    answers = in_one_batch(store, note("a"), sql("ROLLBACK"), note("b"))
    assert all(isinstance(answer, TransactionLost) for answer in answers)
    assert store.read_now(notes) == []
    assert run(store(note("later"))) == "later"


def test_the_hub_s_schema_is_made_and_a_second_process_refused(url: str) -> None:
    with opened(url, PLACE, HEAD) as store:
        found = store.read_now(lambda c: c.exec_driver_sql("SELECT count(*) FROM accounts").scalar_one())
        assert found == 0
        with pytest.raises(AlreadyInUse, match="another process is using the database"):
            Store(url).upgrade(PLACE, HEAD)
    with opened(url, PLACE, HEAD):
        pass


def test_a_database_that_sorts_by_language_is_refused(server: Server) -> None:
    url = server.create("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
    with pytest.raises(WrongDatabase, match="LC_COLLATE 'C'"):
        Store(url).upgrade(PLACE, HEAD)


def test_killed_in_the_middle_of_a_batch_nothing_answered_is_lost_and_nothing_doubled(
    server: Server, store: Store
) -> None:
    run(store(note("answered")))

    def dies(connection: Connection) -> None:
        note("dies")(connection)
        server.kill()
        note("after")(connection)

    answers = in_one_batch(store, note("before"), dies, note("behind"))
    assert all(isinstance(answer, TransactionLost | Unreachable) for answer in answers)
    with pytest.raises(Unreachable):
        run(store(note("while it is away")))
    with pytest.raises(Unreachable):
        store.read_now(notes)
    server.start()
    assert run(store(note("before"))) == "before"
    assert store.read_now(notes) == ["answered", "before"]


def test_a_commit_whose_standby_was_not_waited_for_is_not_acknowledged(
    server: Server, store: Store, url: str
) -> None:
    pid = run(store(lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()))

    def standby(names: str) -> None:
        server.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        server.sql("SELECT pg_reload_conf()")
        with psycopg.connect(url, autocommit=True) as watcher:
            while watcher.execute("SHOW synchronous_standby_names").fetchone() != (names,):
                pass

    def cancel_the_wait() -> None:
        waiting = (
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'SyncRep'"
        )
        with psycopg.connect(url, autocommit=True) as watcher:
            while watcher.execute(waiting, (pid,)).fetchone() is None:
                pass

    async def cancelled(work: Any) -> None:
        canceller = threading.Thread(target=cancel_the_wait)
        canceller.start()
        with pytest.raises(NotReplicated):
            await store(work)
        await asyncio.to_thread(canceller.join)

    standby("nobody")
    try:
        run(cancelled(note("a")))
        run(cancelled(lambda c: notes(c)))  # a retry that only looks must wait for what it saw
    finally:
        standby("")
    assert run(store(notes)) == ["a"]


def test_a_statement_that_cannot_be_is_its_work_s_own_error(store: Store) -> None:
    with pytest.raises(ProgrammingError):
        run(store(sql("SELECT nothing FROM nowhere")))
    assert run(store(note("next"))) == "next"


def test_the_e_hub_runs_on_it_and_doctor_looks_at_it(url: str, tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(f'data_dir = "data"\n[hub]\ncurrencies = ["EUR"]\ndatabase = "{url}"\n')
    config = load(path)
    assert url not in repr(config)

    async def start_twice() -> None:
        for _ in range(2):
            role = HubRole(config, config.make_clock())
            await role.start()
            await role.stop()

    run(start_twice())
    found = {finding.check: finding for finding in examine(config)}
    assert found["database hub"].text == "sound"
    assert found["trial balance"].text == "EUR sum to zero"
    assert all(finding.ok for finding in found.values())


def test_a_database_that_is_no_url_is_a_mistake_that_tells_no_password(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('[hub]\ncurrencies = ["EUR"]\ndatabase = "mysql://hub:secret@host/hub"\n')
    with pytest.raises(ConfigError, match=r"hub\.database: is not postgresql://") as told:
        load(path)
    assert "secret" not in str(told.value)
