"""SunSpec: what models a device holds and what their points mean.

Point tables are data (sunspec_models.toml, from github.com/sunspec/models), and so is how manufacturers
depart from them (sunspec_vendors.toml). Known limit: of several models with the same role the first in the
chain is read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from tradelane.meter.reading import COUNTERS, IllegalAddress, Role, Value
from tradelane.meter.registers import SUNSPEC_NOT_AVAILABLE, Register, Section, decode_one

BASES = (40000, 50000, 0)
MARKER = [0x5375, 0x6E53]
"""The characters SunS."""
COMMON = 1
END = 0xFFFF
MOST_MODELS = 64
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
class Model:
    """One information model; ``values``: reading's value name → point name and scale."""

    length: int
    role: Role | None
    points: Mapping[str, Point]
    values: Mapping[str, tuple[str, Fraction]]


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
    points = {
        point["name"]: Point(
            point["name"],
            point["offset"],
            point["type"],
            offsets[point["sf"]] if "sf" in point else None,
            point.get("words", 0),
        )
        for point in table["points"]
    }
    values = {name: _target(target) for name, target in table.get("values", {}).items()}
    return Model(table["length"], Role(table["role"]) if "role" in table else None, points, values)


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


def section(model_id: int, address: int, manufacturer: str = "", profile: str | None = None) -> Section:
    """The registers of one model whose id register stands at ``address``; KeyError for an unknown model."""
    model = models()[model_id]
    if model.role is None:
        raise KeyError(model_id)
    registers = tuple(
        _register(name, model.points[point], address, scale, _overrides(manufacturer, model_id, point))
        for name, (point, scale) in model.values.items()
    )
    header = Register(HEADER, address, "uint16")
    return Section(profile or f"sunspec-{model_id}", model.role, registers, header, model_id)


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
    """One section per role: the first model in the chain that has it."""
    chosen: dict[Role, Section] = {}
    for found in chain.found:
        model = models().get(found.model)
        if model is not None and model.role is not None and model.role not in chosen:
            chosen[model.role] = section(found.model, found.address, chain.manufacturer)
    return tuple(chosen.values())
