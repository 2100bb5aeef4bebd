"""What the server asks of its store, whoever gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Transact(Protocol):
    """Runs work on the single writer and returns after the durable commit.

    Work that raises is taken back whole, alone, and its exception raised here. The same protocol serves for
    reading, where there is nothing to commit.
    """

    async def __call__(self, work: Callable[[Connection], T]) -> T: ...
