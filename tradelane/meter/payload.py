"""What an MQTT message holds: JSON or a plain number, and one value of it as a reading keeps it. Pure.

Always true: a value that is missing, null, not a number, not finite or beyond 2⁶³ is None.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tradelane.market.units import instant
from tradelane.meter.reading import DECIMALS, LARGEST, BadAnswer, Value, at_the_door

LARGEST_PAYLOAD = 65_536
EARLIEST_MS = 100_000_000_000
"""A time as a number is seconds below this and milliseconds above it: 1973 or the year 5138."""
SILENT = frozenset({"", "nan", "-nan", "none", "null", "unavailable", "unknown"})
"""What devices that publish plain numbers say while they have none."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")

Path = tuple[str, ...]
"""Keys from the outside in; a key of digits counts into a list. () is the whole payload."""
Body = Any
"""A decoded payload: a JSON object, or a number (None: the device has none)."""

UNITS: dict[str, tuple[str, Fraction]] = {
    **{"mW": ("_w", Fraction(1, 1000)), "W": ("_w", Fraction(1)), "kW": ("_w", Fraction(1000))},
    **{"MW": ("_w", Fraction(10**6)), "Wh": ("_wh", Fraction(1)), "kWh": ("_wh", Fraction(1000))},
    **{"MWh": ("_wh", Fraction(10**6)), "GWh": ("_wh", Fraction(10**9)), "Wmin": ("_wh", Fraction(1, 60))},
    **{"Ws": ("_wh", Fraction(1, 3600)), "J": ("_wh", Fraction(1, 3600)), "MJ": ("_wh", Fraction(2500, 9))},
    **{"mV": ("_v", Fraction(1, 1000)), "V": ("_v", Fraction(1)), "kV": ("_v", Fraction(1000))},
    **{"mA": ("_a", Fraction(1, 1000)), "A": ("_a", Fraction(1)), "Hz": ("_hz", Fraction(1))},
    "%": ("_pct", Fraction(1)),
}
"""Unit → the ending of the values it measures, and what it is in their unit."""


def scale_of(unit: str, name: str) -> Fraction:
    """What one ``unit`` is in the unit of the value ``name``. ValueError when it does not measure that."""
    if name == "power_factor" and unit in ("", "%"):
        return Fraction(1, 100) if unit else Fraction(1)
    ending, scale = UNITS.get(unit, ("", Fraction(0)))
    if not ending or not name.endswith(ending):
        raise ValueError(f"{unit!r} is no unit of {name}")
    return scale


def decoded(topic: str, payload: bytes, form: str) -> Body:
    """The payload as ``json`` (an object) or ``number``; BadAnswer when it is neither."""
    if len(payload) > LARGEST_PAYLOAD:
        raise BadAnswer(f"{topic}: {len(payload)} bytes are more than a reading")
    return _number(topic, payload) if form == "number" else _object(topic, payload)


def _object(topic: str, payload: bytes) -> Body:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadAnswer(f"{topic}: not JSON") from None
    if not isinstance(body, dict):
        raise BadAnswer(f"{topic}: not a JSON object")
    return body


def _number(topic: str, payload: bytes) -> Body:
    text = payload.decode("utf-8", "replace").strip().strip('"')
    if text.lower() in SILENT:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadAnswer(f"{topic}: not a number")
    return int(text) if text.lstrip("+-").isdigit() and len(text) < 20 else float(text)


def found(body: Body, path: Path) -> object:
    """What stands at ``path``; None when there is nothing."""
    for key in path:
        if isinstance(body, dict):
            body = body.get(key)
        elif isinstance(body, list) and key.isdigit() and int(key) < len(body):
            body = body[int(key)]
        else:
            return None
    return body


def time_of(given: object) -> int | None:
    """A device's time in Unix ms: ISO 8601 with an offset, or a number of seconds or milliseconds."""
    try:
        if isinstance(given, str):
            return instant(given)
        if isinstance(given, bool) or not isinstance(given, int | float):
            return None
        return round(given if given >= EARLIEST_MS else given * 1000)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Target:
    """One value of a payload: its ``name``, the ``paths`` where it may stand (the first that holds a number
    counts) and what one of its units is in ours. ``total``: a list there is summed, one number a phase.
    ``parts``: the value is the sum of so many topics."""

    name: str
    paths: tuple[Path, ...]
    scale: Fraction = Fraction(1)
    total: bool = False
    parts: int = 1

    def said(self, body: Body) -> bool:
        """Whether the payload has anything at one of the paths."""
        return any(found(body, path) is not None for path in self.paths)

    def value(self, body: Body) -> Value:
        for path in self.paths:
            given = found(body, path)
            if given is None:
                continue
            if self.total and isinstance(given, list):
                given = _sum(given)
            value = number(self.name, given, self.scale)
            if value is not None:
                return value
        return None


Quick = tuple[str, str | None, bool, Target]
"""A value's name; its key where it stands in the object itself, in our unit; whether it is a counter."""


def quick(targets: Iterable[Target]) -> tuple[Quick, ...]:
    """The targets, prepared for ``values``."""
    return tuple(_quick(target) for target in targets)


def _quick(target: Target) -> Quick:
    simple = target.scale == 1 and len(target.paths) == 1 and len(target.paths[0]) == 1 and not target.total
    return target.name, target.paths[0][0] if simple else None, target.name.endswith("_wh"), target


def values(prepared: tuple[Quick, ...], body: Body) -> dict[str, Value]:
    """What each target finds: the way of every message, so numbers that need no scaling are taken here."""
    read: dict[str, Value] = {}
    get = body.get if type(body) is dict else None
    for name, key, counter, target in prepared:
        if key is None or get is None:
            read[name] = target.value(body)
            continue
        given = get(key)
        if type(given) is float and not counter and -LARGEST < given < LARGEST:
            read[name] = int(given) if given.is_integer() else round(given, DECIMALS) + 0.0
        elif type(given) is int and -LARGEST < given < LARGEST:
            read[name] = given
        else:
            read[name] = number(name, given, target.scale)
    return read


def number(name: str, given: object, scale: Fraction) -> Value:
    """A device's number in our unit, as a reading keeps it; exact up to the last rounding."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    if not math.isfinite(given) or abs(given) >= LARGEST:
        return None
    exact = Fraction(given) * scale
    if abs(exact) >= LARGEST:
        return None
    return at_the_door(name, exact.numerator, exact.denominator)


def _sum(given: list[Any]) -> object:
    numbers = [one for one in given if isinstance(one, int | float) and not isinstance(one, bool)]
    return sum(numbers) if numbers and len(numbers) == len(given) else None
