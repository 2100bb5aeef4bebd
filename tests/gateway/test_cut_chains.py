"""A chain that lost its tail while the edge was down: never taken for whole, told, and gone on with."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.test_proofs import CONFIG
from tests.gateway.test_reading_log import KEY, grid, in_log, rows, take
from tradelane.gateway import chains, cut_chains, heads, keys
from tradelane.gateway.cli import run
from tradelane.gateway.config import load
from tradelane.gateway.counter_events import WORDS
from tradelane.gateway.doctor import examine
from tradelane.gateway.file import RoleFile
from tradelane.gateway.reading_log import ReadingLog
from tradelane.market.units import MINUTE, instant
from tradelane.meter.seal import Fault, Head, seal, thin, verify_chain

START = instant("2026-06-21T10:00Z")
PUBLIC = keys.public_key_text(KEY)
EVENTS = "SELECT seq, at FROM meter_events WHERE what = 'chain' AND seen = 'cut'"


def go_on(folder: Path, first: int, count: int) -> None:
    async def use(log: ReadingLog, file: RoleFile) -> None:
        for k in range(first, first + count):
            await take(log, grid(START + k * MINUTE, 10 * k))

    in_log(folder, use)


def cut(folder: Path, after: int) -> None:
    with closing(sqlite3.connect(folder / "edge.sqlite")) as connection, connection:
        connection.execute("DELETE FROM readings WHERE seq > ?", (after,))


def doctor(folder: Path) -> dict[str, bool | None]:
    (folder / "edge.toml").write_text(CONFIG)
    key = folder / "keys/rosa.pem"
    if not key.exists():
        keys.load_or_create_key(key)
    return {one.check: one.ok for one in examine(load(folder / "edge.toml")) if "heads" in one.check}


@settings(max_examples=5)
@given(st.integers(0, 11))
def test_a_tail_cut_while_the_edge_was_down_is_told_wherever(
    tmp_path_factory: pytest.TempPathFactory, left: int
) -> None:
    folder = tmp_path_factory.mktemp("edge")
    go_on(folder, 0, 12)
    assert doctor(folder) == {"heads": True}
    cut(folder, left)
    go_on(folder, 12, 0)
    assert [one.head.seq for one in heads.read(folder / cut_chains.NAME)] == [12]
    go_on(folder, 12, 20)
    go_on(folder, 32, 2)
    assert rows(folder, EVENTS) == [(left + 1, START + 12 * MINUTE)], "once, with the first reading after it"
    assert doctor(folder) == {"heads roof": False}, "also when the chain is longer again"
    proof = ["verify", "readings", "--db", str(folder / "edge.sqlite"), "--key", PUBLIC]
    assert run(proof) == 5
    (folder / cut_chains.NAME).unlink()
    assert doctor(folder) == {"heads": True}
    assert run(proof) == 0, "what was kept since is a chain of its own"


def test_a_database_of_another_day_put_back_is_told_too(tmp_path: Path) -> None:
    """The same number of readings, and more: only the hash shows it."""
    go_on(tmp_path, 0, 4)
    shutil.copy(tmp_path / "edge.sqlite", tmp_path / "old.sqlite")
    go_on(tmp_path, 4, 4)
    kept = (tmp_path / "heads.json").read_bytes()
    (tmp_path / "old.sqlite").replace(tmp_path / "edge.sqlite")
    (tmp_path / "heads.json").unlink()
    go_on(tmp_path, 20, 9)
    assert not rows(tmp_path, EVENTS), "nothing was kept that it could be held to"
    (tmp_path / "heads.json").write_bytes(kept)
    go_on(tmp_path, 30, 1)
    assert [seq for seq, _ in rows(tmp_path, EVENTS)] == [14]
    assert doctor(tmp_path) == {"heads roof": False}


def test_a_kill_before_the_first_reading_tells_it_again(tmp_path: Path) -> None:
    go_on(tmp_path, 0, 6)
    cut(tmp_path, 3)
    for _ in range(2):
        go_on(tmp_path, 6, 0)
        assert [one.head.seq for one in heads.read(tmp_path / "heads.json")] == [6]
        assert len(json.loads((tmp_path / cut_chains.NAME).read_text())["items"]) == 1
    go_on(tmp_path, 6, 1)
    assert [one.head.seq for one in heads.read(tmp_path / "heads.json")] == [4]
    assert len(rows(tmp_path, EVENTS)) == 1


def test_a_file_of_heads_that_cannot_be_read_is_kept_and_found(tmp_path: Path) -> None:
    go_on(tmp_path, 0, 3)
    (tmp_path / "heads.json").write_text("{")
    go_on(tmp_path, 3, 1)
    assert (tmp_path / cut_chains.NAME).read_text() == "{"
    assert doctor(tmp_path) == {"kept heads": False}
    go_on(tmp_path, 4, 1)
    assert (tmp_path / cut_chains.NAME).read_text() == "{"


def test_a_chain_holds_what_was_thinned_out_of_it(tmp_path: Path) -> None:
    go_on(tmp_path, 0, 9)

    async def use(log: ReadingLog, file: RoleFile) -> list[bool]:
        old = await file.read(lambda conn: list(chains.links(conn, "roof")))
        await file(lambda conn: chains.replace_links(conn, "roof", old, thin(KEY, old, {1, 6, 9})))
        wanted = [*(one.head for one in old), Head(4, bytes(32)), Head(5, bytes(32)), Head(10, bytes(32))]
        return await file.read(lambda conn: [chains.holds(conn, "roof", head) for head in wanted])

    assert in_log(tmp_path, use) == [True] * 9 + [True, False, False]


def test_two_heads_of_one_number_cannot_both_be_held() -> None:
    chain = seal(KEY, Head(0, bytes(32)), [b"1", b"2", b"3"])
    for known in ([chain[1].head, Head(2, bytes(32))], [Head(2, bytes(32)), chain[1].head]):
        broken = verify_chain(chain, KEY.public_key(), known=known)
        assert broken is not None and (broken.seq, broken.fault) == (2, Fault.TAIL)


def test_a_cut_has_words() -> None:
    assert cut_chains.told(0).seen in WORDS
