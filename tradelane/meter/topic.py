"""MQTT topics: filters with + and #, and patterns that name a part of a topic. Pure.

A pattern is a filter in which ``{meter}`` stands for the device and ``{n}`` for a part of one level, its
channel. At the head of a pattern ``{meter}`` may be several levels long (``home/cellar/shelly``): its last
one is then the meter's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

METER, CHANNEL = "{meter}", "{n}"


def fits(topic_filter: str, topic: str) -> bool:
    """Whether a broker sends ``topic`` to a subscriber of the filter (MQTT 3.1.1, section 4.7)."""
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for index, want in enumerate(wanted):
        if want == "#":
            return True
        if index >= len(levels) or want not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


def meet(one: str, other: str) -> bool:
    """Whether there is a topic that fits both filters."""
    for level, against in zip_longest(one.split("/"), other.split("/")):
        if "#" in (level, against):
            return True
        if level != against and ("+" not in (level, against) or None in (level, against)):
            return False
    return True


def is_exact(topic_filter: str) -> bool:
    """Whether a filter is one topic."""
    return "+" not in topic_filter and "#" not in topic_filter


@dataclass(frozen=True, slots=True)
class Place:
    """What a pattern found in a topic: the text at ``{meter}`` and at ``{n}``, empty where it has none."""

    device: str
    channel: str

    @property
    def meter(self) -> str:
        """The meter's name: the device's last level."""
        return self.device.rpartition("/")[2]


@dataclass(frozen=True)
class Pattern:
    """A topic with holes."""

    text: str

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        shape = "/".join(_level(level, index == 0) for index, level in enumerate(self.text.split("/")))
        return re.compile(shape)

    def find(self, topic: str) -> Place | None:
        """The device and channel in ``topic``; None when the pattern does not fit it."""
        found = self._regex.fullmatch(topic)
        if found is None:
            return None
        groups = found.groupdict()
        return Place(groups.get("meter") or "", groups.get("n") or "")

    def of(self, device: str) -> str:
        """The topic of a device."""
        return self.text.replace(METER, device)

    def device_in(self, topic_filter: str) -> str | None:
        """The device that a filter names at the level of ``{meter}``; None when it names none."""
        levels, wanted = self.text.split("/"), topic_filter.split("/")
        if METER not in levels or levels.index(METER) >= len(wanted):
            return None
        index = levels.index(METER)
        if any(want not in ("+", level) for want, level in zip(wanted[:index], levels[:index], strict=True)):
            return None
        return None if wanted[index] in ("+", "#") else wanted[index]

    def filter(self) -> str:
        """What to subscribe to, to hear all that fits."""
        return "/".join("+" if "{" in level else level for level in self.text.split("/"))


def _level(level: str, first: bool) -> str:
    if level == "+":
        return "[^/]+"
    if level == "#":
        return ".*"
    shape = re.escape(level)
    shape = shape.replace(re.escape(METER), "(?P<meter>.+)" if first else "(?P<meter>[^/]+)")
    return shape.replace(re.escape(CHANNEL), "(?P<n>[^/]+)")
