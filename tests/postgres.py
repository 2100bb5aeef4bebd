"""A real PostgreSQL server of our own: in a folder, on a socket there, of no use to anyone else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.shared import accepts, free_port

USER = "postgres"


def binary(name: str) -> str:
    """Debian keeps the server's programs off the PATH, a folder for each version."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4]))
    found = str(newest[-1]) if newest else shutil.which(name)
    if found is None:
        pytest.skip(f"PROGRAM MISSING: {name} (python3 dev.py test says which package has it)")
    return found


class Server:
    """A cluster in ``folder``, started and killed at will. Not as root: initdb refuses it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._as = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, USER, USER)
        options = ["-A", "trust", "-U", USER, "--no-sync", "--no-locale", "-E", "UTF8"]
        command = [binary("initdb"), "-D", str(folder / "data"), *options]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._as)  # type: ignore[call-overload]  # one of two kinds of options
        self.process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        command = [binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-k", str(self.folder), "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=16MB"]
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self._as)  # type: ignore[call-overload]  # the same
        assert accepts(self.process, self.port)
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:  # still recovering
                assert self.process.poll() is None
            else:
                return

    def kill(self) -> None:
        """All its processes at once, as a power cut would: SIGQUIT lets none of them finish anything."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={self.port}"

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create(self, options: str = "") -> str:
        """The URL of a new database."""
        self._databases += 1
        name = f"hub{self._databases}"
        self.sql(f"CREATE DATABASE {name} {options}")
        return self.url(name)


@contextmanager
def running_postgres() -> Iterator[Server]:
    """In a folder of its own: pytest's is closed to the user that PostgreSQL runs as."""
    binary("initdb")
    with tempfile.TemporaryDirectory(prefix="tradelane-pg") as name:
        server = Server(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.kill()
