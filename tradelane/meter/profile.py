"""A meter model as data: profiles/*.toml, and one's own.

A profile names its registers one by one (``[[register]]``), or SunSpec models at fixed addresses
(``[[sunspec]]``), or both; or says that the device describes itself (``discover = true``). Every error names
the file and the key.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path

from tradelane.meter.blocks import MODBUS_LIMIT, Block, plan
from tradelane.meter.identity import Ask, Clue, OrderAt, fits, word_order
from tradelane.meter.reading import BadProfile, MeterError, Role, UnknownProfile
from tradelane.meter.register_table import HIGHEST, NOT_HERE, ORDERS, Counted, Defaults
from tradelane.meter.register_table import register as read_register
from tradelane.meter.register_table import sections as read_sections
from tradelane.meter.registers import HOLDING, INPUT, WORDS, Register, Section
from tradelane.meter.toml_table import Table

_TOP = {
    *("name", "vendor", "model", "role", "modbus", "not_available", "rated_power", "word_order_register"),
    *("identify", "register", "sunspec", "discover"),
}
_MODBUS = {
    *("function", "unit", "port", "max_registers", "gap", "barriers", "word_order"),
    *("connect_delay_ms", "single_client"),
}
_RATED = {"watts", "address", "type", "scale", "function", "word_order", "not_available"}
LONGEST_TEXT = 64
"""Registers of an identifying text at most."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one meter model is read over Modbus.

    ``function`` (3 or 4) and ``word_order`` hold where a register does not say otherwise. ``max_registers``:
    the most the device gives at once; ``gap``: how many unused registers a request may skip over (some
    devices garble the next answer when asked for them); ``barriers``: no request goes on from below one to
    it. ``connect_delay_ms``: what the device needs after a connection before it answers; ``single_client``:
    it takes one connection at a time. ``discover``: its sections are what SunSpec discovery finds. ``clues``
    tell the model, ``order_at`` the word order where its owner may choose it, ``rated`` its power: W, or the
    register that says it.
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
    word_order: str = "big"
    connect_delay_ms: int = 0
    single_client: bool = False
    discover: bool = False
    clues: tuple[Clue, ...] = ()
    order_at: OrderAt | None = None
    rated: int | Register | None = None
    notes: tuple[Counted, ...] = ()

    def requests(self) -> tuple[Block, ...]:
        """What one round asks a device that has everything the profile names."""
        blocks: list[Block] = []
        for section in self.sections:
            if section.header is not None:
                blocks += plan((section.header, *section.registers), self.max_registers, MODBUS_LIMIT)
            else:
                blocks += plan(section.registers, self.max_registers, self.gap, self.barriers)
        return tuple(blocks)

    def wraps_at(self, role: Role, value: str) -> int | None:
        """Where a counter starts from 0 again, in Wh; None when it is not known to."""
        return next((n.wraps_at for n in self.notes if (n.role, n.value) == (role, value)), None)


def parse(text: str, file: str) -> Profile:
    """A profile from TOML text; BadProfile names ``file`` and the first key that is wrong."""
    profile, faults = check(text, file)
    for fault in faults:
        raise fault
    assert profile is not None
    return profile


def check(text: str, file: str) -> tuple[Profile | None, list[BadProfile]]:
    """The profile, or everything that is wrong with its text."""
    try:
        body = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        return None, [BadProfile(file, "syntax", str(error))]
    top = Table(file, "", body, [])
    profile = _profile(top)
    return (None, top.faults) if top.faults else (profile, [])


def _profile(top: Table) -> Profile:
    top.only(_TOP)
    modbus = top.table("modbus")
    modbus.only(_MODBUS)
    name = top.text("name")
    defaults = Defaults(
        function=modbus.whole("function", HOLDING, INPUT, HOLDING),
        word_order=modbus.choice("word_order", ORDERS, "big"),
        max_registers=modbus.whole("max_registers", 1, MODBUS_LIMIT, MODBUS_LIMIT),
        barriers=modbus.wholes("barriers", HIGHEST),
        not_available=_not_available(top.table("not_available")),
    )
    sections, notes = read_sections(top, name, defaults)
    discover = top.flag("discover")
    if discover and sections:
        top.wrong("discover", "the device is asked what it has: no [[register]], no [[sunspec]]")
    elif not sections and not discover and not top.faults:
        top.wrong("register", "a profile needs at least one [[register]] or [[sunspec]], or discover = true")
    return Profile(
        name=name,
        vendor=top.text("vendor"),
        model=top.text("model"),
        sections=sections,
        function=defaults.function,
        unit=modbus.whole("unit", 0, 255, 1),
        port=modbus.whole("port", 1, 65535, 502),
        max_registers=defaults.max_registers,
        gap=modbus.whole("gap", 0, MODBUS_LIMIT, 0),
        barriers=defaults.barriers,
        word_order=defaults.word_order,
        connect_delay_ms=modbus.whole("connect_delay_ms", 0, 60_000, 0),
        single_client=modbus.flag("single_client"),
        discover=discover,
        clues=tuple(_clue(table, defaults) for table in top.tables("identify")),
        order_at=_order_at(top, defaults),
        rated=_rated(top, defaults),
        notes=notes,
    )


def _not_available(table: Table) -> dict[str, tuple[int, ...]]:
    table.only(WORDS)
    return {kind: table.wholes(kind, NOT_HERE) for kind in table.body.keys() & WORDS.keys()}


def _clue(table: Table, defaults: Defaults) -> Clue:
    table.only({"address", "words", "function", "starts_with", "numbers"})
    texts, numbers = table.texts("starts_with"), table.wholes("numbers", NOT_HERE)
    if not texts and not numbers:
        table.wrong("starts_with", "expected starts_with (texts) or numbers")
    return Clue(
        address=table.whole("address", 0, HIGHEST),
        words=table.whole("words", 1, LONGEST_TEXT, 1),
        function=table.whole("function", HOLDING, INPUT, defaults.function),
        texts=texts,
        numbers=numbers,
    )


def _order_at(top: Table, defaults: Defaults) -> OrderAt | None:
    if not top.has("word_order_register"):
        return None
    table = top.table("word_order_register")
    table.only({"address", "function", "big", "little"})
    return OrderAt(
        address=table.whole("address", 0, HIGHEST),
        function=table.whole("function", HOLDING, INPUT, defaults.function),
        big=table.whole("big", 0, HIGHEST),
        little=table.whole("little", 0, HIGHEST),
    )


def _rated(top: Table, defaults: Defaults) -> int | Register | None:
    if not top.has("rated_power"):
        return None
    table = top.table("rated_power")
    table.only(_RATED)
    if table.has("watts"):
        return table.whole("watts", 1, 10**9)
    return read_register(table, "power_w", defaults)


async def looks_like(ask: Ask) -> list[str]:
    """The profiles that come with Tradelane whose clues the device fits; none when it does not answer."""
    try:
        return [name for name in names() if await fits(load(name).clues, ask)]
    except MeterError:
        return []


async def spelt(profile: Profile, ask: Ask) -> tuple[Section, ...]:
    """The profile's sections in the word order the device's owner chose, where the device says it.

    Registers that say their own order, other than the profile's, keep it; so does SunSpec, which has one.
    """
    order = await word_order(profile.order_at, ask) if profile.order_at else None
    if order is None or order == profile.word_order:
        return profile.sections
    return tuple(
        one if one.model is not None else _turned(one, profile.word_order, order) for one in profile.sections
    )


def _turned(section: Section, old: str, new: str) -> Section:
    registers = (replace(one, word_order=new) if one.word_order == old else one for one in section.registers)
    return replace(section, registers=tuple(registers))


def names(folder: Path | None = None) -> list[str]:
    """The profiles that come with Tradelane, and one's own in ``folder``."""
    entries = [entry.name for entry in (files(__package__) / "profiles").iterdir()]
    if folder is not None and folder.is_dir():
        entries += [entry.name for entry in folder.iterdir()]
    return sorted({name.removesuffix(".toml") for name in entries if name.endswith(".toml")})


@cache
def load(name: str, folder: Path | None = None) -> Profile:
    """A profile by its name, or by its path (ending in .toml).

    One's own in ``folder`` goes before one of the same name that comes with Tradelane. UnknownProfile when
    there is none, BadProfile when its text is wrong.
    """
    if name.endswith(".toml"):
        return _from_file(Path(name))
    if name not in names(folder):
        raise UnknownProfile(f"no profile {name!r}; there are {', '.join(names(folder))}")
    own = None if folder is None else folder / f"{name}.toml"
    if own is not None and own.is_file():
        return _from_file(own)
    return parse((files(__package__) / "profiles" / f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def _from_file(path: Path) -> Profile:
    try:
        return parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise UnknownProfile(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadProfile(str(path), "syntax", "not UTF-8 text") from None
