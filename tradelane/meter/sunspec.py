"""SunSpec: what models a device holds and what their points mean.

Point tables are data (sunspec_models.toml, from github.com/sunspec/models), and so is how manufacturers
depart from them (sunspec_vendors.toml). Known limit: of several models with the same role the first in the
chain is read; the modules of model 160 only where there is no inverter model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from tradelane.meter.derived import Derived, Sum
from tradelane.meter.reading import COUNTERS, IllegalAddress, Role, Value
from tradelane.meter.registers import SUNSPEC_NOT_AVAILABLE, Register, Section, decode_one

BASES = (40000, 50000, 0)
MARKER = [0x5375, 0x6E53]
"""The characters SunS."""
COMMON = 1
END = 0xFFFF
MOST_MODELS = 64
LONGEST = 125
"""Registers of one request."""
HEADER = "header"
"""The name under which a section's model id is read along with its values."""

Read = Callable[[int, int], Awaitable[list[int]]]
"""(address, count) → registers; raises IllegalAddress where the device has none."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model; ``offset`` and ``sf`` count registers from the model's id register."""

    name: str
    offset: int
    type: str
    sf: int | None
    words: int


@dataclass(frozen=True, slots=True)
class Group:
    """The part of a model that repeats to its end, every ``words`` registers; offsets are of the first."""

    offset: int
    words: int
    points: Mapping[str, Point]
    values: Mapping[str, tuple[str, Fraction]]

    def times(self, length: int) -> int:
        """How often it stands in a model of this length; 0 when that is too long for one request, with which
        values and scale factors must come."""
        end = length + 2
        return (end - self.offset) // self.words if self.offset <= end <= LONGEST else 0


@dataclass(frozen=True, slots=True)
class Model:
    """One information model; ``values``: reading's value name → point name and scale. The values of a
    ``group`` are summed."""

    length: int
    role: Role | None
    points: Mapping[str, Point]
    values: Mapping[str, tuple[str, Fraction]]
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A model in a device: where its id register stands and how many registers follow id and length."""

    model: int
    address: int
    length: int


@dataclass(frozen=True, slots=True)
class Chain:
    """All models of a device in order, and what model 1 says of it."""

    manufacturer: str
    model: str
    serial: str
    found: tuple[Found, ...]


@cache
def models() -> dict[int, Model]:
    """Every model known, by id."""
    known: dict[int, Model] = {}
    for table in _toml("sunspec_models.toml")["model"]:
        model = _model(table)
        known.update(dict.fromkeys(table["ids"], model))
    return known


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text("utf-8"))


def _model(table: Mapping[str, Any]) -> Model:
    offsets = {point["name"]: point["offset"] for point in table["points"]}
    group = table.get("group")
    return Model(
        table["length"],
        Role(table["role"]) if "role" in table else None,
        _points(table, offsets),
        _values(table),
        None
        if group is None
        else Group(group["offset"], group["words"], _points(group, offsets), _values(group)),
    )


def _points(table: Mapping[str, Any], offsets: Mapping[str, int]) -> dict[str, Point]:
    return {
        point["name"]: Point(
            point["name"],
            point["offset"],
            point["type"],
            offsets[point["sf"]] if "sf" in point else None,
            point.get("words", 0),
        )
        for point in table["points"]
    }


def _values(table: Mapping[str, Any]) -> dict[str, tuple[str, Fraction]]:
    return {name: _target(target) for name, target in table.get("values", {}).items()}


def _target(target: str | Mapping[str, str]) -> tuple[str, Fraction]:
    if isinstance(target, str):
        return target, Fraction(1)
    return target["point"], Fraction(target["scale"])


@cache
def _vendors() -> dict[str, list[dict[str, Any]]]:
    return _toml("sunspec_vendors.toml")


def _overrides(manufacturer: str, model: int, point: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for vendor, departures in _vendors().items():
        if manufacturer.lower().startswith(vendor):
            for departure in departures:
                if model in departure["models"] and point in departure["points"]:
                    merged.update(departure)
    return merged


def _register(
    name: str, point: Point, address: int, scale: Fraction, override: Mapping[str, Any]
) -> Register:
    kind = override.get("type", point.type)
    scale = Fraction(override.get("scale", scale)) * override.get("sign", 1)
    absent = SUNSPEC_NOT_AVAILABLE.get(kind)
    return Register(
        value=name,
        address=address + point.offset,
        type=kind,
        scale=scale,
        sf=None if point.sf is None else address + point.sf,
        not_available=() if absent is None else (absent,),
    )


def section(
    model_id: int, address: int, manufacturer: str = "", profile: str | None = None, length: int = 0
) -> Section:
    """The registers of one model whose id register stands at ``address``; KeyError for an unknown model.

    ``length``: what the device says follows; it tells how often a group repeats.
    """
    model = models()[model_id]
    if model.role is None:
        raise KeyError(model_id)
    registers: list[Register] = []
    derived: list[Derived] = []
    if model.group is not None:
        registers, derived = _repeated(model.group, address, length)
    registers += (
        _register(name, model.points[point], address, scale, _overrides(manufacturer, model_id, point))
        for name, (point, scale) in model.values.items()
    )
    header = Register(HEADER, address, "uint16")
    return Section(
        profile or f"sunspec-{model_id}", model.role, tuple(registers), header, model_id, tuple(derived)
    )


def _repeated(group: Group, address: int, length: int) -> tuple[list[Register], list[Derived]]:
    """The registers of every repetition, and their sums; one that is not available counts as 0."""
    times = group.times(length)
    registers: list[Register] = []
    derived: list[Derived] = []
    for name, (point, scale) in group.values.items():
        parts = tuple(f"{index}+{name}" for index in range(times))
        derived.append(Sum(name, parts, frozenset(parts)))
        for index, part in enumerate(parts):
            one = group.points[point]
            moved = replace(one, offset=one.offset + index * group.words)
            registers.append(_register(part, moved, address, scale, {}))
    return registers, derived


def decode_points(model_id: int, address: int, words: Mapping[int, int]) -> dict[str, Value | str]:
    """Every point of a model by its SunSpec name, as the standard has it: no manufacturer's departures."""
    decoded: dict[str, Value | str] = {}
    for name, point in models()[model_id].points.items():
        if point.type == "string":
            first = address + point.offset
            decoded[name] = _text([words.get(first + index, 0) for index in range(point.words)])
        elif point.type != "sunssf":
            decoded[name] = decode_one(_register(name, point, address, Fraction(1), {}), words)
    return decoded


def _text(words: list[int]) -> str:
    packed = b"".join(word.to_bytes(2, "big") for word in words)
    return packed.split(b"\0")[0].decode("utf-8", "replace").strip()


async def walk(read: Read, address: int) -> tuple[Found, ...]:
    """The models from ``address`` on; a chain without an end marker ends where it can no longer be read."""
    found: list[Found] = []
    while len(found) < MOST_MODELS and address <= 0xFFFE:
        try:
            model, length = await read(address, 2)
        except IllegalAddress:
            break
        if model in (END, 0):
            break
        found.append(Found(model, address, length))
        address += length + 2
    return tuple(found)


async def discover(read: Read) -> Chain | None:
    """The device's chain, at the first base that carries the marker; None when none does."""
    for base in BASES:
        try:
            if await read(base, 2) != MARKER:
                continue
        except IllegalAddress:
            continue
        found = await walk(read, base + 2)
        names = await _common(read, found)
        return Chain(names.get("Mn", ""), names.get("Md", ""), names.get("SN", ""), found)
    return None


async def _common(read: Read, found: tuple[Found, ...]) -> dict[str, str]:
    first = next((one for one in found if one.model == COMMON), None)
    if first is None:
        return {}
    names: dict[str, str] = {}
    for name in ("Mn", "Md", "SN"):
        point = models()[COMMON].points[name]
        try:
            names[name] = _text(await read(first.address + point.offset, point.words))
        except IllegalAddress:
            names[name] = ""
    return names


def agrees(section: Section, header: Value) -> bool:
    """Whether the id found at a section's head is its model's or one of the same layout.

    Unreadable or 0 says nothing against it: some devices and all partial dumps leave the head out.
    """
    if section.model is None or not header:
        return True
    return models().get(int(header)) is models()[section.model]


def believed(values: Mapping[str, Value]) -> dict[str, Value]:
    """Zero counters become unknown when nothing else is known: so a device looks while it restarts.

    0 is SunSpec's "not accumulated"; beside measured values it is a counter that has not counted yet.
    """
    counters = {name for name in values if name in COUNTERS}
    if any(value is not None for name, value in values.items() if name not in counters):
        return dict(values)
    return {name: value or None for name, value in values.items()}


def sections(chain: Chain) -> tuple[Section, ...]:
    """One section per role: the first model in the chain that has it, those without a group first."""
    chosen: dict[Role, Section] = {}
    known = [(found, model) for found in chain.found if (model := models().get(found.model))]
    for found, model in sorted(known, key=lambda pair: pair[1].group is not None):
        if model.role is not None and model.role not in chosen:
            made = section(found.model, found.address, chain.manufacturer, length=found.length)
            if made.registers:
                chosen[model.role] = made
    return tuple(chosen.values())
