"""The e-hub's part as a switch of payment systems in this process: callbacks delivered, transfers ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.keys import load_or_create_rsa_key
from tradelane.gateway.store import StoreError
from tradelane.settlement.ehub.server.fspiop import expiry, outbox

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

EVERY_WALL_S = 0.1


def switch(config: Config, file: RoleFile, clock: Clock) -> Switch | None:
    """Its key made when there is none; None without ``[hub.fspiop]``. Raises KeyFileError."""
    if config.hub is None or config.hub.fspiop is None:
        return None
    key = load_or_create_rsa_key(config.switch_key_file)
    return Switch(file, clock, key, private=config.hub.fspiop.allow_private)


class Switch:
    """``private``: participants may be called in private networks."""

    def __init__(self, file: RoleFile, clock: Clock, key: RSAPrivateKey, *, private: bool) -> None:
        self._file, self._clock, self._private, self._key = file, clock, private, key

    async def run(self) -> None:
        """Until cancelled; a database that is away is asked again the next time."""
        import httpx2

        async with httpx2.AsyncClient() as client, asyncio.TaskGroup() as tasks:
            postman = outbox.Postman(
                self._file, self._file.read, self._clock.now, client, private=self._private, key=self._key
            )
            tasks.create_task(_again_and_again(self._expire))
            tasks.create_task(_again_and_again(postman.round))

    async def _expire(self) -> int:
        at = self._clock.now()
        if not await self._file.read(lambda conn: expiry.overdue(conn, at)):
            return 0
        return await self._file(lambda conn: expiry.expire(conn, at))


async def _again_and_again(work: Callable[[], Awaitable[int]]) -> None:
    """At once while it finds something to do."""
    while True:
        with suppress(StoreError):
            while await work():
                pass
        await asyncio.sleep(EVERY_WALL_S)
