"""An MQTT dialect as data (dialects/*.toml): topics and JSON keys → readings. Pure.

Always true: a value that is missing, null, not a number, not finite or beyond 2⁶³ is None; keys the dialect
does not name are ignored. ``[values.<role>]`` maps a value's name to a key, or to a key and a scale; a key
may be a path with dots.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from tradelane.market.units import instant
from tradelane.meter.reading import (
    LARGEST,
    VALUE_NAMES,
    BadAnswer,
    BadProfile,
    Quality,
    Reading,
    Role,
    UnknownProfile,
    Value,
    at_the_door,
    quality_of,
)

LARGEST_PAYLOAD = 65_536


@dataclass(frozen=True, slots=True)
class Dialect:
    """``state`` and ``availability`` are topics with ``{meter}``; ``offline`` is the last will's payload."""

    name: str
    state: str
    availability: str | None
    offline: str
    time: str | None
    values: Mapping[Role, Mapping[str, tuple[str, Fraction]]]

    def meter_of(self, topic: str) -> str:
        """The meter's name in a state topic; the whole topic where the pattern does not fit."""
        pattern = re.escape(self.state).replace(re.escape("{meter}"), "(?P<meter>[^/]+)")
        found = re.fullmatch(pattern, topic)
        return found["meter"] if found else topic

    def availability_of(self, topic: str) -> str | None:
        """The availability topic (or filter) that belongs to a state topic (or filter), if there is one."""
        meter = self.meter_of(topic)
        if self.availability is None or meter == topic:
            return None
        return self.availability.replace("{meter}", meter)


def names() -> list[str]:
    """The dialects that come with Tradelane."""
    entries = (entry.name for entry in (files(__package__) / "dialects").iterdir())
    return sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml"))


@cache
def load(name: str) -> Dialect:
    """UnknownProfile when there is no dialect of that name."""
    if name not in names():
        raise UnknownProfile(f"no dialect {name!r}; there are {', '.join(names())}")
    return parse((files(__package__) / "dialects" / f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def parse(text: str, file: str) -> Dialect:
    """A dialect from TOML text; BadProfile names ``file`` and the key that is wrong."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadProfile(file, "syntax", str(error)) from None
    for key in ("name", "state"):
        if not isinstance(table.get(key), str):
            raise BadProfile(file, key, "expected a text")
    return Dialect(
        name=table["name"],
        state=table["state"],
        availability=table.get("availability"),
        offline=table.get("offline", "offline"),
        time=table.get("time"),
        values=_targets(table.get("values", {}), file),
    )


def _targets(tables: Mapping[str, Any], file: str) -> dict[Role, dict[str, tuple[str, Fraction]]]:
    values: dict[Role, dict[str, tuple[str, Fraction]]] = {}
    for role, targets in tables.items():
        if role not in set(Role):
            raise BadProfile(file, f"values.{role}", "no such role")
        for name, target in targets.items():
            key = f"values.{role}.{name}"
            if name not in VALUE_NAMES:
                raise BadProfile(file, key, "no such value")
            values.setdefault(Role(role), {})[name] = _target(target, file, key)
    if not values:
        raise BadProfile(file, "values", "a dialect needs at least one value")
    return values


def _target(target: object, file: str, key: str) -> tuple[str, Fraction]:
    if isinstance(target, str):
        return target, Fraction(1)
    if isinstance(target, dict) and isinstance(target.get("key"), str):
        scale = target.get("scale", 1)
        if isinstance(scale, int) and not isinstance(scale, bool):
            return target["key"], Fraction(scale)
    raise BadProfile(file, key, "expected a key, or { key, scale } with a whole-number scale")


def read(
    dialect: Dialect,
    topic: str,
    payload: bytes,
    now: int,
    *,
    meter: str | None = None,
    retained: bool = False,
) -> list[Reading]:
    """One reading per role of which the message says anything; BadAnswer when it is no JSON object.

    A retained message tells what was, not what is: its readings are stale.
    """
    body = _object(topic, payload)
    readings = []
    for role, targets in dialect.values.items():
        if not any(_at(body, key) is not None for key, _ in targets.values()):
            continue
        values = {name: _value(name, _at(body, key), scale) for name, (key, scale) in targets.items()}
        quality = Quality.STALE if retained else quality_of(values)
        name = meter or dialect.meter_of(topic)
        readings.append(Reading(name, dialect.name, role, now, _time(dialect, body), quality, values))
    return readings


def _object(topic: str, payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST_PAYLOAD:
        raise BadAnswer(f"{topic}: {len(payload)} bytes are more than a reading")
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadAnswer(f"{topic}: not JSON") from None
    if not isinstance(body, dict):
        raise BadAnswer(f"{topic}: not a JSON object")
    return body


def _at(body: Mapping[str, Any], path: str) -> object:
    found: object = body
    for key in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def _value(name: str, given: object, scale: Fraction) -> Value:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    if not math.isfinite(given) or abs(given) >= LARGEST:
        return None
    exact = Fraction(given) * scale
    return at_the_door(name, exact.numerator, exact.denominator)


def _time(dialect: Dialect, body: Mapping[str, Any]) -> int | None:
    given = None if dialect.time is None else _at(body, dialect.time)
    try:
        return instant(given) if isinstance(given, str) else None
    except (ValueError, OverflowError):
        return None
