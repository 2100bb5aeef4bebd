"""A meter model as data: profiles/*.toml.

A profile names its registers one by one (``[[register]]``), or SunSpec models at fixed addresses
(``[[sunspec]]``), or both. Every error names the file and the key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from tradelane.meter import sunspec
from tradelane.meter.blocks import MODBUS_LIMIT
from tradelane.meter.reading import VALUE_NAMES, BadProfile, Role, UnknownProfile
from tradelane.meter.registers import WORDS, Register, Section

HOLDING, INPUT = 3, 4
_TOP = {"name", "vendor", "model", "role", "modbus", "register", "sunspec"}
_MODBUS = {"function", "unit", "port", "max_registers", "gap", "word_order"}
_REGISTER = {"value", "address", "type", "scale", "sign", "sf", "not_available", "word_order", "role"}
_SUNSPEC = {"model", "address"}


@dataclass(frozen=True, slots=True)
class Profile:
    """How one meter model is read over Modbus.

    ``function`` 3 or 4; ``max_registers`` the most the device gives at once; ``gap`` how many unused
    registers a request may skip over (some devices garble the next answer when asked for them); no request
    goes on from below one of the ``barriers`` to it.
    """

    name: str
    vendor: str
    model: str
    sections: tuple[Section, ...]
    function: int = HOLDING
    unit: int = 1
    port: int = 502
    max_registers: int = MODBUS_LIMIT
    gap: int = 0
    barriers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table that knows where it stands, so that its errors can say so."""

    file: str
    where: str
    body: Mapping[str, Any]

    def fail(self, key: str, reason: str) -> NoReturn:
        raise BadProfile(self.file, f"{self.where}{key}", reason)

    def only(self, known: set[str]) -> None:
        for key in self.body.keys() - known:
            self.fail(key, "unknown key")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.body.get(key, default)
        if not isinstance(value, str) or not value:
            self.fail(key, "expected a text")
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.body.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(key, f"expected a whole number from {low} to {high}")
        return value

    def choice(self, key: str, known: set[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in known:
            self.fail(key, f"{value!r} is not one of {', '.join(sorted(known))}")
        return value

    def number(self, key: str, default: Decimal) -> Fraction:
        value = self.body.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value == 0:
            self.fail(key, "expected a number other than 0")
        return Fraction(value)

    def table(self, key: str) -> _Table:
        value = self.body.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, "expected a table")
        return _Table(self.file, f"{self.where}{key}.", value)

    def tables(self, key: str) -> list[_Table]:
        value = self.body.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.fail(key, "expected a list of tables")
        return [_Table(self.file, f"{self.where}{key}[{index}].", one) for index, one in enumerate(value)]


def parse(text: str, file: str) -> Profile:
    """A profile from TOML text; BadProfile names ``file`` and the key that is wrong."""
    try:
        top = _Table(file, "", tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise BadProfile(file, "syntax", str(error)) from None
    top.only(_TOP)
    modbus = top.table("modbus")
    modbus.only(_MODBUS)
    name = top.text("name")
    found = (*_plain_sections(top, name, modbus), *_sunspec_sections(top, name))
    if not found:
        top.fail("register", "a profile needs at least one [[register]] or [[sunspec]]")
    return Profile(
        name=name,
        vendor=top.text("vendor"),
        model=top.text("model"),
        sections=found,
        function=modbus.whole("function", HOLDING, INPUT, HOLDING),
        unit=modbus.whole("unit", 0, 255, 1),
        port=modbus.whole("port", 1, 65535, 502),
        max_registers=modbus.whole("max_registers", 1, MODBUS_LIMIT, MODBUS_LIMIT),
        gap=modbus.whole("gap", 0, MODBUS_LIMIT, 0),
    )


def _plain_sections(top: _Table, name: str, modbus: _Table) -> list[Section]:
    orders = {"big", "little"}
    order = modbus.choice("word_order", orders, "big")
    by_role: dict[Role, dict[str, Register]] = {}
    for table in top.tables("register"):
        table.only(_REGISTER)
        role = Role(table.choice("role", {role.value for role in Role}, top.body.get("role")))
        value = table.choice("value", set(VALUE_NAMES))
        registers = by_role.setdefault(role, {})
        if value in registers:
            table.fail("value", f"{value} is given twice for {role.value}")
        registers[value] = _register(table, value, table.choice("word_order", orders, order))
    return [Section(name, role, tuple(registers.values())) for role, registers in by_role.items()]


def _register(table: _Table, value: str, word_order: str) -> Register:
    absent = table.body.get("not_available", [])
    if not isinstance(absent, list) or not all(isinstance(one, int) for one in absent):
        table.fail("not_available", "expected a list of raw whole numbers")
    sign = table.whole("sign", -1, 1, 1) or table.fail("sign", "expected 1 or -1")
    return Register(
        value=value,
        address=table.whole("address", 0, 65535),
        type=table.choice("type", set(WORDS)),
        scale=table.number("scale", Decimal(1)) * sign,
        sf=table.whole("sf", 0, 65535) if "sf" in table.body else None,
        not_available=tuple(absent),
        word_order=word_order,
    )


def _sunspec_sections(top: _Table, name: str) -> list[Section]:
    found = []
    for table in top.tables("sunspec"):
        table.only(_SUNSPEC)
        model = table.whole("model", 1, 65534)
        known = sunspec.models().get(model)
        if known is None or known.role is None:
            table.fail("model", f"SunSpec model {model} is not one that is measured")
        address = table.whole("address", 0, 65535)
        found.append(sunspec.section(model, address, top.text("vendor"), name))
    return found


def names() -> list[str]:
    """The profiles that come with Tradelane."""
    entries = (entry.name for entry in (files(__package__) / "profiles").iterdir())
    return sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml"))


@cache
def load(name: str) -> Profile:
    """A profile that comes with Tradelane by its name, or one's own by its path (ending in .toml).

    UnknownProfile when there is none, BadProfile when its text is wrong.
    """
    if name.endswith(".toml"):
        try:
            return parse(Path(name).read_text("utf-8"), name)
        except OSError as error:
            raise UnknownProfile(f"{name}: {error.strerror}") from None
    if name not in names():
        raise UnknownProfile(f"no profile {name!r}; there are {', '.join(names())}")
    return parse((files(__package__) / "profiles" / f"{name}.toml").read_text("utf-8"), f"{name}.toml")
