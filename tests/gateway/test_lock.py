"""A database file has one process, and a role's file opens, closes and opens again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from tradelane.gateway.file import RoleFile
from tradelane.gateway.lock import AlreadyInUse, FileLock
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.tables import meta

HOLD = (
    "import sys; from pathlib import Path; from tradelane.gateway.lock import FileLock;"
    "FileLock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"
)


def test_another_process_is_kept_out_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "zone.sqlite"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyInUse, match=r"another process is using .*zone\.sqlite"):
            FileLock(path).acquire()
        holder.kill()
        holder.wait()
        FileLock(path).acquire()


def test_it_is_held_once_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "new" / "zone.sqlite"
    first, second = FileLock(path), FileLock(path)
    first.acquire()
    with pytest.raises(AlreadyInUse):
        second.acquire()
    second.release()
    first.release()
    first.release()
    second.acquire()


def test_a_roles_file_opens_closes_and_opens_again(tmp_path: Path) -> None:
    async def life() -> None:
        file = RoleFile(tmp_path / "edge.sqlite", PLACE, HEAD)
        file.open()
        await file(lambda conn: conn.execute(insert(meta).values(key="kept", value="yes")))
        with pytest.raises(AlreadyInUse):
            RoleFile(tmp_path / "edge.sqlite", PLACE, HEAD).open()
        file.close()
        file.close()
        file.open()
        assert await file.read(lambda conn: conn.execute(select(meta)).all()) == [("kept", "yes")]
        file.close()

    asyncio.run(life())


def test_a_file_that_is_no_database_lets_go_of_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "edge.sqlite"
    path.write_bytes(b"no database" * 1000)
    for _ in range(2):
        file = RoleFile(path, PLACE, HEAD)
        with pytest.raises(Exception, match="file is not a database"):
            file.open()
        file.close()
