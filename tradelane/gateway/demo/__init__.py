"""``tradelane demo``: three countries, eighteen roofs, a farmer, an e-hub, and what they sell each other.

Everything is the real thing in processes of its own: the simulator of meters (Modbus TCP and MQTT), the
e-hub, and the gateway with the roles edge and zone. This module only starts, watches and sums up.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from tradelane.gateway.clock import Clock, system_wall
from tradelane.gateway.commands.demo import DemoOptions
from tradelane.gateway.config import Config, load
from tradelane.gateway.demo import scene, toml
from tradelane.gateway.demo.carrier import carry, pay_in
from tradelane.gateway.demo.children import ChildFailed, Family, python
from tradelane.gateway.demo.summary import Summary, show, summarise
from tradelane.gateway.doctor import Finding, examine
from tradelane.market.units import MINUTE, Interval, instant, iso
from tradelane.settlement.ehub.client import Backoff, HubClient

HEAD_START_MS = 4_000
"""Wall ms given to the processes to start before the demo's clock reaches its origin."""
WARM_UP = 2
"""Market time units before the first delivery: one to meter, one to offer in."""
SETTLING_S = 45.0
"""Longest wait, at the end, for what is still on its way."""
STATUS_S = 0.5


def main(options: DemoOptions) -> int:
    """Run the demo; 0 when everything was settled and every check holds."""
    folder = options.data_dir or Path(tempfile.mkdtemp(prefix="tradelane-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        summary = asyncio.run(_Demo(options, folder.absolute()).run())
    except ChildFailed as failed:
        print(f"tradelane demo: {failed}", file=sys.stderr)  # noqa: T201  # the command line's own error
        return 1
    if options.as_json:
        print(json.dumps(summary.as_json()))  # noqa: T201  # the command's answer
    else:
        show(summary, folder if options.keep else None)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if summary.ok else 1


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


class _Demo:
    def __init__(self, options: DemoOptions, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._family = Family(folder)
        self._stop = asyncio.Event()
        self._end: int | None = None

    async def run(self) -> Summary:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self._stop.set)
        roofs = scene.roofs()
        modbus = sum(roof.transport == "modbus" for roof in roofs)
        hub_port, broker_port, page_port, *ports = free_ports(3 + modbus)
        page_port = self._options.port or page_port
        clock = self._clock()
        self._write("street", scene.street(roofs, ports, self._mqtt(broker_port), clock, self._options.seed))
        self._write("hub", scene.hub(str(self._folder), hub_port, clock))
        hub_url = f"http://127.0.0.1:{hub_port}"
        broker = self._options.mqtt or ("127.0.0.1", broker_port)
        self._write(
            "gateway", scene.gateway(str(self._folder), page_port, hub_url, roofs, ports, broker, clock)
        )
        try:
            config = await self._start(hub_url)
            await self._watch(config, hub_url, page_port)
            return await asyncio.to_thread(self._sum_up, config)
        finally:
            await self._family.stop()

    def _clock(self) -> dict[str, Any]:
        """A restarted demo in the same folder goes on with the clock it had."""
        kept = self._folder / "hub.toml"
        if kept.exists():
            section = load(kept).clock
            assert section.origin is not None
            return {"speed": section.speed, "origin": iso(section.origin), "wall_origin": section.wall_origin}
        return {
            "speed": self._options.speed,
            "origin": scene.ORIGIN,
            "wall_origin": system_wall() + HEAD_START_MS,
        }

    def _mqtt(self, port: int) -> dict[str, Any]:
        given = self._options.mqtt
        return {"embedded_port": port} if given is None else {"broker": f"{given[0]}:{given[1]}"}

    def _write(self, name: str, data: dict[str, Any]) -> None:
        (self._folder / f"{name}.toml").write_text(toml.dumps(data), encoding="utf-8")

    def _config(self, name: str) -> str:
        return str(self._folder / f"{name}.toml")

    async def _start(self, hub_url: str) -> Config:
        self._say("starting the meters, the e-hub and the gateway")
        run = ("tradelane", "run", "--config")
        await self._family.add(
            "meters", python("firmware_sim", "--config", self._config("street"), "--json"), wait_for_line=True
        )
        await self._family.add("hub", python(*run, self._config("hub")))
        config = load(Path(self._config("gateway")))
        hub = await self._hub(config, hub_url)
        await pay_in(hub)
        await hub.close()
        await self._family.add("gateway", python(*run, self._config("gateway")))
        return config

    async def _hub(self, config: Config, url: str) -> HubClient:
        """A client of the e-hub, once the e-hub answers."""
        assert config.zone is not None and config.zone.hub_token_file is not None
        for _ in range(200):
            if config.zone.hub_token_file.exists():
                client = HubClient(url, config.zone.hub_token_file.read_text().strip(), backoff=Backoff(20))
                if await client.healthy():
                    return client
                await client.close()
            await asyncio.sleep(0.1)
        raise ChildFailed(f"the e-hub does not answer; see {self._folder / 'hub.log'}")

    async def _watch(self, config: Config, hub_url: str, page_port: int) -> None:
        clock = config.make_clock()
        hub = await self._hub(config, hub_url)
        assert config.zone is not None and config.zone.hub_token_file is not None
        carrier = asyncio.create_task(carry(hub, clock, config.zone.hub_token_file))
        self._say(f"open http://127.0.0.1:{page_port}/ (Ctrl-C ends the demo)")
        if self._options.browser:
            await asyncio.to_thread(_open_page, f"http://127.0.0.1:{page_port}/")
        try:
            await self._until_done(config, clock)
        finally:
            carrier.cancel()
            await asyncio.gather(carrier, return_exceptions=True)
            await hub.close()

    async def _until_done(self, config: Config, clock: Clock) -> None:
        assert config.zone is not None
        mtu = config.zone.mtu_minutes * MINUTE
        first = Interval.at(instant(scene.ORIGIN) + mtu, mtu).shifted(WARM_UP - 1)
        if self._options.intervals is not None:
            self._end = first.shifted(self._options.intervals - 1).end
        end = self._end
        shown: set[str] = set()
        while not self._stop.is_set() and (end is None or clock.now() < end):
            await self._tell(config, shown)
            await self._pause(STATUS_S)
        waited = 0.0
        while end is not None and not self._stop.is_set() and waited < SETTLING_S:
            await self._tell(config, shown)
            if await asyncio.to_thread(_settled_up_to, config, end):
                return
            waited += STATUS_S
            await self._pause(STATUS_S)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _tell(self, config: Config, shown: set[str]) -> None:
        while self._family.said:
            self._say(self._family.said.pop(0))
        for product, line in await asyncio.to_thread(_clearings, config):
            if product not in shown:
                shown.add(product)
                self._say(line)

    def _sum_up(self, config: Config) -> Summary:
        return summarise(config, self._examine(config), None if self._stop.is_set() else self._end)

    def _examine(self, config: Config) -> list[Finding]:
        """Both processes' files; the hub's own findings that the gateway's do not have already."""
        findings = examine(config)
        names = {finding.check for finding in findings}
        hub = examine(load(Path(self._config("hub"))))
        return findings + [finding for finding in hub if finding.check not in names]

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # the demo talks to a person


def _open_page(url: str) -> None:
    import webbrowser

    webbrowser.open(url)


def _clearings(config: Config) -> list[tuple[str, str]]:
    """Each clearing so far as a line for the terminal."""
    from sqlalchemy import select

    from tradelane.gateway.store import open_engine
    from tradelane.gateway.tables import flows, prices

    if not config.zone_db.exists():
        return []
    engine = open_engine(config.zone_db, "BEGIN", readonly=True)
    try:
        with engine.begin() as conn:
            quoted: dict[str, list[str]] = {}
            for row in conn.execute(select(prices).order_by(prices.c.seq, prices.c.zone)):
                price = "no orders" if row.price is None else f"{row.price / 100_000:.2f}"
                quoted.setdefault(row.product, []).append(f"{row.zone} {price}")
            sent: dict[str, list[str]] = {}
            for row in conn.execute(select(flows).where(flows.c.sent > 0).order_by(flows.c.lane)):
                sent.setdefault(row.product, []).append(f"{row.lane} {row.sent} Wh")
    except Exception:  # the gateway may be making its file right now
        return []
    finally:
        engine.dispose()
    return [
        (product, f"{product}: {', '.join(zones)}; {', '.join(sent.get(product, ['nothing abroad']))}")
        for product, zones in quoted.items()
    ]


def _settled_up_to(config: Config, end: int) -> bool:
    """Whether every contract delivered by ``end`` is in its last state, and goods have arrived."""
    from sqlalchemy import func, select

    from tradelane.gateway.store import open_engine
    from tradelane.gateway.tables import contracts
    from tradelane.settlement.contract import FINAL

    engine = open_engine(config.zone_db, "BEGIN", readonly=True)
    try:
        with engine.begin() as conn:
            waiting = select(func.count()).where(
                contracts.c.state.not_in(FINAL),
                (contracts.c.interval_end <= end) | (contracts.c.commodity == "goods"),
            )
            return conn.execute(waiting).scalar_one() == 0
    finally:
        engine.dispose()
