"""One showing of the demo: the files, the processes, the wait until the end, and the sum of it all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tradelane.gateway.clock import Clock, system_wall
from tradelane.gateway.commands.demo import DemoOptions
from tradelane.gateway.config import Config, load
from tradelane.gateway.demo import far_bank, scene, toml
from tradelane.gateway.demo.carrier import carry, certify, pay_in
from tradelane.gateway.demo.children import ChildFailed, Family, answering, python, spoke
from tradelane.gateway.demo.examining import Examining
from tradelane.gateway.demo.ports import HOST, free_ports
from tradelane.gateway.demo.story import Story
from tradelane.gateway.demo.summary import Summary, summarise
from tradelane.gateway.keys import load_or_create_key, load_token, public_key_text
from tradelane.market.units import MINUTE, iso
from tradelane.settlement.ehub.client import Backoff, HubClient
from tradelane.settlement.ehub.server.road.signing import fingerprint

HEAD_START_MS = 6_000
"""Wall ms given to the processes to start before the demo's clock reaches its origin."""
FIRST_SALE_S = 120.0
"""Longest wait for the first power to be sold."""
SETTLING_S = 45.0
"""Longest wait, at the end, for what is still on its way."""
LOOK_S = 0.5
HURRY_MS = 1_500
"""Wall ms after an interruption until which the demo goes on looking at its books: it ends within 3 s."""
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Play:
    """``run`` once, then ``sum_up``. ChildFailed when a process stays down, or nothing is ever sold."""

    def __init__(self, options: DemoOptions, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._end: int | None = None
        self._finished = False
        self._interrupted_ms: float | None = None

    async def run(self) -> None:
        self._family = family = Family(self._folder)
        stop = asyncio.Event()
        for one in STOPPING:
            asyncio.get_running_loop().add_signal_handler(one, self._interrupt, stop)
        work = asyncio.create_task(self._perform())
        asked = asyncio.create_task(stop.wait())
        try:
            waited: set[asyncio.Future[Any]] = {work, asked, family.failure}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if family.failure.done():
                family.failure.result()
            if work.done():
                work.result()
        finally:
            for task in (work, asked):
                task.cancel()
            await asyncio.gather(work, asked, return_exceptions=True)
            await family.stop()

    def _interrupt(self, stop: asyncio.Event) -> None:
        """Asked twice, it ends at once: the children end with it."""
        self._interrupted_ms = Clock.monotonic_ms()
        say("\nStopping …")
        stop.set()
        for one in STOPPING:
            asyncio.get_running_loop().remove_signal_handler(one)

    async def _perform(self) -> None:
        roofs = scene.roofs()
        modbus = sum(roof.transport == "modbus" for roof in roofs)
        hub_port, far_port, broker_port, page_port, *ports = free_ports(4 + modbus)
        page_port = self._options.port or page_port
        clock = self._clock()
        self._write("street", scene.street(roofs, ports, self._mqtt(broker_port), clock, self._options.seed))
        self._write_hubs(hub_port, far_port, clock)
        hub_url = f"http://{HOST}:{hub_port}"
        broker = self._options.mqtt or (HOST, broker_port)
        gateway = scene.gateway(str(self._folder), page_port, hub_url, roofs, ports, broker, clock)
        self._write("gateway", gateway)
        config = load(self._config("gateway"))
        await self._start_meters_and_hubs(hub_port, far_port)
        hub, far = self._client("hub", hub_port), self._client("far-hub", far_port)
        try:
            clock_ = config.make_clock()
            await asyncio.gather(pay_in(hub), certify(hub), far_bank.furnish(far, hub, self._kitchen(config)))
            await far_bank.first_cover(far, hub, clock_)
            await self._start_gateway(page_port)
            helpers = [
                asyncio.create_task(carry(hub, clock_)),
                asyncio.create_task(far_bank.keep_covered(far, hub, clock_)),
            ]
            try:
                await self._show(config, page_port)
            finally:
                for helper in helpers:
                    helper.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)
        finally:
            await asyncio.gather(hub.close(), far.close())

    def _kitchen(self, config: Config) -> bytes:
        """The kitchen's public key, as its gateway will have it."""
        return load_or_create_key(config.key_file(scene.KITCHEN)).public_key().public_bytes_raw()

    def _client(self, role: str, port: int) -> HubClient:
        config = load(self._config(role))
        return HubClient(f"http://{HOST}:{port}", load_token(config.hub_token_file), backoff=Backoff(20))

    def _clock(self) -> dict[str, Any]:
        """A restarted demo in the same folder goes on with the clock it had."""
        kept = self._config("hub")
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

    def _write_hubs(self, port: int, far_port: int, clock: dict[str, Any]) -> None:
        """Each names the other by its key."""
        folders = (self._folder, self._folder / scene.FAR_HUB)
        keys = [load_or_create_key(folder / "hub-road.pem") for folder in folders]
        prints = [fingerprint(public_key_text(key)) for key in keys]
        market = scene.peer(scene.MARKET_HUB, port, prints[0])
        far = scene.peer(scene.FAR_HUB, far_port, prints[1], places=("NO",))
        self._write("hub", scene.hub(str(folders[0]), port, clock, far))
        self._write("far-hub", scene.far_hub(str(folders[1]), far_port, clock, market))

    def _write(self, name: str, data: dict[str, Any]) -> None:
        """A process that is started again never finds half a file."""
        draft = self._folder / f"{name}.toml.new"
        draft.write_text(toml.dumps(data), encoding="utf-8")
        draft.replace(self._config(name))

    def _config(self, name: str) -> Path:
        return self._folder / f"{name}.toml"

    async def _start_meters_and_hubs(self, hub_port: int, far_port: int) -> None:
        say(f"Starting {scene.MODBUS_ROOFS + scene.MQTT_ROOFS} rooftop meters and two e-hubs …")
        street, hub, far = (str(self._config(name)) for name in ("street", "hub", "far-hub"))
        await asyncio.gather(
            self._family.add("meters", python("firmware_sim", "--config", street, "--json"), spoke),
            self._family.add("hub", python("tradelane", "run", "--config", hub), answering(hub_port)),
            self._family.add("far-hub", python("tradelane", "run", "--config", far), answering(far_port)),
        )
        say(f"  {scene.MODBUS_ROOFS} meters answer over Modbus, {scene.MQTT_ROOFS} publish over MQTT")

    async def _start_gateway(self, page_port: int) -> None:
        say("Starting the gateway: a market of three countries, and everybody in it …")
        gateway = str(self._config("gateway"))
        await self._family.add(
            "gateway", python("tradelane", "run", "--config", gateway), answering(page_port)
        )

    async def _show(self, config: Config, page_port: int) -> None:
        clock = config.make_clock()
        url = f"http://{HOST}:{page_port}/"
        assert config.zone is not None
        seconds = config.zone.mtu_minutes * 60 / clock.speed
        say(f"\nOpen {url}   (Ctrl-C ends the demo)")
        say(f"A quarter of an hour passes in {seconds:g} s. The first is spent on metering the roofs.\n")
        if self._options.browser and _has_display():
            await asyncio.to_thread(_open_page, url)
        story = Story(config)
        try:
            await self._until_done(config, story, clock)
        finally:
            story.close()

    async def _until_done(self, config: Config, story: Story, clock: Clock) -> None:
        await self._first_sale(config, story, clock)
        while self._end is None or clock.now() < self._end:
            await self._look(story)
        for _ in range(int(SETTLING_S / LOOK_S)):
            if await asyncio.to_thread(story.settled_up_to, self._end):
                break
            await self._look(story)
        await self._tell(story)
        self._finished = True

    async def _first_sale(self, config: Config, story: Story, clock: Clock) -> None:
        """Intervals are counted from the first in which power is delivered."""
        if self._options.intervals is None:
            return
        since = clock.now()
        for _ in range(int(FIRST_SALE_S / LOOK_S)):
            first = await asyncio.to_thread(story.first_delivery, since)
            if first is not None:
                assert config.zone is not None
                self._end = first + self._options.intervals * config.zone.mtu_minutes * MINUTE
                return
            await self._look(story)
        raise ChildFailed(f"no power was sold in {FIRST_SALE_S:.0f} s; see {self._folder}/gateway.log")

    async def _look(self, story: Story) -> None:
        await self._tell(story)
        await asyncio.sleep(LOOK_S)

    async def _tell(self, story: Story) -> None:
        while self._family.said:
            say(f"  ! {self._family.said.pop(0)}")
        for line in await asyncio.to_thread(story.news):
            say(line)

    def sum_up(self) -> Summary | None:
        """From the files, now that nobody writes them; None when there was no market yet."""
        gateway, hub = self._config("gateway"), self._config("hub")
        if not (gateway.exists() and hub.exists()):
            return None
        config = load(gateway)
        if not config.zone_db.exists():
            return None
        both = config.model_copy(update={"hub": load(hub).hub})
        far = load(self._config("far-hub"))
        examining = Examining({"": both, f"{scene.FAR_HUB} ": far})
        summary = summarise(both, far.hub_db, self._end if self._finished else None)
        asked = self._interrupted_ms
        return summary.checked(examining.findings(None if asked is None else asked + HURRY_MS))


def say(line: str) -> None:
    """To the person watching; the summary alone goes to stdout."""
    with suppress(OSError):  # the terminal may be gone
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # the demo talks to a person


def _has_display() -> bool:
    """Without one, a browser would take over the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_page(url: str) -> None:
    import webbrowser

    webbrowser.open(url)
