"""An MQTT dialect as data (dialects/*.toml): topics, and where in their payloads the values stand.

A ``[[rule]]`` has a ``topic`` pattern (topic.py), a ``form`` (json, number or sparkplug) and tables
``values.<role>``: a value's name → a path with dots, or { key, unit or scale, total, sum }; ``key`` may be a
list of paths, the first that holds a number counts. ``[[unfold]]`` tells of messages that hold others.
Keys of a payload that no rule names are ignored.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from tradelane.meter import payload
from tradelane.meter.payload import Target
from tradelane.meter.reading import VALUE_NAMES, BadProfile, Role, UnknownProfile
from tradelane.meter.topic import Pattern

FORMS = ("json", "number", "sparkplug")
_TOP = {"name", "title", "split", "anywhere", "availability", "offline", "keepalive", "discovery"}
_RULE = {"topic", "form", "time", "values"}
_UNFOLD = {"topic", "path", "time", "as"}
_TARGET = {"key", "unit", "scale", "total", "sum"}


@dataclass(frozen=True)
class Rule:
    """How messages on topics that fit ``pattern`` are read. ``time``: where the device's time stands."""

    pattern: Pattern
    form: str
    time: payload.Path | None
    targets: Mapping[Role, tuple[Target, ...]]


@dataclass(frozen=True)
class Unfold:
    """A message that holds others: at ``path`` an object whose keys go into ``{key}`` of topic ``into``."""

    pattern: Pattern
    path: payload.Path
    time: payload.Path | None
    into: str


@dataclass(frozen=True)
class Dialect:
    """``split``: a channel other than 0 is a meter of its own, NAME:CHANNEL. ``anywhere``: the first rule
    reads topics that fit no pattern, where the meter's own is not a wildcard over some that do.
    ``availability`` are the topics of last wills, ``offline`` what they say; ``keepalive`` is published to,
    so that the device goes on publishing; ``discovery``: its devices describe themselves as they do to Home
    Assistant."""

    name: str
    rules: tuple[Rule, ...]
    unfolds: tuple[Unfold, ...] = ()
    split: bool = False
    anywhere: bool = False
    availability: tuple[Pattern, ...] = ()
    offline: frozenset[str] = frozenset({"offline"})
    keepalive: Pattern | None = None
    discovery: bool = False


def names() -> list[str]:
    """The dialects that come with Tradelane."""
    entries = (entry.name for entry in (files(__package__) / "dialects").iterdir())
    return sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml"))


@cache
def load(name: str) -> Dialect:
    """One of ``names()``, or the file ``name`` where it ends in .toml. UnknownProfile, BadProfile."""
    if name.endswith(".toml"):
        try:
            return parse(Path(name).read_text("utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise UnknownProfile(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    if name not in names():
        raise UnknownProfile(f"no dialect {name!r}; there are {', '.join(names())}")
    return parse((files(__package__) / "dialects" / f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def parse(text: str, file: str) -> Dialect:
    """A dialect from TOML text; BadProfile names ``file`` and the key that is wrong."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadProfile(file, "syntax", str(error)) from None
    read = _Reader(file)
    read.only(table, _TOP | {"rule", "unfold"}, "")
    rules = tuple(read.rule(one, f"rule[{i}]") for i, one in enumerate(read.tables(table, "rule")))
    if not rules and not table.get("discovery"):
        read.fail("rule", "a dialect needs at least one value")
    keepalive = table.get("keepalive")
    return Dialect(
        name=read.text(table, "name", ""),
        rules=rules,
        unfolds=tuple(read.unfold(one, f"unfold[{i}]") for i, one in enumerate(read.tables(table, "unfold"))),
        split=table.get("split") is True,
        anywhere=table.get("anywhere") is True,
        availability=tuple(Pattern(topic) for topic in read.texts(table, "availability")),
        offline=frozenset(read.texts(table, "offline")) or frozenset({"offline"}),
        keepalive=None if keepalive is None else Pattern(read.text(table, "keepalive", "")),
        discovery=table.get("discovery") is True,
    )


@dataclass(frozen=True)
class Mapped:
    """A value named in a configuration: it stands in messages on ``topic`` at ``path`` (empty: the payload is
    a plain number), in ``unit`` (empty: already ours) times ``scale``."""

    topic: str
    path: str
    value: str
    role: Role = Role.GRID
    unit: str = ""
    scale: Fraction = Fraction(1)


def of_mapping(mapped: Sequence[Mapped], name: str = "mapping") -> Dialect:
    """A dialect from single values. ValueError when a unit does not measure its value."""
    rules: dict[tuple[str, str], dict[Role, list[Target]]] = {}
    for one in mapped:
        form = "sparkplug" if one.topic.startswith("spBv1.0/") else "json" if one.path else "number"
        path = (one.path,) if form == "sparkplug" else _path(one.path)
        unit = payload.scale_of(one.unit, one.value) if one.unit else Fraction(1)
        target = Target(one.value, (path,), unit * one.scale)
        rules.setdefault((one.topic, form), {}).setdefault(one.role, []).append(target)
    return Dialect(
        name,
        tuple(
            Rule(Pattern(topic), form, None, {role: tuple(found) for role, found in roles.items()})
            for (topic, form), roles in rules.items()
        ),
    )


def _path(text: str) -> payload.Path:
    return tuple(text.split(".")) if text else ()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a dialect's tables; every error names the file and the key."""

    file: str

    def fail(self, key: str, reason: str) -> NoReturn:
        raise BadProfile(self.file, key, reason)

    def only(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in sorted(table.keys() - known):
            self.fail(f"{where}{key}", "unknown key")

    def tables(self, table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.fail(key, "expected tables")
        return found

    def text(self, table: Mapping[str, Any], key: str, where: str) -> str:
        found = table.get(key)
        if not isinstance(found, str) or not found:
            self.fail(f"{where}{key}", "expected a text")
        return found

    def texts(self, table: Mapping[str, Any], key: str) -> list[str]:
        found = table.get(key, [])
        found = [found] if isinstance(found, str) else found
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            self.fail(key, "expected a text or a list of texts")
        return found

    def rule(self, table: Mapping[str, Any], where: str) -> Rule:
        self.only(table, _RULE, f"{where}.")
        form = table.get("form", "json")
        if form not in FORMS:
            self.fail(f"{where}.form", f"expected one of {', '.join(FORMS)}")
        time = table.get("time")
        return Rule(
            Pattern(self.text(table, "topic", f"{where}.")),
            form,
            None if time is None else _path(self.text(table, "time", f"{where}.")),
            self.roles(table.get("values"), form, f"{where}.values"),
        )

    def unfold(self, table: Mapping[str, Any], where: str) -> Unfold:
        self.only(table, _UNFOLD, f"{where}.")
        time = table.get("time")
        return Unfold(
            Pattern(self.text(table, "topic", f"{where}.")),
            _path(self.text(table, "path", f"{where}.")),
            None if time is None else _path(self.text(table, "time", f"{where}.")),
            self.text(table, "as", f"{where}."),
        )

    def roles(self, tables: Any, form: str, where: str) -> dict[Role, tuple[Target, ...]]:
        if not isinstance(tables, dict) or not tables:
            self.fail(where, "a rule needs at least one value")
        values: dict[Role, tuple[Target, ...]] = {}
        for role, targets in tables.items():
            if role not in set(Role) or not isinstance(targets, dict):
                self.fail(f"{where}.{role}", "no such role")
            values[Role(role)] = tuple(
                self.target(name, given, form, f"{where}.{role}.{name}") for name, given in targets.items()
            )
        return values

    def target(self, name: str, given: object, form: str, where: str) -> Target:
        if name not in VALUE_NAMES:
            self.fail(where, "no such value")
        table = given if isinstance(given, dict) else {"key": given}
        self.only(table, _TARGET, f"{where}.")
        keys = table.get("key", "")
        keys = [keys] if isinstance(keys, str) else keys
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
            self.fail(where, "expected a key, a list of keys, or { key, unit, scale, total, sum }")
        parts = table.get("sum", 1)
        if type(parts) is not int or parts < 1:
            self.fail(f"{where}.sum", "expected a number of topics")
        paths = tuple((key,) if form == "sparkplug" else _path(key) for key in keys)
        return Target(name, paths, self.scale(table, name, where), table.get("total") is True, parts)

    def scale(self, table: Mapping[str, Any], name: str, where: str) -> Fraction:
        try:
            scale = Fraction(Decimal(str(table.get("scale", 1))))
        except (InvalidOperation, ValueError, OverflowError):
            self.fail(f"{where}.scale", "expected a number")
        try:
            return scale * (payload.scale_of(table["unit"], name) if "unit" in table else 1)
        except (ValueError, TypeError) as error:
            self.fail(f"{where}.unit", str(error))
