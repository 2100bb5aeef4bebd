"""An edge's members in Home Assistant: what they sell and earn as sensors, what they want as controls.

Always true: nothing here holds up reading or trading. While the broker is away only the newest state is kept
for it. What is asked for is checked and journaled before it has effect, and what then holds is told as state:
that is the only answer. Commands that the broker had kept are from another day, and ignored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from zlib import crc32

import structlog
from pydantic import TypeAdapter, ValidationError

from tradelane.gateway import home_messages as messages
from tradelane.gateway.choices import Choices, Key, NotChosen
from tradelane.gateway.overview import OwnView
from tradelane.gateway.sections import EdgeSection, HomeAssistant, Member
from tradelane.gateway.sources import broker_of
from tradelane.gateway.zone_client import ZoneRefused, ZoneUnreachable
from tradelane.meter.mqtt_link import Broker, MqttLink, Will
from tradelane.meter.reading import Quality, Reading, Role

if TYPE_CHECKING:
    from tradelane.gateway.clock import Clock
    from tradelane.gateway.file import RoleFile

log = structlog.get_logger(__name__)
TELL_S = 1.0
"""How often the state is told, where it has changed."""
ASK_S = 10.0
"""How often the zone is asked what was earned."""
MOST_COMMANDS = 100
SHAPE = TypeAdapter(OwnView)
CONTROLS: tuple[Key, ...] = ("sells", "min_price")
"""What may be chosen over the broker."""

Ask = Callable[[str], Awaitable[Any]]
"""A member → its own view. Raises ZoneUnreachable or ZoneRefused."""
Choose = Callable[[str, Key, str], Awaitable[Member]]
"""Member, key, value → the member once the choice holds. Raises NotChosen."""


class HomeLink:
    """``seed``: of the jitter between attempts to connect. Raises MeterError when files cannot be used."""

    def __init__(
        self, section: HomeAssistant, broker: Broker, choices: Choices, ask: Ask, choose: Choose, seed: int
    ) -> None:
        self._topics = messages.Topics(section)
        self._broker, self._choices, self._ask, self._choose = broker, choices, ask, choose
        self._link = MqttLink(broker, self, seed=seed, will=Will(self._topics.availability, messages.OFFLINE))
        self._power: dict[str, float | None] = {}
        self._overviews: dict[str, OwnView] = {}
        self._commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MOST_COMMANDS)
        self._loop: asyncio.AbstractEventLoop | None = None

    def heard(self, reading: Reading) -> None:
        """Grid power of a meter; unknown once it is lost."""
        if reading.role is Role.GRID:
            power = reading.values.get("power_w")
            if reading.quality is not Quality.GOOD:
                self._power[reading.meter] = None
            elif power is not None:
                self._power[reading.meter] = power

    async def run(self) -> None:
        """Work until cancelled; then say good-bye."""
        self._loop = asyncio.get_running_loop()
        self._link.subscribe([self._topics.availability])
        if self._topics.section.controls:
            self._link.subscribe([self._topics.commands])
        self._link.tell(self._topics.availability, messages.ONLINE)
        self._link.start(self._loop)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell())
                group.create_task(self._look())
                group.create_task(self._obey())
        finally:
            await self._link.close()

    # The link's listener

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        """In paho's thread."""
        call = self._gainsay if topic == self._topics.availability else self._take
        if self._loop is not None and not (retained and call == self._take):
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(call, topic, payload)

    def up(self) -> None:
        log.info("Home Assistant's broker reached", broker=str(self._broker))

    def down(self, reason: str) -> None:
        log.warning("Home Assistant's broker lost", broker=str(self._broker), reason=reason)

    def refused(self, reason: str) -> None:
        log.warning("Home Assistant's broker refused", broker=str(self._broker), reason=reason)

    def _gainsay(self, topic: str, payload: bytes) -> None:
        """The last will of a connection that broke unnoticed comes when the next one is long there."""
        if payload.decode("utf-8", "replace") == messages.OFFLINE:
            self._link.repeat(topic)

    def _take(self, topic: str, payload: bytes) -> None:
        try:
            self._commands.put_nowait((topic, payload))
        except asyncio.QueueFull:
            log.warning("too many commands at once, one is dropped", topic=topic)

    # Tasks

    async def _tell(self) -> None:
        while True:
            for member in self._choices.members():
                self._tell_of(member)
            await asyncio.sleep(TELL_S)

    def _tell_of(self, member: Member) -> None:
        overview = self._overviews.get(member.id)
        power = self._power.get(member.meter or "")
        state = messages.state(member, power, overview)
        self._link.tell(self._topics.state(member.id), json.dumps(state))

    async def _look(self) -> None:
        while True:
            await asyncio.gather(*(self._look_at(member) for member in self._choices.members()))
            await asyncio.sleep(ASK_S)

    async def _look_at(self, member: Member) -> None:
        try:
            overview = SHAPE.validate_python(await self._ask(member.id))
        except (ZoneUnreachable, ZoneRefused, ValidationError):
            self._overviews.pop(member.id, None)
            return
        self._overviews[member.id] = overview
        currency = messages.currency_of(member, overview)
        if currency is not None:
            known = (self._topics, member, currency, self._choices.prices, version("tradelane"))
            self._link.tell(self._topics.config(member.id), json.dumps(messages.discovery(*known)))
        self._tell_of(self._choices.member(member.id))

    async def _obey(self) -> None:
        while True:
            topic, payload = await self._commands.get()
            id, key, text = messages.asked(topic, payload)
            try:
                if key not in CONTROLS:
                    raise NotChosen(f"{id}: {key}: nothing that can be chosen")
                member = await self._choose(id, key, text)
            except NotChosen as refusal:
                log.warning("Home Assistant's wish refused", reason=str(refusal))
                continue
            log.info("chosen in Home Assistant", member=id, key=key, value=text)
            self._tell_of(member)


def home_link(
    section: EdgeSection, choices: Choices, ask: Ask, file: RoleFile, clock: Clock
) -> HomeLink | None:
    """As the configuration asks for, or None. Raises MeterError when the broker's files cannot be used."""
    if section.homeassistant is None or section.mqtt is None:
        return None

    async def choose(id: str, key: Key, text: str) -> Member:
        return await choices.choose(file, clock.now(), id, key, text)

    seed = crc32(" ".join(member.id for member in section.members).encode())
    broker = broker_of(section.mqtt)
    return HomeLink(section.homeassistant, broker, choices, ask, choose, seed)
