"""What every sender of letters shares: rounds in which each that is due is tried once, and longer and longer
waits after failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy import Connection

from tradelane.market.units import MINUTE
from tradelane.settlement.ehub.server import outbound
from tradelane.settlement.ehub.server.transact import Transact

if TYPE_CHECKING:
    import httpx2

FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = MINUTE
L = TypeVar("L")
A = TypeVar("A")


def wait_ms(attempts: int, longest: int = LONGEST_WAIT_MS) -> int:
    """How long to wait after so many failures, at most ``longest``."""
    return min(longest, FIRST_WAIT_MS << min(attempts, 20))


async def attempt(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    private: bool,
    most: int = 0,
) -> outbound.Answer | None:
    """The answer with at most ``most`` bytes of its body; None when nobody could be asked, or answered."""
    import httpx2

    try:
        return await outbound.call(client, method, url, headers, body, private=private, most=most)
    except (outbound.Forbidden, OSError, httpx2.HTTPError):
        return None


class Rounds(Generic[L, A]):
    """``due`` reads the letters whose time has come, ``send`` tries one, ``record`` writes what became of
    it; each letter for itself."""

    def __init__(
        self,
        transact: Transact,
        read: Transact,
        now: Callable[[], int],
        due: Callable[[Connection, int], Sequence[L]],
        send: Callable[[L], Awaitable[A]],
        record: Callable[[Connection, L, A, int], None],
    ) -> None:
        self._transact, self._read, self._now = transact, read, now
        self._due, self._send, self._record = due, send, record

    async def round(self) -> int:
        """Try every letter that is due once; how many there were."""
        at = self._now()
        letters = await self._read(lambda conn: self._due(conn, at))
        await asyncio.gather(*map(self._deliver, letters))
        return len(letters)

    async def _deliver(self, letter: L) -> None:
        answer = await self._send(letter)
        at = self._now()
        await self._transact(lambda conn: self._record(conn, letter, answer, at))
