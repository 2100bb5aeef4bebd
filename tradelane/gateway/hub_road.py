"""The e-hub's part of the e-road in this process: its settings from the configuration, and its rounds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

import structlog

from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.keys import load_or_create_key
from tradelane.gateway.road_section import RoadPeer
from tradelane.gateway.store import StoreError
from tradelane.market.units import MILLI, MINUTE, NANO
from tradelane.settlement.ehub.server.road.rounds import RoadRounds
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_road import AddPeer
from tradelane.settlement.road import Prices

EVERY_WALL_MS = 250

log = structlog.get_logger()


def settings(config: Config) -> Road | None:
    """This hub on the e-road, its key made when there is none; None without ``[hub.road]``. Raises
    KeyFileError."""
    if config.hub is None or config.hub.road is None:
        return None
    section = config.hub.road
    rates = {currency: int(value * NANO) for currency, value in section.rates.items()}
    return Road(
        name=section.name,
        key=load_or_create_key(config.road_key_file),
        url=(config.public_url or f"http://{config.host}:{config.port}").rstrip("/"),
        currencies=config.hub.currencies,
        prices=Prices(rates, section.spread_ppm, section.fee_ppm),
        window_ms=section.window_minutes * MINUTE,
        margin_ms=section.margin_seconds * MILLI,
        quote_ms=section.quote_seconds * MILLI,
        private=section.allow_private,
        group=section.netting,
        peers=tuple(map(_peer, section.peers)),
    )


async def run(road: Road, file: RoleFile, clock: Clock) -> None:
    """The rounds, until cancelled; a database that is away is asked again the next time."""
    import httpx2

    log.info("on the e-road", name=road.name, url=road.url, fingerprint=road.fingerprint)
    async with httpx2.AsyncClient() as client:
        rounds = RoadRounds(road, file, file.read, clock.now, client)
        await rounds.prepare()
        while True:
            with suppress(StoreError):
                await rounds.round()
            await clock.sleep(EVERY_WALL_MS * clock.speed)


def _peer(peer: RoadPeer) -> AddPeer:
    return AddPeer(
        name=peer.name,
        url=peer.url,
        fingerprint=peer.fingerprint,
        limits=tuple(_amounts(peer.limits)),
        places=peer.places,
    )


def _amounts(limits: Mapping[str, Decimal]) -> list[PositiveAmount]:
    return [
        PositiveAmount(currency=currency, value=f"{value:f}")
        for currency, value in sorted(limits.items())
        if value
    ]
