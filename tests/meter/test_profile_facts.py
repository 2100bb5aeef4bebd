"""The profiles beside what is known of the devices: addresses, types, scales and word orders, one by one.

The facts were collected apart from this project, and count in how many sources each was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes without types

from tests.shared import ROOT, shared_file
from tradelane.meter import profile
from tradelane.meter.profile import Profile
from tradelane.meter.registers import Register

FILES = (
    *("carlo_gavazzi", "deye", "eastron", "fronius", "goodwe", "growatt", "huawei", "kostal", "pzem_chint"),
    *("sma", "solaredge", "sungrow", "victron"),
)
PARTS_OF_VICTRON = {
    "system": "victron-gx",
    "grid": "victron-grid",
    "pvinverter": "victron-pvinverter",
    "acload": "victron-acload",
}
UNITS = {"kWh": 1000}
"""What a fact's unit is in the unit of a reading, where that is another."""
AS_SIGNED = {"growatt-tlx", "growatt-legacy"}
"""Power that the facts list unsigned, and tell to be read signed."""


def facts(file: str) -> list[Any]:
    return list(yaml.safe_load_all(shared_file(f"devices/{file}.yaml").read_text()))


def described(file: str) -> Iterator[tuple[Profile, dict[str, Any], dict[str, Any]]]:
    """Each measurement of a file with its device and the profile that should have it."""
    for device in facts(file):
        for fact in device["measurements"]:
            name = device["id"]
            if name == "victron-gx":
                name = PARTS_OF_VICTRON[fact["name"].split(".")[0]]
            if fact.get("type") != "chain":
                yield profile.load(name), device, fact


def registers(known: Profile) -> Iterator[Register]:
    for section in known.sections:
        yield from section.registers
    if isinstance(known.rated, Register):
        yield known.rated


def kind_of(fact: dict[str, Any], known: Profile) -> set[str]:
    kind = str(fact["type"])
    signed = kind.replace("u", "", 1) if known.name in AS_SIGNED and fact["unit"] == "W" else kind
    return {signed, "magnitude32"} if kind in ("int32", "acc32") else {signed}


@pytest.mark.parametrize("file", FILES)
def test_what_a_profile_reads_stands_where_the_facts_say(file: str) -> None:
    compared = 0
    for known, device, fact in described(file):
        first = fact["regs"][0] if "regs" in fact else fact["addr"]
        for one in registers(known):
            if one.address != first or one.function not in functions(device):
                continue
            told = f"{known.name}: {fact['name']} at {first}"
            assert one.type in kind_of(fact, known), told
            assert list(one.places) == fact.get("regs", list(one.places)), told
            expected = Fraction(str(fact["scale"])) * UNITS.get(fact["unit"], 1)
            assert abs(one.scale) == expected, told
            order = fact.get("word_order", device["protocol"].get("word_order", "big"))
            assert one.count == 1 or order.startswith(one.word_order), told
            assert one.sf == fact.get("sf"), told
            compared += 1
    assert compared > 3 or file == "fronius"


def functions(device: dict[str, Any]) -> list[int]:
    told = device["protocol"]["function"]
    return told if isinstance(told, list) else [told]


SIGNS = {"import positive": 1, "export positive": -1, "discharge positive": 1}


@pytest.mark.parametrize("file", FILES)
def test_signs_are_as_the_facts_tell_them(file: str) -> None:
    for known, _, fact in described(file):
        sign = next((sign for words, sign in SIGNS.items() if fact.get("sign", "").startswith(words)), None)
        for one in registers(known):
            if sign is not None and one.address == fact["addr"] and "sf" not in fact:
                assert one.scale * sign > 0, f"{known.name}: {fact['name']}"


@pytest.mark.parametrize("file", FILES)
def test_what_one_source_alone_says_is_said_to_be_unconfirmed(file: str) -> None:
    for known, _, fact in described(file):
        if fact["verified"] == 1 and any(one.address == fact.get("addr") for one in registers(known)):
            text = (ROOT / f"tradelane/meter/profiles/{known.name}.toml").read_text()
            comment = text[: text.index("name =")]
            assert "unconfirmed" in comment, f"{known.name}: {fact['name']}"


@pytest.mark.parametrize("file", FILES)
def test_power_and_counters_of_every_device_are_read(file: str) -> None:
    """What sells energy: nothing of it that the facts know may be forgotten."""
    for known, _, fact in described(file):
        if fact["name"] in ("power", "meter_power", "grid_power", "energy_import", "energy_export"):
            assert any(fact["addr"] == one.address for one in registers(known)), (
                f"{known.name}: {fact['name']}"
            )


def test_every_profile_says_how_it_was_verified() -> None:
    for name in profile.names():
        text = (ROOT / f"tradelane/meter/profiles/{name}.toml").read_text()
        assert text.startswith("# Verified: "), name
