"""A role's own database: locked, opened, at the right schema, and closed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from tradelane.gateway.lock import FileLock
from tradelane.gateway.store import Store

T = TypeVar("T")


class RoleFile:
    """``await file(work)`` writes, ``await file.read(work)`` reads, between ``open`` and ``close``."""

    def __init__(self, place: Path | str, migrations: str, head: str) -> None:
        """Touches nothing. ``place``: a file or PostgreSQL's URL; the others as for ``store.upgrade``."""
        self._place = place
        self._migrations = migrations
        self._head = head
        self._lock = FileLock(place) if isinstance(place, Path) else None  # a server holds its own
        self._store: Store | None = None

    def open(self) -> None:
        """Raises AlreadyInUse, OSError, or the database's error."""
        if self._lock is not None:
            self._lock.acquire()
        self._store = Store(self._place)
        self._store.upgrade(self._migrations, self._head)

    def close(self) -> None:
        """Commits what was handed in. Safe when ``open`` failed half way."""
        store, self._store = self._store, None
        if store is not None:
            store.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def path(self) -> Path:
        assert isinstance(self._place, Path), "only an edge and a zone ask, which are always on a file"
        return self._place

    @property
    def store(self) -> Store:
        assert self._store is not None, "the file is open while its role runs"
        return self._store

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        return await self.store(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.store.read(work)
