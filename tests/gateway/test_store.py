"""The store with real files: group commit, savepoints, order, and what is left after a sudden death."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from tradelane.gateway.store import (
    Store,
    StoreBusy,
    StoreClosed,
    TransactionLost,
    open_engine,
    schema_version,
)

NOTES = "CREATE TABLE notes (n INTEGER PRIMARY KEY, text TEXT)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite")
    run(store(sql(NOTES)))
    yield store
    store.close()


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def whole() -> Any:
        return await main

    return asyncio.run(whole())


def sql(statement: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return work


def in_one_batch(store: Store, *works: Callable[[Connection], Any]) -> list[Any]:
    """Hold the writer until all works wait for it; their answers or errors."""
    started, gate = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        started.set()
        gate.wait()

    async def main() -> list[Any]:
        held = asyncio.ensure_future(store(hold))
        await asyncio.to_thread(started.wait)
        crowd = [asyncio.ensure_future(store(work)) for work in works]
        await asyncio.sleep(0)
        gate.set()
        await held
        return await asyncio.gather(*crowd, return_exceptions=True)

    answers: list[Any] = run(main())
    return answers


def note(text: str) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        added = connection.exec_driver_sql("INSERT INTO notes (text) VALUES (?) RETURNING n", (text,))
        return int(added.scalar_one())

    return work


def notes(connection: Connection) -> list[str]:
    return [text for (text,) in connection.exec_driver_sql("SELECT text FROM notes ORDER BY n")]


def test_pragmas_hold_on_both_sides(store: Store) -> None:
    def pragma(name: str) -> Callable[[Connection], Any]:
        return lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    for engine_work in (lambda w: run(store(w)), store.read_now):
        assert engine_work(pragma("journal_mode")) == "wal"
        assert engine_work(pragma("synchronous")) == 2
        assert engine_work(pragma("foreign_keys")) == 1
    with pytest.raises(OperationalError, match="readonly"):
        store.read_now(note("from a reader"))


def test_many_works_share_one_commit_and_keep_their_order(store: Store) -> None:
    before = store.writer.commits
    answers = in_one_batch(store, *(note(str(n)) for n in range(200)))
    assert answers == list(range(1, 201))
    assert store.writer.commits - before == 2  # the one that held the writer, and the crowd
    assert run(store.read(notes)) == [str(n) for n in range(200)]


def test_work_that_raises_takes_back_only_itself(store: Store) -> None:
    def fails(connection: Connection) -> None:
        note("half done")(connection)
        raise LookupError("no")

    def breaks_a_constraint(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO notes (n) VALUES (1)")

    def stops(connection: Connection) -> None:
        raise StopIteration

    answers = in_one_batch(store, note("a"), fails, note("b"), breaks_a_constraint, stops, note("c"))
    assert [answers[0], answers[2]] == [1, 2]
    assert isinstance(answers[1], LookupError)
    assert isinstance(answers[3], IntegrityError)
    assert isinstance(answers[4], RuntimeError)
    assert answers[5] == 3
    assert store.read_now(notes) == ["a", "b", "c"]


def test_nested_savepoints_belong_to_the_work(store: Store) -> None:
    def work(connection: Connection) -> None:
        note("kept")(connection)
        inner = connection.begin_nested()
        note("dropped")(connection)
        inner.rollback()

    run(store(work))
    assert store.read_now(notes) == ["kept"]


def test_a_lost_transaction_fails_its_whole_batch(store: Store) -> None:
    answers = in_one_batch(store, note("a"), sql("ROLLBACK"), note("b"))
    assert all(isinstance(answer, TransactionLost) for answer in answers)
    assert store.read_now(notes) == []
    assert run(store(note("later"))) == 1


def test_a_failed_commit_is_told_to_everyone(store: Store) -> None:
    run(store(sql("CREATE TABLE b (n REFERENCES notes DEFERRABLE INITIALLY DEFERRED)")))
    answers = in_one_batch(store, note("a"), sql("INSERT INTO b VALUES (7)"), note("b"))
    assert all(isinstance(answer, IntegrityError) for answer in answers)
    assert store.read_now(notes) == []
    assert run(store(note("later"))) == 1


def test_the_queue_is_bounded_and_close_drains_it(tmp_path: Path) -> None:
    async def main() -> None:
        store = Store(tmp_path / "s.sqlite", waiting=2)
        await store(sql(NOTES))
        started, gate = threading.Event(), threading.Event()

        def hold(_: Connection) -> bool:
            started.set()
            return gate.wait()

        held = asyncio.ensure_future(store(hold))
        await asyncio.to_thread(started.wait)
        waiting = [asyncio.ensure_future(store(note(t))) for t in ("x", "y")]
        await asyncio.sleep(0)
        with pytest.raises(StoreBusy):
            await store(note("z"))
        gate.set()
        await asyncio.to_thread(store.close)
        assert await asyncio.gather(held, *waiting) == [True, 1, 2]
        with pytest.raises(StoreClosed):
            await store(note("late"))

    run(main())
    again = Store(tmp_path / "s.sqlite")
    assert again.read_now(notes) == ["x", "y"]
    again.close()


def test_a_cancelled_caller_does_not_stop_the_writer(store: Store) -> None:
    async def main() -> None:
        gate = threading.Event()
        held = asyncio.ensure_future(store(lambda _: gate.wait()))
        lost = asyncio.ensure_future(store(note("lost caller")))
        await asyncio.sleep(0)
        lost.cancel()
        gate.set()
        await held
        await store(note("next"))

    run(main())
    assert store.read_now(notes) == ["lost caller", "next"]


DYING = """
    import asyncio, os, sys
    from tradelane.gateway.store import Store

    def sql(statement, *values):
        return lambda connection: connection.exec_driver_sql(statement, values) and None

    async def main():
        store = Store(sys.argv[1])
        await store(sql("CREATE TABLE notes (n INTEGER PRIMARY KEY, text TEXT)"))
        add = "INSERT INTO notes (text) VALUES (?)"
        await asyncio.gather(*(store(sql(add, str(n))) for n in range(50)))

        def dies(connection):
            sql(add, "unanswered")(connection)
            os._exit(9)

        await store(dies)

    asyncio.run(main())
"""


def test_answered_work_survives_a_sudden_death_and_the_rest_does_not(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(DYING), path], check=False)
    assert died.returncode == 9
    store = Store(path)
    assert store.read_now(notes) == [str(n) for n in range(50)]
    store.close()


FIRST = """
from alembic import op
revision, down_revision = "one", None

def upgrade():
    op.execute("CREATE TABLE first (id INTEGER PRIMARY KEY)")
"""
SECOND = """
from alembic import op
revision, down_revision = "two", "one"

def upgrade():
    op.execute("CREATE TABLE second (id INTEGER PRIMARY KEY)")
    op.execute("{}")
"""
ENVIRONMENT = """
from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""


def migrations(folder: Path, **versions: str) -> str:
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    for name, text in versions.items():
        (folder / "versions" / f"{name}.py").write_text(text)
    return str(folder)


def test_upgrade_is_all_or_nothing(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "s.sqlite")
    store = Store(tmp_path / "s.sqlite")
    assert schema_version(engine) is None
    store.upgrade(migrations(tmp_path / "a", one=FIRST), "one")
    assert schema_version(engine) == "one"
    with pytest.raises(OperationalError):
        store.upgrade(migrations(tmp_path / "b", one=FIRST, two=SECOND.format("BROKEN SQL")), "two")
    assert schema_version(engine) == "one"
    store.upgrade(migrations(tmp_path / "c", one=FIRST, two=SECOND.format("SELECT 1")), "two")
    assert schema_version(engine) == "two"
    store.close()
    engine.dispose()


def test_alembic_is_not_loaded_when_the_schema_is_at_head(tmp_path: Path) -> None:
    place = migrations(tmp_path / "a", one=FIRST)
    code = (
        "import sys; from tradelane.gateway.store import opened\n"
        "with opened(*sys.argv[1:], 'one'): print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s.sqlite"), place]
    answers = [subprocess.check_output(command, text=True) for _ in range(2)]
    assert answers == ["True\n", "False\n"]
