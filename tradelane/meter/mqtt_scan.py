"""Which meters publish to a broker: what is heard there for a while, tried on every dialect.

Always true: nothing is published, not even a device's request to go on; a topic to read a device by is named
only where what was heard reads the same by it; at most ``MOST_TOPICS`` topics are kept, each one's newest
message.

Known limits: a device that falls silent unless it is asked is heard only where somebody else asks; json on
topics that are not its own is found by our names of values alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from tradelane.meter import dialect as dialects
from tradelane.meter import sparkplug
from tradelane.meter.dialect import Dialect
from tradelane.meter.discovery import TOPICS as DISCOVERY
from tradelane.meter.discovery import described
from tradelane.meter.inbox import Message
from tradelane.meter.mqtt import Broker, MqttSource, Now
from tradelane.meter.payload import LARGEST_PAYLOAD
from tradelane.meter.reading import BadAnswer, MeterError, Quality, Reading, Unreachable, Value
from tradelane.meter.router import MqttMeter, Router
from tradelane.meter.topic import CHANNEL, METER, Pattern, fits, meet

ALL = "#"
MOST_TOPICS = 20_000
OWN_NAMES = "json"
"""The dialect that is tried on topics no other knows."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A device that publishes. ``topic``: what to read it by, empty where no one topic will do; ``alike``:
    further dialects that read some of the same messages; ``trouble``: why it cannot simply be read."""

    meter: str
    dialect: str
    topic: str
    readings: tuple[Reading, ...]
    alike: tuple[str, ...] = ()
    trouble: str = ""


class Listener(Router):
    """Only keeps what it hears."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__([])
        self.newest: dict[str, Message] = {}
        self._topics = topics

    def topics(self) -> list[str]:
        return list(self._topics)

    def hear(self, message: Message) -> list[Reading]:
        room = message.topic in self.newest or len(self.newest) < MOST_TOPICS
        if room and message.payload and len(message.payload) <= LARGEST_PAYLOAD:
            self.newest[message.topic] = message
        return []


async def listen(broker: Broker, seconds: float, now: Now, topic: str = ALL) -> list[Heard]:
    """Every device that speaks on ``topic`` within ``seconds``. Unreachable when there is no connection."""
    refusals: list[MeterError] = []
    listener = Listener([topic])
    source = MqttSource(
        broker, [], now=now, router=listener, failed=lambda _subject, error: refusals.append(error)
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(source.batches()) as batches:
            async for _ in batches:
                pass
    if not listener.newest and refusals:
        raise refusals[-1]
    if not source.seen:
        raise Unreachable(f"{broker}: no connection within {seconds:g} s")
    return recognised(listener.newest.values())


def recognised(messages: Iterable[Message]) -> list[Heard]:
    """The devices behind these messages, one a topic; pure."""
    heard = sorted(messages, key=_births_first)
    known = [replace(dialects.load(name), keepalive=None) for name in dialects.names()]
    found = [one for dialect in known for one in _Hearing(dialect, heard).devices()]
    told = {topic for one in found for topic in one.topics}
    own = next(one for one in known if one.name == OWN_NAMES)
    for message in heard:
        if message.topic not in told:
            found += _Hearing(own, [message], message.topic).devices()
    return [one.shown for one in _told_apart(found)]


def _births_first(message: Message) -> tuple[bool, str]:
    """Descriptions before what they describe."""
    describes = "BIRTH/" in message.topic or message.topic.endswith("/config")
    return not describes, message.topic


@dataclass(frozen=True, slots=True)
class _Device:
    shown: Heard
    topics: frozenset[str]

    @property
    def rank(self) -> tuple[bool, int, bool, str]:
        """Who knows the power comes first, then who makes one device of the most topics, then who does not go
        by what was said to Home Assistant."""
        power = any(one.values.get("power_w") is not None for one in self.shown.readings)
        described_only = dialects.load(self.shown.dialect).discovery
        return not power, -len(self.topics), described_only, self.shown.meter


def _told_apart(found: list[_Device]) -> list[_Device]:
    """Each topic counts for one device; other dialects that read it are only named."""
    kept: list[_Device] = []
    for one in sorted(found, key=lambda device: device.rank):
        same = next((at for at, other in enumerate(kept) if other.topics & one.topics), None)
        if same is None:
            kept.append(one)
            continue
        first = kept[same].shown
        if one.shown.dialect not in (first.dialect, *first.alike):
            alike = (*first.alike, one.shown.dialect)
            kept[same] = replace(kept[same], shown=replace(first, alike=alike))
    return sorted(kept, key=lambda device: (device.shown.dialect, device.shown.meter))


@dataclass(slots=True)
class _Hearing:
    """All messages, heard in one dialect."""

    dialect: Dialect
    messages: Sequence[Message]
    topic: str = ALL
    origins: dict[str, set[str]] = field(default_factory=dict)

    def devices(self) -> list[_Device]:
        router = Router([MqttMeter(self.topic, self.dialect)])
        for message in self.messages:
            for reading in router.hear(message):
                self.origins.setdefault(reading.meter, set()).add(message.topic)
        worth = (name for name, panel in router.panels.items() if panel.disputed or _known(router, name))
        return [self._device(name, router) for name in sorted(worth) if name in self.origins]

    def _device(self, name: str, router: Router) -> _Device:
        heard = frozenset(self.origins[name])
        readings = tuple(router.panels[name].readings())
        ways = (way for way in self._ways(name, heard) if self._reads_the_same(way, name, router))
        disputed = router.panels[name].disputed
        topic = "" if disputed else next(ways, "")
        trouble = "" if topic else "one topic does not tell it from its neighbours: map its values in fields"
        if disputed:
            trouble = "several channels tell the same value: name one of them in the topic"
        return _Device(Heard(name, self.dialect.name, topic, readings, (), trouble), heard)

    def _reads_the_same(self, way: str, name: str, router: Router) -> bool:
        again = Router([MqttMeter(way, self.dialect, name)])
        for message in self.messages:
            if fits(way, message.topic) or any(fits(one, message.topic) for one in again.wanted):
                again.hear(message)
        return _known(again, name) == _known(router, name)

    def _ways(self, name: str, heard: frozenset[str]) -> list[str]:
        """Topics to try, those first that hold what the device may yet say."""
        if self.dialect.discovery:
            return [_common(self._descriptions(name))]
        if any(topic.startswith(sparkplug.PREFIX) for topic in heard):
            return [_common({_any_kind(topic) for topic in heard})]
        ways = dict.fromkeys(way for topic in sorted(heard) for way in self._below(topic))
        return [*ways, _common(heard)]

    def _below(self, topic: str) -> list[str]:
        """All topics of the device that speaks on this one, and those of its channel, which come first where
        a channel may be a meter; the topic itself where the device has no other."""
        rules, unfolds = self.dialect.rules, self.dialect.unfolds
        patterns = [one.pattern for one in rules] + [one.pattern for one in unfolds]
        for pattern in patterns:
            place = pattern.find(topic)
            if place is None or not place.device:
                continue
            before = pattern.text.partition(METER)[0] + place.device
            siblings = {Pattern(one.of(place.device)).filter() for one in patterns}
            if sum(meet(f"{before}/#", one) for one in siblings) == 1:
                return [topic]
            up_to_channel, channel, _ = pattern.of(place.device).partition(f"/{CHANNEL}/")
            ways = [f"{before}/#", *([f"{up_to_channel}/{place.channel}/#"] if channel else [])]
            return ways[::-1] if self.dialect.split else ways
        return []

    def _descriptions(self, name: str) -> set[str]:
        found = set()
        for message in self.messages:
            with suppress(BadAnswer):
                if any(fits(one, message.topic) for one in DISCOVERY):
                    sensors = described(message.topic, message.payload)
                    found |= {message.topic for one in sensors if one.meter == name}
        return found


def _known(router: Router, name: str) -> dict[tuple[str, Quality, str], Value]:
    readings = router.panels[name].readings() if name in router.panels else []
    return {
        (one.role, one.quality, value): number
        for one in readings
        for value, number in one.values.items()
        if number is not None
    }


def _any_kind(topic: str) -> str:
    """A Sparkplug topic with births, data and deaths alike."""
    levels = topic.split("/")
    return "/".join([*levels[:2], "+", *levels[3:]])


def _common(topics: Iterable[str]) -> str:
    """One filter that all of them fit: + where they differ, # where some go on. Empty for none."""
    each = [topic.split("/") for topic in topics]
    if not each:
        return ""
    shared = ["/".join(set(level)) if len(set(level)) == 1 else "+" for level in zip(*each, strict=False)]
    if len({len(levels) for levels in each}) > 1:
        while shared and shared[-1] == "+":
            shared.pop()
        shared.append("#")
    return "/".join(shared)
