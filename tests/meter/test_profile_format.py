"""What a profile can say of a device, and what it is told when it says it wrongly."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.meter.servers import HOST, device, now, served, sunspec
from tradelane.meter import identity, profile, register_table, toml_table
from tradelane.meter.blocks import Block
from tradelane.meter.modbus import read_once
from tradelane.meter.profile import Profile
from tradelane.meter.reading import BadProfile, IllegalAddress, Reading, Role, UnknownProfile, Value
from tradelane.meter.registers import Register, decode

HEAD = 'name = "mine"\nvendor = "Me"\nmodel = "One"\nrole = "grid"\n'
ONE = '[[register]]\nvalue = "power_w"\naddress = 1\ntype = "int16"\n'


def parsed(*parts: str) -> Profile:
    return profile.parse(HEAD + "\n".join(parts), "mine.toml")


def values(known: Profile, words: Mapping[int, int], role: Role = Role.GRID) -> dict[str, Value]:
    section = next(one for one in known.sections if one.role is role)
    return section.values(decode(section.registers, words))


def floats(*numbers: float, order: str = "big") -> list[int]:
    pairs = [struct.unpack(">HH", struct.pack(">f", number)) for number in numbers]
    return [word for pair in pairs for word in (pair if order == "big" else pair[::-1])]


def read(known: Profile | None, blocks: Mapping[int, list[int]]) -> dict[Role, Mapping[str, Value]]:
    async def main() -> list[Reading]:
        async with served(device(1, blocks)) as port:
            return await read_once(HOST, port, 1, known, now)

    return {reading.role: reading.values for reading in asyncio.run(main())}


def test_words_may_stand_apart() -> None:
    apart = ONE.replace("address = 1", "address = [78, 80]").replace("int16", "uint32")
    little = parsed('[modbus]\nword_order = "little"', apart)
    assert values(little, {78: 1, 79: 5000, 80: 2}) == {"power_w": 2 * 65536 + 1}
    assert values(parsed(apart), {78: 1, 80: 2}) == {"power_w": 65536 + 2}
    assert values(little, {78: 1, 79: 5000}) == {"power_w": None}
    (block,) = little.requests()
    assert (block.address, block.count) == (78, 3)


def test_a_sum_adds_what_there_is_and_is_unknown_without_what_must_be() -> None:
    known = parsed(
        "[not_available]\nuint16 = [0xFFFF]",
        '[[register]]\nvalue = "power_w"\ntype = "uint16"\nscale = 0.1',
        "sum = [{ address = 1 }, { address = 2, absent = true }, { address = 9, sign = -1, absent = true }]",
    )
    assert values(known, {1: 100, 2: 20, 9: 5}) == {"power_w": 11.5}
    assert values(known, {1: 100, 2: 0xFFFF}) == {"power_w": 10}
    assert values(known, {2: 20, 9: 5}) == {"power_w": None}
    assert values(known, {1: 0xFFFF, 2: 20}) == {"power_w": None}
    assert [(block.address, block.count) for block in known.requests()] == [(1, 2), (9, 1)]


def test_a_sum_of_which_all_may_be_absent_is_not_made_of_nothing() -> None:
    known = parsed('[[register]]\nvalue = "power_w"\ntype = "uint16"\nsum = [{ address = 1, absent = true }]')
    assert values(known, {1: 0}) == {"power_w": 0}
    assert values(known, {}) == {"power_w": None}


def test_the_first_that_is_known_counts() -> None:
    known = parsed(
        '[[register]]\nvalue = "import_wh"\nsign = -1',
        'first = [{ address = 1, type = "uint32", not_available = [0] }, { address = 9, type = "int16" }]',
    )
    assert values(known, {1: 0, 2: 7, 9: 3}) == {"import_wh": -7}
    assert values(known, {1: 0, 2: 0, 9: 3}) == {"import_wh": -3}
    assert values(known, {1: 0, 2: 0}) == {"import_wh": None}


def test_a_status_word_may_say_the_sign() -> None:
    known = parsed(ONE + "minus_if = { address = 9, mask = 2 }")
    for raw in (500, 0x10000 - 500):
        assert values(known, {1: raw, 9: 0b100}) == {"power_w": 500}
        assert values(known, {1: raw, 9: 0b110}) == {"power_w": -500}
    assert values(known, {1: 500}) == {"power_w": None}
    assert values(known, {9: 2}) == {"power_w": None}


def test_what_is_not_available_is_said_by_type_or_by_register() -> None:
    known = parsed(
        "[not_available]\nint16 = [0x8000]",
        ONE,
        '[[register]]\nvalue = "frequency_hz"\naddress = 2\ntype = "int16"\nnot_available = [0, 7]',
    )
    assert values(known, {1: 0x8000, 2: 0x8000}) == {"power_w": None, "frequency_hz": -0x8000}
    assert values(known, {1: 0, 2: 7}) == {"power_w": 0, "frequency_hz": None}


def test_functions_barriers_and_limits_part_requests() -> None:
    rows = "".join(
        f'[[register]]\nvalue = "{value}"\naddress = {address}\ntype = "uint16"\n{more}\n'
        for address, (value, more) in enumerate(
            [
                ("voltage_l1_v", ""),
                ("voltage_l2_v", ""),
                ("voltage_l3_v", ""),
                ("current_l1_a", "function = 4"),
                ("current_l2_a", "function = 4"),
                ("current_l3_a", "function = 4"),
            ]
        )
    )

    def asked(more: str) -> list[tuple[int, int, int]]:
        blocks: tuple[Block, ...] = parsed(f"[modbus]\n{more}", rows).requests()
        return [(one.function, one.address, one.count) for one in blocks]

    assert asked("") == [(3, 0, 3), (4, 3, 3)]
    assert asked("barriers = [2, 3, 5]") == [(3, 0, 2), (3, 2, 1), (4, 3, 2), (4, 5, 1)]
    assert asked("max_registers = 2") == [(3, 0, 2), (3, 2, 1), (4, 3, 2), (4, 5, 1)]


def test_counters_may_say_where_they_start_again_and_what_they_are_called() -> None:
    known = parsed(
        '[[register]]\nvalue = "import_wh"\naddress = 1\ntype = "uint16"\nscale = 10',
        'wraps_at = 655350\nobis = "1-0:1.8.0"',
    )
    assert known.wraps_at(Role.GRID, "import_wh") == 655350
    assert known.wraps_at(Role.GRID, "export_wh") is None
    assert [one.obis for one in known.notes] == ["1-0:1.8.0"]


def test_connection_and_rated_power_are_said() -> None:
    known = parsed(
        "[modbus]\nconnect_delay_ms = 1000\nsingle_client = true", "[rated_power]\nwatts = 5000", ONE
    )
    assert (known.connect_delay_ms, known.single_client, known.rated) == (1000, True, 5000)
    asked = parsed('[rated_power]\naddress = 5\ntype = "uint16"\nscale = 100', ONE).rated
    assert isinstance(asked, Register)
    assert decode([asked], {5: 100}) == {"power_w": 10_000}


FAULTS: list[tuple[str, str, str]] = [
    ("[[register]]", "[modbus]\nbarriers = [2]\n[[register]]", ""),
    ("address = 1", "address = [1]", ""),
    ("address = 1", "address = [1, 2]", "register[0].address"),
    ("address = 1", "address = [1, 1]", "register[0].address"),
    ("address = 1", "address = 65536", "register[0].address"),
    ('"int16"', '"int32"\nsf = 300', "register[0].address"),
    ('address = 1\ntype = "int16"', 'address = 65535\ntype = "int32"', "register[0].address"),
    (
        'address = 1\ntype = "int16"',
        'address = 1\ntype = "int32"\n[modbus]\nbarriers = [2]',
        "register[0].address",
    ),
    (
        'address = 1\ntype = "int16"',
        'address = [1, 9]\ntype = "int32"\n[modbus]\nmax_registers = 8',
        "register[0].address",
    ),
    ('"int16"', '"string"', "register[0].type"),
    ('"int16"', '"int16"\nfunction = 6', "register[0].function"),
    ('"int16"', '"int16"\nwraps_at = 9', "register[0].wraps_at"),
    ('"int16"', '"int16"\nsum = [{ address = 2 }]', "register[0].address"),
    ('address = 1\ntype = "int16"', 'type = "int16"\nsum = []', "register[0].sum"),
    ('address = 1\ntype = "int16"', 'sum = [{ address = 2, type = "x" }]', "register[0].sum[0].type"),
    (
        'address = 1\ntype = "int16"',
        'type = "int16"\nfirst = [{ address = 2, absent = true }]',
        "register[0].first[0].absent",
    ),
    ('"int16"', '"int16"\nminus_if = { address = 2 }', "register[0].minus_if.mask"),
    ('"int16"', '"int16"\nscale = inf', "register[0].scale"),
    ('"int16"', '"int16"\nnot_available = [-1]', "register[0].not_available"),
    ("[[register]]", "[not_available]\nint17 = [1]\n[[register]]", "not_available.int17"),
    ("[[register]]", "[modbus]\nsingle_client = 1\n[[register]]", "modbus.single_client"),
    ("[[register]]", "[modbus]\nconnect_delay_ms = 1.5\n[[register]]", "modbus.connect_delay_ms"),
    ("[[register]]", "[rated_power]\nwatts = 0\n[[register]]", "rated_power.watts"),
    ("[[register]]", "[[identify]]\naddress = 1\n[[register]]", "identify[0].starts_with"),
    (
        "[[register]]",
        "[word_order_register]\naddress = 5\nbig = 1\n[[register]]",
        "word_order_register.little",
    ),
    ("[[register]]", "[[sunspec]]\nmodel = 160\naddress = 5\n[[register]]", "sunspec[0].model"),
    ("[[register]]", "[[sunspec]]\nmodel = 103\naddress = 65500\n[[register]]", "sunspec[0].address"),
    ('role = "grid"\n', 'role = "grid"\ndiscover = true\n', "discover"),
    ('role = "grid"\n', "", "register[0].role"),
]


@pytest.mark.parametrize(("old", "new", "key"), FAULTS)
def test_a_fault_is_named_by_its_key(old: str, new: str, key: str) -> None:
    text = HEAD + ONE
    assert old in text
    found, faults = profile.check(text.replace(old, new, 1), "mine.toml")
    assert [fault.key for fault in faults] == ([key] if key else [])
    assert (found is None) == bool(key)


def test_all_faults_are_found_at_once_and_a_near_key_is_guessed() -> None:
    table = toml_table.Table("mine.toml", "x.", {"funktion": 3, "gap": "9", "zzz": 1}, [])
    table.only({"function", "gap"})
    assert table.whole("gap", 0, 9, 1) == 1
    assert [str(fault) for fault in table.faults] == [
        "mine.toml: x.funktion: unknown key, did you mean function?",
        "mine.toml: x.zzz: unknown key",
        "mine.toml: x.gap: expected a whole number from 0 to 9",
    ]


def test_a_table_s_own_keys_go_before_what_its_list_says() -> None:
    table = toml_table.Table("mine.toml", "", {"address": 3, "scale": 2}, [])
    shared = {"type": "uint16", "scale": 7}
    made = register_table.register(table.under(shared), "power_w", register_table.Defaults())
    assert (made.type, int(made.scale), made.address) == ("uint16", 2, 3)


def test_one_s_own_folder_goes_before_what_comes_with_tradelane(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HEAD + ONE)
    (tmp_path / "eastron-sdm120.toml").write_text(HEAD + ONE)
    assert profile.load("mine", tmp_path).vendor == "Me"
    assert profile.load("eastron-sdm120", tmp_path).vendor == "Me"
    assert profile.load("eastron-sdm120").vendor == "Eastron"
    assert profile.load("eastron-sdm230", tmp_path).vendor == "Eastron"
    assert {"mine", "eastron-sdm230"} <= set(profile.names(tmp_path))
    assert "mine" not in profile.names()
    with pytest.raises(UnknownProfile, match="mine"):
        profile.load("mine")
    with pytest.raises(UnknownProfile, match="nobody"):
        profile.load("nobody", tmp_path / "nowhere")
    (tmp_path / "broken.toml").write_bytes(b"\xff")
    with pytest.raises(BadProfile, match=r"broken\.toml"):
        profile.load("broken", tmp_path)


def asking(words: Mapping[int, int]) -> identity.Ask:
    async def ask(function: int, address: int, count: int) -> list[int]:
        if any(one not in words for one in range(address, address + count)):
            raise IllegalAddress(str(address))
        return [words[one] for one in range(address, address + count)]

    return ask


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ({11: 0x4142, 12: 0x4300, 20: 7}, True),
        ({11: 0x4142, 12: 0x4300, 20: 9}, False),
        ({11: 0x4242, 12: 0, 20: 7}, False),
        ({20: 7}, True),
        ({}, None),
    ],
)
def test_a_device_is_known_by_what_it_says(words: dict[int, int], fits: bool | None) -> None:
    known = parsed(
        '[[identify]]\naddress = 11\nwords = 2\nstarts_with = ["AB", "X"]',
        "[[identify]]\naddress = 20\nnumbers = [7, 8]",
        ONE,
    )
    assert asyncio.run(identity.fits(known.clues, asking(words))) is fits


def test_a_device_without_sunspec_that_says_its_model_is_told_its_profiles() -> None:
    name = list(struct.unpack(">15H", b"SUN2000-5KTL-L1".ljust(30, b"\0")))
    with pytest.raises(UnknownProfile, match=r"name a profile: it looks like huawei-sun2000 or huawei"):
        read(None, {30000: name, 11: [1]})
    with pytest.raises(UnknownProfile, match=r"name a profile: it looks like cg-em340$"):
        read(None, {11: [341]})
    with pytest.raises(UnknownProfile, match=r"name a profile$"):
        read(None, {11: [1]})


@pytest.mark.parametrize(("held", "order"), [(0, "little"), (1, "big"), (7, "little"), (None, "little")])
def test_a_plenticore_is_read_in_the_word_order_its_owner_chose(held: int | None, order: str) -> None:
    blocks = {152: floats(50.0, 7.5, order=order), 575: [1234], 252: floats(-800.0, order=order)}
    if held is not None:
        blocks[5] = [held]
    readings = read(profile.load("kostal-plenticore"), blocks)
    assert readings[Role.SOLAR]["frequency_hz"] == 50
    assert readings[Role.SOLAR]["current_l1_a"] == 7.5
    assert readings[Role.GRID] == {"power_w": -800}


def test_a_deye_s_import_counter_is_put_together_around_the_frequency() -> None:
    blocks = {78: [0x0203, 5001, 0x0001, 900, 0], 186: [700, 800], 190: [0x10000 - 300]}
    readings = read(profile.load("deye-hybrid-1p"), blocks)
    grid = readings[Role.GRID]
    assert (grid["import_wh"], grid["frequency_hz"]) == ((0x10000 + 0x0203) * 100, 50.01)
    assert grid["export_wh"] == 90_000
    assert readings[Role.SOLAR]["power_w"] == 1500
    assert readings[Role.BATTERY]["power_w"] == -300


@pytest.mark.parametrize(("state", "power"), [(0b10, -450), (0b100, 450)])
def test_a_sungrow_s_battery_flows_as_its_state_says(state: int, power: int) -> None:
    readings = read(profile.load("sungrow-sh"), {13000: [state], 13021: [450, 873]})
    assert readings[Role.BATTERY]["power_w"] == power
    assert readings[Role.BATTERY]["soc_pct"] == 87.3


def test_an_sma_at_night_says_nothing_rather_than_numbers() -> None:
    night: dict[int, list[int]] = {30775: [0x8000, 0], 30513: [0xFFFF] * 4, 30529: [0, 5000]}
    (solar,) = read(profile.load("sma-inverter"), night).values()
    assert solar["power_w"] is None
    assert solar["production_wh"] == 5000


def test_a_growatt_takes_from_the_grid_what_it_does_not_give() -> None:
    blocks = {3041: [0, 0, 0, 12345], 3053: [0, 777]}
    readings = read(profile.load("growatt-tlx"), blocks)
    assert readings[Role.GRID]["power_w"] == -1234.5
    assert readings[Role.SOLAR]["production_wh"] == 77_700


def test_a_victron_system_adds_phases_and_kinds_of_sun() -> None:
    blocks: dict[int, list[int]] = {811: [400], 817: [900], 820: [0x10000 - 250], 842: [600, 55], 850: [150]}
    readings = read(profile.load("victron-gx"), blocks)
    power: dict[Any, Value] = {role: found["power_w"] for role, found in readings.items()}
    assert power == {Role.GRID: -250, Role.SOLAR: 550, Role.BATTERY: -600, Role.LOAD: 900}


def test_a_profile_may_leave_it_to_the_device() -> None:
    meter = [0] * 105
    meter[16:22] = [0x10000 - 40, 0, 0, 0, 1, 0]
    readings = read(profile.load("fronius-sunspec"), {40000: sunspec("Fronius", (203, meter))})
    assert readings[Role.GRID]["power_w"] == -400
