"""The e-hub role: the reference e-hub on a database of its own, with its standing accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection

from tradelane.gateway import hub_fspiop, hub_road, hub_telling
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.keys import load_or_create_key, load_or_create_token, public_bytes
from tradelane.gateway.store import StoreError
from tradelane.settlement import screening as screening_list
from tradelane.settlement.ehub.server import ledger, members, migrations, standing
from tradelane.settlement.ehub.server.app import create_router
from tradelane.settlement.ehub.server.openpayments.bell import Bell
from tradelane.settlement.ehub.server.openpayments.routes import Settings
from tradelane.settlement.ehub.server.openpayments.telling import Teller
from tradelane.settlement.ehub.server.supervision import approvals, screening
from tradelane.settlement.ehub.server.supervision.settings import Supervision

UNLIMITED = ("issuer", "fx", "rounding", "balancing")
"""Standing accounts that may owe: what they owe is what others were given."""
NEVER_BELOW_ZERO = ("customs", "import-tax", "platform")
PROOF_SECRET = "hub.proof"
"""File in the data directory that the buyers' codes are made from: no caller has it."""
EXPIRE_EVERY_MS = 5_000
"""Of market time, but never more often than once a second."""


class HubRole:
    """``[hub]`` of the configuration. Makes the callers' token and its own secret when there are none:
    KeyFileError. BadList for a screening list that cannot be read."""

    def __init__(self, config: Config, clock: Clock) -> None:
        assert config.hub is not None
        self._currencies = config.hub.currencies
        self._clock = clock
        self._road = hub_road.settings(config)
        self._file = RoleFile(config.hub_place, migrations.PLACE, migrations.HEAD)
        token = load_or_create_token(config.hub_token_file)
        secret = load_or_create_token(config.data_dir / PROOF_SECRET)
        self._watch = _supervision(config)
        self._bell, private = Bell(self._file.read), config.hub.allow_private_webhooks
        self._teller = Teller(self._file, self._file.read, clock.now, private=private)
        self.router = create_router(
            self._file,
            clock.now,
            token,
            self._file.read,
            proof_secret=secret,
            road=self._road,
            bell=self._bell,
            facade=Settings(members.key, private_webhooks=private),
            switch=config.hub.fspiop is not None,
            supervised=self._watch,
        )
        self._switch = hub_fspiop.switch(config, self._file, clock)

    async def start(self) -> None:
        self._file.open()
        at = self._clock.now()
        await self._file(lambda conn: open_standing_accounts(conn, self._currencies, at))
        listed = self._watch.screening
        if listed is not None:
            await self._file(lambda conn: screening.screen(conn, listed, at))

    async def run(self) -> None:
        """Give back what is held beyond its time, tell members what happened, and go the rounds of the
        e-road and of the switch; all else an e-hub does only when asked."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._expire())
            tasks.create_task(hub_telling.run(self._bell, self._teller))
            if self._road is not None:
                tasks.create_task(hub_road.run(self._road, self._file, self._clock))
            if self._switch is not None:
                tasks.create_task(self._switch.run())

    async def _expire(self) -> None:
        while True:
            with suppress(StoreError):  # a database that is away is asked again the next time
                await self._file(lambda conn: _end_what_is_over(conn, self._clock.now()))
            await self._clock.sleep(max(EXPIRE_EVERY_MS, self._clock.speed * 1000))

    def drain(self) -> None:
        """End every stream and long-poll."""
        self._bell.close()

    async def stop(self) -> None:
        self._file.close()


def _supervision(config: Config) -> Supervision:
    assert config.hub is not None
    named = {one.name: public_bytes(one.public_key) for one in config.hub.operators}
    file = config.hub.screening_list
    listed = None if file is None else screening_list.read(file)
    return Supervision(load_or_create_key(config.road_key_file), named, listed)


def _end_what_is_over(conn: Connection, at: int) -> None:
    ledger.expire(conn, at)
    approvals.expire(conn, at)


def open_standing_accounts(conn: Connection, currencies: Sequence[str], at: int) -> None:
    """Those of each currency that are not there yet; ``at`` is market time, ms."""
    for currency in currencies:
        limits = dict.fromkeys(UNLIMITED) | dict.fromkeys(NEVER_BELOW_ZERO, "0")
        for name, limit in limits.items():
            standing.ensure(conn, f"{name}:{currency}", currency, limit, at)
