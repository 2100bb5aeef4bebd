"""One process at a time for a database file: two writers would each believe to be the only one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class AlreadyInUse(Exception):
    """Another process holds the file."""


class FileLock:
    """Held from ``acquire`` to ``release``; the kernel lets go of it when the process dies."""

    def __init__(self, path: Path) -> None:
        """``path``: the file to guard; the lock is a file beside it, which stays."""
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises AlreadyInUse. Makes the folder when there is none."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyInUse(f"another process is using {self._path}") from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Safe when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
