"""What one MQTT meter shows, value by value: each with its own age, and whether it is live or only kept.

Always true: a value that the broker had kept counts as stale until the device says it anew, and never
replaces a live one; a value that comes from two channels comes from neither, because no rule says which is
meant; a sum over topics is told once each of its parts has been heard since the last sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradelane.meter.reading import Quality, Reading, Role, Value

Key = tuple[Role, str]
"""A role and the name of a value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value, when we heard it (Unix ms), and whether it was said then or had been kept by the broker."""

    value: Value
    at: int
    live: bool


class Panel:
    """One meter. ``profile`` is the dialect's name, for its readings."""

    def __init__(self, meter: str, profile: str) -> None:
        self.meter, self.profile = meter, profile
        self.disputed: set[Key] = set()
        self._names: dict[Role, dict[str, None]] = {}
        self._said: dict[Role, dict[str, Reading]] = {}
        self._owners: dict[Key, str] = {}
        self._parts: dict[Key, dict[str, tuple[int | float, bool]]] = {}

    def expect(self, role: Role, names: Iterable[str]) -> None:
        """Values that a topic may tell: unknown until it does."""
        self._names.setdefault(role, {}).update(dict.fromkeys(names))

    def claim(self, role: Role, name: str, channel: str) -> bool:
        """Whether the value comes from this channel: the first to tell it, unless another has told it too."""
        key = (role, name)
        if self._owners.setdefault(key, channel) != channel:
            self.disputed.add(key)
            self._said.get(role, {}).pop(name, None)
        return key not in self.disputed

    def part(self, key: Key, channel: str, value: int | float, live: bool, parts: int) -> tuple[Value, bool]:
        """The sum once every part was heard anew, and whether all were live; (None, live) before that."""
        heard = self._parts.setdefault(key, {})
        heard[channel] = (value, live)
        if len(heard) < parts:
            return None, live
        del self._parts[key]
        total = sum(one for one, _ in heard.values())
        return total if isinstance(total, int) else round(total, 4), all(live for _, live in heard.values())

    def hear(self, reading: Reading, known: Iterable[str]) -> None:
        """Takes the values of a reading that are known."""
        said = self._said.setdefault(reading.role, {})
        if reading.quality is not Quality.GOOD:
            known = [n for n in known if n not in said or said[n].quality is not Quality.GOOD]
        said.update(dict.fromkeys(known, reading))

    def fields(self) -> dict[Key, Field]:
        """All that is known."""
        return {
            (role, name): Field(one.values[name], one.gateway_time, one.quality is Quality.GOOD)
            for role, said in self._said.items()
            for name, one in said.items()
        }

    def readings(self) -> list[Reading]:
        """What is known as one reading a role and quality: live values together, kept ones apart."""
        readings = []
        for role in sorted(self._said):
            groups: dict[Quality, dict[str, Reading]] = {}
            for name, one in self._said[role].items():
                groups.setdefault(one.quality, {})[name] = one
            unknown = [name for name in self._names.get(role, {}) if name not in self._said[role]]
            for quality in sorted(groups):
                readings.append(self._merged(role, quality, groups[quality], unknown))
                unknown = []
        return readings

    def _merged(self, role: Role, quality: Quality, said: dict[str, Reading], unknown: list[str]) -> Reading:
        times = [one.device_time for one in said.values() if one.device_time is not None]
        heard = max(one.gateway_time for one in said.values())
        values = {name: one.values[name] for name, one in said.items()} | dict.fromkeys(unknown)
        ages = {name: age for name, one in said.items() if (age := heard - one.time_of(name))}
        return Reading(self.meter, self.profile, role, heard, max(times, default=None), quality, values, ages)

    def lose(self, now: int) -> list[Reading]:
        """The meter is gone: one stale reading a role with every value unknown, the first time."""
        names = {
            role: {**self._names.get(role, {}), **dict.fromkeys(said)}
            for role, said in sorted(self._said.items())
            if said
        }
        self._said.clear()
        self._parts.clear()
        return [
            Reading(self.meter, self.profile, role, now, None, Quality.STALE, dict.fromkeys(names[role]))
            for role in names
        ]
