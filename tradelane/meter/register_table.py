"""The ``[[register]]`` and ``[[sunspec]]`` tables of a profile → the sections of a device.

A register gives one value of a reading. With ``sum``, several registers give it together, with ``first`` the
first of several that is known; what its own table says (type, scale …) then holds for each that does not say
otherwise. With ``minus_if``, a status word says its sign. A role that is named both as a SunSpec model and by
registers is read by the first of these that the device has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tradelane.meter import sunspec
from tradelane.meter.blocks import MODBUS_LIMIT
from tradelane.meter.derived import Derived, First, Signed, Sum
from tradelane.meter.reading import COUNTERS, LARGEST, VALUE_NAMES, Role
from tradelane.meter.registers import HOLDING, INPUT, WORDS, Register, Section
from tradelane.meter.toml_table import Table

ORDERS = ("big", "little")
HIGHEST = 0xFFFF
NOT_HERE = 2**64 - 1

_PLACE = {"address", "type", "scale", "sign", "sf", "not_available", "word_order", "function"}
_TERM = _PLACE | {"absent"}
_REGISTER = _PLACE | {"value", "role", "obis", "wraps_at", "sum", "first", "minus_if"}
_SUNSPEC = {"model", "address", "vendor"}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every register that does not say otherwise; ``not_available`` by type."""

    function: int = HOLDING
    word_order: str = "big"
    max_registers: int = MODBUS_LIMIT
    barriers: tuple[int, ...] = ()
    not_available: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a profile knows of a value beside where it stands: its OBIS name, and where it starts from 0
    again (Wh)."""

    role: Role
    value: str
    obis: str | None
    wraps_at: int | None


@dataclass(slots=True)
class _Role:
    registers: list[Register] = field(default_factory=list)
    derived: list[Derived] = field(default_factory=list)
    values: set[str] = field(default_factory=set)


def sections(top: Table, name: str, defaults: Defaults) -> tuple[tuple[Section, ...], tuple[Counted, ...]]:
    """What the tables say, and what they note. Faults collect in ``top``."""
    by_role: dict[Role, _Role] = {}
    notes: list[Counted] = []
    for table in top.tables("register"):
        table.only(_REGISTER)
        role = Role(table.choice("role", list(Role), top.body.get("role")))
        value = table.choice("value", VALUE_NAMES)
        kept = by_role.setdefault(role, _Role())
        if value in kept.values:
            table.wrong("value", f"{value} is given twice for {role.value}")
        kept.values.add(value)
        _read(table, value, kept, defaults)
        notes += _noted(table, role, value)
    plain = (
        Section(name, role, tuple(kept.registers), derived=tuple(kept.derived))
        for role, kept in by_role.items()
    )
    return (*_sunspec(top, name), *plain), tuple(notes)


def _noted(table: Table, role: Role, value: str) -> list[Counted]:
    if not table.has("obis") and not table.has("wraps_at"):
        return []
    if table.has("wraps_at") and value not in COUNTERS:
        table.wrong("wraps_at", f"only a counter starts again: {', '.join(COUNTERS)}")
    wraps_at = table.whole("wraps_at", 1, LARGEST) if table.has("wraps_at") else None
    return [Counted(role, value, table.text("obis") if table.has("obis") else None, wraps_at)]


def _read(table: Table, value: str, kept: _Role, defaults: Defaults) -> None:
    if table.has("sum") or table.has("first"):
        _read_parts(table, "sum" if table.has("sum") else "first", value, kept, defaults)
    elif table.has("minus_if"):
        size, status = f"size+{value}", f"status+{value}"
        kept.registers.append(register(table, size, defaults))
        bits = table.table("minus_if")
        bits.only(_PLACE | {"mask"})
        kept.registers.append(register(bits.under({"type": "uint16"}), status, defaults))
        kept.derived.append(Signed(value, (size, status), bits.whole("mask", 1, 2**32 - 1)))
    else:
        kept.registers.append(register(table, value, defaults))


def _read_parts(table: Table, key: str, value: str, kept: _Role, defaults: Defaults) -> None:
    for other in {"address", "minus_if", "sf", "sum", "first"} - {key}:
        if table.has(other):
            table.wrong(other, f"cannot stand beside {key}: each part has its own")
    shared = {name: table.body[name] for name in _PLACE & table.body.keys()}
    terms = table.tables(key)
    if not terms:
        table.wrong(key, "expected at least one table, such as { address = 1 }")
    names = tuple(f"{index}+{value}" for index in range(len(terms)))
    for name, term in zip(names, terms, strict=True):
        term.only(_TERM if key == "sum" else _PLACE)
        kept.registers.append(register(term.under(shared), name, defaults))
    if key == "first":
        kept.derived.append(First(value, names))
        return
    absent = frozenset(name for name, term in zip(names, terms, strict=True) if term.flag("absent"))
    kept.derived.append(Sum(value, names, absent))


def register(table: Table, value: str, defaults: Defaults) -> Register:
    """One register (of one or more words) as its table says."""
    kind = table.choice("type", WORDS)
    first, *apart = _places(table, WORDS[kind])
    sign = table.whole("sign", -1, 1, 1)
    if sign == 0:
        table.wrong("sign", "expected 1 or -1")
    absent = table.wholes("not_available", NOT_HERE) if table.has("not_available") else None
    made = Register(
        value=value,
        address=first,
        type=kind,
        scale=table.number("scale", Decimal(1)) * (sign or 1),
        sf=table.whole("sf", 0, HIGHEST) if table.has("sf") else None,
        not_available=defaults.not_available.get(kind, ()) if absent is None else absent,
        word_order=table.choice("word_order", ORDERS, defaults.word_order),
        function=table.whole("function", HOLDING, INPUT, defaults.function),
        apart=tuple(apart),
    )
    _fits(table, made, defaults)
    return made


def _places(table: Table, words: int) -> tuple[int, ...]:
    """The one address, or one for each word where they stand apart."""
    if not isinstance(table.body.get("address"), list):
        return (table.whole("address", 0, HIGHEST),)
    places = table.wholes("address", HIGHEST)
    if len(places) == words and len(set(places)) == words:
        return places
    table.wrong("address", f"expected one address, or a list of {words} different ones")
    return (0,)


def _fits(table: Table, made: Register, defaults: Defaults) -> None:
    if made.high > HIGHEST + 1:
        table.wrong("address", f"its last word would stand beyond {HIGHEST}")
    if made.high - made.low > defaults.max_registers:
        table.wrong(
            "address",
            f"{made.high - made.low} registers, from {made.low}, must come in one request; the device gives "
            f"{defaults.max_registers}",
        )
    if any(made.low < barrier < made.high for barrier in defaults.barriers):
        table.wrong("address", "a barrier parts it")


def _sunspec(top: Table, name: str) -> list[Section]:
    found = []
    for table in top.tables("sunspec"):
        table.only(_SUNSPEC)
        model = table.whole("model", 1, 65534)
        known = sunspec.models().get(model)
        address = table.whole("address", 0, HIGHEST)
        if known is None or known.role is None:
            table.wrong("model", f"SunSpec model {model} is not one that is measured")
        elif known.group is not None:
            table.wrong("model", f"how often model {model} repeats only discovery can tell: discover = true")
        elif address + known.length + 2 > HIGHEST + 1:
            table.wrong("address", f"model {model} would end beyond {HIGHEST}")
        else:
            vendor = table.text("vendor", top.body.get("vendor"))
            found.append(sunspec.section(model, address, vendor, name))
    return found
