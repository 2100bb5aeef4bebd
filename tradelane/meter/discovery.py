"""What devices tell Home Assistant of themselves, as rules to read them by. Pure.

A message on ``homeassistant/…/config`` names a sensor's topic, unit, class and the place of its value in the
payload. Taken are power, energy, voltage, current, frequency, power factor and battery charge; what a sensor
is for (import, export, sun, a phase) is told by the words of its name. A template that computes is refused,
and so are counters that start again each day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tradelane.meter.dialect import Rule
from tradelane.meter.payload import LARGEST_PAYLOAD, Path, Target, scale_of
from tradelane.meter.reading import BadAnswer, Role
from tradelane.meter.topic import Pattern

TOPICS = ("homeassistant/+/+/config", "homeassistant/+/+/+/config")
OURS = "tradelane"
"""The origin of our own messages, which are not read back."""
SHORT = {
    **{"stat_t": "state_topic", "dev_cla": "device_class", "unit_of_meas": "unit_of_measurement"},
    **{"stat_cla": "state_class", "uniq_id": "unique_id", "val_tpl": "value_template", "dev": "device"},
    **{"avty_t": "availability_topic", "pl_not_avail": "payload_not_available", "cmps": "components"},
    **{"o": "origin", "p": "platform", "ids": "identifiers", "obj_id": "object_id", "avty": "availability"},
    **{"t": "topic", "name": "name"},
}
_PLACE = re.compile(
    r"\{\{\s*(?P<root>value_json|value)(?P<path>(?:\.\w+|\[\d+\]|\['[^']+'\]|\[\"[^\"]+\"\])*)\s*"
    r"(?P<filters>(?:\|\s*(?:float|int|round|default|is_defined)\s*(?:\([^()]*\))?\s*)*)\}\}"
)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_PHASE = re.compile(r"\b(?:l|phase ?|ph ?)([123abc])\b")
_EXPORT = re.compile(r"\b(exported|export|returned|return|feed in|feedin|fed|sold|produced|injected)\b")
_SOLAR = re.compile(r"\b(solar|pv|photovoltaic|production|yield)\b")
_PASSING = re.compile(
    r"\b(today|daily|day|yesterday|week\w*|month\w*|year\w*|max\w*|min|minimum|average|avg)\b"
)
_NAMES = {
    **{"power": "power_w", "energy": "import_wh", "voltage": "voltage_l1_v", "current": "current_l1_a"},
    **{"frequency": "frequency_hz", "power_factor": "power_factor", "battery": "soc_pct"},
}


@dataclass(frozen=True, slots=True)
class Described:
    """One sensor: the meter it belongs to, where its state and its last will are told, and how it is read."""

    meter: str
    topic: str
    rule: Rule
    will: str | None
    offline: str


def described(topic: str, payload: bytes) -> list[Described]:
    """The sensors in a discovery message that a reading has a place for; BadAnswer when it is none.

    An empty payload takes a description back: nothing.
    """
    if not payload:
        return []
    try:
        body = json.loads(payload) if len(payload) <= LARGEST_PAYLOAD else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadAnswer(f"{topic}: not a JSON object")
    return [one for sensor in _sensors(topic, _long(body)) if (one := _described(topic, sensor))]


def _long(body: Any) -> Any:
    """With abbreviated keys written out, and the base topic ``~`` filled in."""
    if not isinstance(body, dict):
        return body
    base = body.get("~")
    found: dict[str, Any] = {}
    for short, value in body.items():
        key = SHORT.get(short) or str(short)
        if isinstance(value, str) and isinstance(base, str) and key.endswith("topic"):
            value = base + value[1:] if value[:1] == "~" else value
            value = value[:-1] + base if value[-1:] == "~" else value
        found[key] = value if key == "components" else _long(value)
    return found


def _sensors(topic: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    origin = body.get("origin")
    if isinstance(origin, dict) and origin.get("name") == OURS:
        return
    if not topic.startswith("homeassistant/device/"):
        if topic.startswith("homeassistant/sensor/"):
            yield body
        return
    components = body.get("components")
    shared = {key: value for key, value in body.items() if key not in ("components", "origin")}
    for one in components.values() if isinstance(components, dict) else ():
        part = _long(one)
        if isinstance(part, dict) and part.get("platform") == "sensor":
            yield shared | part


def _described(topic: str, sensor: Mapping[str, Any]) -> Described | None:
    state, name = sensor.get("state_topic"), _NAMES.get(str(sensor.get("device_class")))
    if not isinstance(state, str) or name is None:
        return None
    words = " ".join(str(sensor.get(key) or "") for key in ("name", "object_id", "unique_id"))
    role, name = _meaning(re.sub(r"[^a-z0-9]+", " ", words.lower()), name)
    path = _path(sensor.get("value_template"))
    if not name or path is None:
        return None
    try:
        scale = scale_of(str(sensor.get("unit_of_measurement") or ""), name)
    except ValueError as error:
        raise BadAnswer(f"{topic}: {error}") from None
    rule = Rule(Pattern(state), "json" if path else "number", None, {role: (Target(name, (path,), scale),)})
    will, offline = _will(sensor)
    return Described(_meter(topic, sensor), state, rule, will, offline)


def _meaning(words: str, name: str) -> tuple[Role, str]:
    """Role and value of a sensor; the value is empty where a reading has no place for it."""
    solar = _SOLAR.search(words) is not None
    role = Role.BATTERY if name == "soc_pct" else Role.SOLAR if solar else Role.GRID
    phase = _PHASE.search(words)
    if name == "import_wh":
        if phase or _PASSING.search(words):
            return role, ""
        name = "production_wh" if solar else "export_wh" if _EXPORT.search(words) else name
    elif _PASSING.search(words):
        return role, ""
    elif phase:
        line = "l" + {"a": "1", "b": "2", "c": "3"}.get(phase[1], phase[1])
        if name == "power_w":
            name = f"power_{line}_w"
        elif name.startswith(("voltage", "current")):
            name = name.replace("l1", line)
        else:
            name = ""
    return role, name


def _path(template: object) -> Path | None:
    """Where the value stands: () is the whole payload, None that the template computes."""
    if template is None:
        return ()
    found = _PLACE.fullmatch(str(template).strip())
    if found is None or (found["root"] == "value") != (not found["path"]):
        return None
    return tuple(next(filter(None, step)) for step in _STEP.findall(found["path"]))


def _will(sensor: Mapping[str, Any]) -> tuple[str | None, str]:
    where = sensor.get("availability_topic")
    first = sensor.get("availability")
    first = first[0] if isinstance(first, list) and first else first
    entry = _long(first) if where is None and isinstance(first, dict) else sensor
    where = where or entry.get("topic")
    return where if isinstance(where, str) else None, str(entry.get("payload_not_available", "offline"))


def _meter(topic: str, sensor: Mapping[str, Any]) -> str:
    device = sensor.get("device")
    name = device.get("name") or device.get("identifiers") if isinstance(device, dict) else None
    name = name[0] if isinstance(name, list) and name else name
    return re.sub(r"[^A-Za-z0-9]+", "-", str(name or topic.split("/")[-2])).strip("-").lower() or "meter"
