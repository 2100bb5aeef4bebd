"""MQTT messages → readings: which meter a topic belongs to, and by which rule it is read. Pure: no network.

Always true: a meter's values come only from the topics of its own dialect; what no rule knows is ignored;
what a rule cannot read is counted and told once a topic. ``wanted`` holds what else to subscribe to: the last
wills of devices that were heard, and the topics that devices described themselves.

Known limits: a meter whose values come from several channels at once shows none of them (``disputed``), as
no rule says which is meant: its topic has to name the channel.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tradelane.meter import payload as payloads
from tradelane.meter import sparkplug
from tradelane.meter.dialect import Dialect, Rule, Unfold
from tradelane.meter.discovery import TOPICS, Described, described
from tradelane.meter.inbox import Message
from tradelane.meter.panel import Key, Panel
from tradelane.meter.payload import Body, Target
from tradelane.meter.reading import BadAnswer, Quality, Reading, Role, Value
from tradelane.meter.topic import Place, fits, is_exact, meet

MOST_TOPICS = 100_000
"""Topics whose way is remembered; beyond, all are looked up anew."""
MOST_TOLD = 1_000
"""Topics whose first fault is told; those of later ones are only counted."""


@dataclass(frozen=True, slots=True)
class MqttMeter:
    """A topic (wildcards allowed) and its dialect. ``meter`` None: the name is taken from the topic."""

    topic: str
    dialect: Dialect
    meter: str | None = None


class Route:
    """A topic's way to a meter. ``channel``: what its values come from; two of them tell two things."""

    def __init__(self, panel: Panel, rule: Rule, channel: str) -> None:
        self.panel, self.rule = panel, rule
        self._channel = channel
        self._roles = [_Role(role, targets) for role, targets in rule.targets.items()]
        for role, targets in rule.targets.items():
            panel.expect(role, [target.name for target in targets])

    def read(self, body: Body, at: int, retained: bool, time: int | None) -> list[Reading]:
        """One reading per role of which the body says anything."""
        readings, panel = [], self.panel
        for one in self._roles:
            values, live = payloads.values(one.prepared, body), not retained
            if one.sums:
                live = self._summed(one, values, live)
            known = {name for name, value in values.items() if value is not None}
            if panel.disputed or not known <= one.claimed:
                self._claim(one, known, values)
            if not known and not self._said(one, body):
                continue
            quality = Quality.STALE if not live else Quality.GOOD if known else Quality.BAD
            reading = Reading(panel.meter, panel.profile, one.role, at, time, quality, values)
            panel.hear(reading, known)
            readings.append(reading)
        return readings

    def _claim(self, one: _Role, known: set[str], values: dict[str, Value]) -> None:
        """Keeps what is this channel's to tell."""
        for name in sorted(known):
            if name in one.sums or self.panel.claim(one.role, name, self._channel):
                one.claimed.add(name)
            else:
                values[name] = None
                known.discard(name)

    def _summed(self, one: _Role, values: dict[str, Value], live: bool) -> bool:
        """Puts sums in the place of their parts once they are whole; whether all of it is live."""
        for name, parts in one.sums.items():
            part = values[name]
            if part is not None:
                key = (one.role, name)
                values[name], live = self.panel.part(key, self._channel, part, live, parts)
        return live

    def _said(self, one: _Role, body: Body) -> bool:
        """Whether the body has something to say that is no number: not the part of a sum, nor another's."""
        mine = [t for t in one.targets if t.parts == 1 and (one.role, t.name) not in self.panel.disputed]
        return any(target.said(body) for target in mine)


class _Role:
    """What a route knows of one role: its targets, ready to be read, and what it may tell."""

    def __init__(self, role: Role, targets: tuple[Target, ...]) -> None:
        self.role, self.targets = role, targets
        self.prepared = payloads.quick(targets)
        self.sums = {target.name: target.parts for target in targets if target.parts > 1}
        self.claimed: set[str] = set()


@dataclass(frozen=True, slots=True)
class _Way:
    """All that happens with the messages of one topic."""

    routes: tuple[Route, ...] = ()
    unfolds: tuple[tuple[MqttMeter, Unfold, Place], ...] = ()
    wills: tuple[tuple[frozenset[str], str], ...] = ()
    described_for: tuple[MqttMeter, ...] = ()


class Router:
    """``malformed`` counts messages nobody could read; ``faults`` are the first ones of their topics, for the
    caller to tell and to clear."""

    def __init__(self, meters: Sequence[MqttMeter]) -> None:
        self.malformed = 0
        self.faults: list[tuple[str, BadAnswer]] = []
        self.panels: dict[str, Panel] = {}
        self.wanted: set[str] = set()
        self.keepalives: set[str] = set()
        self._meters = meters
        self._ways: dict[str, _Way] = {}
        self._wills: dict[str, dict[str, frozenset[str]]] = {}
        self._described: dict[str, dict[str, Route]] = {}
        self._sensors: dict[tuple[str, str], dict[Key, Target]] = {}
        self._nodes: dict[str, set[str]] = {}
        self._told: set[str] = set()
        self._births = sparkplug.Births()
        for one in meters:
            self._expect(one)

    def _expect(self, one: MqttMeter) -> None:
        device = None
        if one.dialect.keepalive is not None:
            for rule in one.dialect.rules:
                device = device or rule.pattern.device_in(one.topic)
            if device:
                self.keepalives.add(one.dialect.keepalive.of(device))

    def topics(self) -> list[str]:
        """What to subscribe to, in the order of the meters."""
        own = [one.topic for one in self._meters]
        return list(dict.fromkeys([*own, *sorted(self.wanted)]))

    def hear(self, message: Message) -> list[Reading]:
        """The readings in a message; none when it says nothing, or nothing that can be read."""
        way = self._ways.get(message.topic)
        try:
            if way is None:
                way = self._ways[message.topic] = self._way(message.topic)
            return self._heard(way, message)
        except BadAnswer as error:
            self._fault(message.topic, error)
            return []

    def lose_all(self, at: int) -> list[Reading]:
        """The broker is gone, and with it every meter."""
        return [reading for name in sorted(self.panels) for reading in self.panels[name].lose(at)]

    def _heard(self, way: _Way, message: Message) -> list[Reading]:
        readings: list[Reading] = []
        for offline, meter in way.wills:
            if _says(message.payload, offline):
                readings += self.panels[meter].lose(message.at)
        for one in way.described_for:
            self._describe(one, message)
        for _one, unfold, place in way.unfolds:
            readings += self._unfolded(unfold, place, message)
        if way.routes:
            readings += self._read(way.routes, message)
        elif (gone := sparkplug.dead(message.topic)) is not None:
            readings += self._dead(gone, message.at)
        return readings

    def _read(self, routes: Sequence[Route], message: Message) -> list[Reading]:
        disputed = sum(len(route.panel.disputed) for route in routes)
        readings: list[Reading] = []
        for route in routes:
            rule = route.rule
            if rule.form == "sparkplug":
                said = self._births.hear(message.topic, message.payload)
                body, time = said.values, said.time
            else:
                body = payloads.decoded(message.topic, message.payload, rule.form)
                time = payloads.time_of(payloads.found(body, rule.time)) if rule.time else None
            readings += route.read(body, message.at, message.retained, time)
        if disputed != sum(len(route.panel.disputed) for route in routes):
            raise BadAnswer(f"{message.topic}: another channel tells the same value; name one in the topic")
        return readings

    def _unfolded(self, unfold: Unfold, place: Place, message: Message) -> list[Reading]:
        body = payloads.decoded(message.topic, message.payload, "json")
        inner = payloads.found(body, unfold.path)
        if not isinstance(inner, dict):
            return []
        time = payloads.time_of(payloads.found(body, unfold.time)) if unfold.time else None
        readings = []
        for key, part in inner.items():
            topic = unfold.into.replace("{key}", key).replace("{meter}", place.device)
            way = self._ways.get(topic)
            if way is None:
                way = self._ways[topic] = self._way(topic, message.topic)
            for route in way.routes:
                readings += route.read(part, message.at, message.retained, time)
        return readings

    # Ways

    def _way(self, topic: str, heard_on: str | None = None) -> _Way:
        """``heard_on``: the topic of the message that held this one."""
        if len(self._ways) >= MOST_TOPICS:
            self._ways.clear()
        routes, unfolds, finders = [], [], []
        for one in self._meters:
            if not fits(one.topic, heard_on or topic):
                continue
            routes += self._routes(one, topic)
            unfolds += [(one, u, place) for u in one.dialect.unfolds if (place := u.pattern.find(topic))]
            finders += [one] if one.dialect.discovery and any(fits(t, topic) for t in TOPICS) else []
        routes += self._described.get(topic, {}).values()
        wills = tuple((offline, meter) for meter, offline in self._wills.get(topic, {}).items())
        return _Way(tuple(routes), tuple(unfolds), wills, tuple(finders))

    def _routes(self, one: MqttMeter, topic: str) -> list[Route]:
        dialect = one.dialect
        fitting = [(rule, place) for rule in dialect.rules if (place := rule.pattern.find(topic))]
        if not fitting and dialect.anywhere and not self._of_its_own(one):
            fitting = [(dialect.rules[0], Place("", ""))]
        if any(will.find(topic) for will in dialect.availability):
            fitting = []
        channel = sparkplug.device(topic) or topic
        return [Route(self._panel(one, topic, place), rule, channel) for rule, place in fitting]

    @staticmethod
    def _of_its_own(one: MqttMeter) -> bool:
        """Whether the meter's topic is a wildcard over topics as its dialect has them."""
        ways = (rule.pattern.filter() for rule in one.dialect.rules)
        return not is_exact(one.topic) and any(meet(one.topic, way) for way in ways)

    def _panel(self, one: MqttMeter, topic: str, place: Place) -> Panel:
        split = one.dialect.split and place.channel not in ("", "0")
        meter = one.meter or (f"{place.meter}:{place.channel}" if split else place.meter) or topic
        panel = self._shown(meter, one, topic)
        for will in one.dialect.availability if place.device else ():
            self._expect_will(will.of(place.device), meter, one.dialect.offline)
        if one.dialect.keepalive is not None and place.device:
            self.keepalives.add(one.dialect.keepalive.of(place.device))
        if (device := sparkplug.device(topic)) is not None:
            self._nodes.setdefault(device, set()).add(meter)
        return panel

    def _expect_will(self, topic: str, meter: str, offline: frozenset[str]) -> None:
        wills = self._wills.setdefault(topic, {})
        if meter not in wills:
            wills[meter] = offline
            self._ways.pop(topic, None)
            self.wanted.add(topic)

    def _describe(self, one: MqttMeter, message: Message) -> None:
        for sensor in described(message.topic, message.payload):
            self._take(one, sensor)

    def _take(self, one: MqttMeter, sensor: Described) -> None:
        """Reads a described topic; sensors of one device on one topic are read together."""
        meter = one.meter or sensor.meter
        panel = self._shown(meter, one, sensor.topic)
        ((role, (target,)),) = sensor.rule.targets.items()
        known = self._sensors.setdefault((sensor.topic, meter), {})
        if known.setdefault((role, target.name), target) != target:
            panel.disputed.add((role, target.name))
            raise BadAnswer(
                f"{sensor.topic}: two sensors of {meter} tell {target.name}; map it in [[fields]]"
            )
        roles: dict[Role, tuple[Target, ...]] = {}
        for (role, _), target in known.items():
            roles[role] = (*roles.get(role, ()), target)
        rule = Rule(sensor.rule.pattern, sensor.rule.form, None, roles)
        self._described.setdefault(sensor.topic, {})[meter] = Route(panel, rule, sensor.topic)
        self._ways.pop(sensor.topic, None)
        self.wanted.add(sensor.topic)
        if sensor.will:
            self._expect_will(sensor.will, meter, frozenset({sensor.offline}))

    def _shown(self, meter: str, one: MqttMeter, topic: str) -> Panel:
        if meter not in self.panels and len(self.panels) >= MOST_TOPICS:
            raise BadAnswer(f"{topic}: more than {MOST_TOPICS} meters")
        return self.panels.setdefault(meter, Panel(meter, one.dialect.name))

    def _dead(self, gone: str, at: int) -> list[Reading]:
        names = {m for node, ms in self._nodes.items() if f"{node}/".startswith(f"{gone}/") for m in ms}
        return [reading for name in sorted(names) for reading in self.panels[name].lose(at)]

    def _fault(self, topic: str, error: BadAnswer) -> None:
        self.malformed += 1
        if topic not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(topic)
            self.faults.append((topic, error))


def _says(payload: bytes, offline: frozenset[str]) -> bool:
    """A last will's text, plain or as ``{"state": …}``."""
    text = payload.decode("utf-8", "replace").strip()
    if text[:1] == "{" and len(payload) <= payloads.LARGEST_PAYLOAD:
        try:
            text = str(json.loads(text).get("state"))
        except (ValueError, RecursionError):
            return False
    return text in offline
