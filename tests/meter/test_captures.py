"""Dumps of real devices, served by a real Modbus server, read as the command line reads them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.meter.captures import CHAINS, NOT_MODBUS, READERS, Capture, blocks, capture, dump, index
from tests.meter.serial_line import crc, serial_meter
from tests.meter.servers import HOST, device, now, served, sunspec
from tests.meter.servers import capture as raw
from tradelane.meter import identity, profile
from tradelane.meter import sunspec as models
from tradelane.meter.modbus import ModbusConnection, read_at, read_once
from tradelane.meter.modbus_url import SerialAddress
from tradelane.meter.reading import Quality, Reading, Role, UnknownProfile
from tradelane.meter.registers import Register, decode_one

FILES = [entry["file"] for entry in index()] or ["INDEX.json"]
DUMPS = [file for file in FILES if file in READERS] or ["INDEX.json"]


def read(held: Capture, profile_name: str | None) -> dict[Role, Reading]:
    async def main() -> list[Reading]:
        async with served(device(held.unit, blocks(held.words))) as port:
            known = profile.load(profile_name) if profile_name else None
            return await read_once(HOST, port, held.unit, known, now)

    return {reading.role: reading for reading in asyncio.run(main())}


@pytest.mark.parametrize("file", DUMPS)
def test_a_dump_gives_what_is_known_of_it(file: str) -> None:
    if file == "INDEX.json":
        dump(file)
    held = capture(file)
    readings = read(held, held.profile)
    assert held.values
    for (role, value), expected in held.values.items():
        found = readings[role].values[value]
        assert found == (None if expected is None else pytest.approx(expected, abs=1e-4)), (role, value)


def test_every_capture_is_read_here_or_said_to_be_dealt_with_elsewhere() -> None:
    entries = index()
    if not entries:
        dump("INDEX.json")
    for entry in entries:
        known = entry["file"] in READERS or entry["file"] in CHAINS
        assert known or any(entry["kind"].startswith(kind) for kind in NOT_MODBUS), entry


@pytest.mark.parametrize("file", ["goodwe_gw10k_et.json", "goodwe_gw20k_et.json"])
def test_sun_battery_and_grid_together_are_what_the_house_uses(file: str) -> None:
    """So that no sign is wrong: + sun, + discharge, + import."""
    held = capture(file)
    readings = read(held, held.profile)
    sources = [readings[role].values["power_w"] for role in (Role.SOLAR, Role.BATTERY)]
    without_meter = Capture(
        held.unit, {at: word for at, word in held.words.items() if at < 36000}, held.profile, {}
    )
    grid = read(without_meter, held.profile)[Role.GRID].values["power_w"]
    used = dump(file)["expected"]["house_consumption"][0]
    assert sum(one or 0 for one in [*sources, grid]) == used


def test_a_frame_of_an_et112_comes_as_recorded_over_a_serial_line() -> None:
    held, body = capture("cg_et112_rtu.json"), dump("cg_et112_rtu.json")
    request, response = bytes.fromhex(body["request"]), bytes.fromhex(body["response"])
    assert crc(response[:-2]) == response[-2:]
    heard: list[bytes] = []

    async def main() -> list[Reading]:
        with serial_meter(held.unit, held.words, heard) as port:
            return await read_at(SerialAddress(port), held.unit, profile.load(held.profile), now)

    (reading,) = asyncio.run(main())
    assert request in heard
    assert reading.values["voltage_l1_v"] == body["expected"]["voltage_V"]
    assert reading.values["power_w"] is None


def test_a_huawei_says_what_it_is_and_how_strong() -> None:
    held = capture("huawei_sun2000_3ktl.json")
    known = profile.load(held.profile)
    assert isinstance(known.rated, Register)

    async def main() -> bool | None:
        async with served(device(held.unit, blocks(held.words))) as port:
            line = ModbusConnection(HOST, port)

            async def ask(function: int, address: int, count: int) -> list[int]:
                return await line.read(held.unit, function, address, count)

            try:
                return await identity.fits(known.clues, ask)
            finally:
                await line.close()

    assert asyncio.run(main()) is True
    assert decode_one(known.rated, held.words) == 3000


def points(name: str) -> dict[str, Any]:
    dumped = raw(name)
    words = dict(enumerate(dumped["registers"], dumped["address"]))
    return models.decode_points(dumped["model"], dumped["address"] - 2, words)


@pytest.mark.parametrize("name", ["solaredge_inverter_103", "solaredge_meter_203_a"])
def test_every_point_decodes_as_the_dump_says(name: str) -> None:
    decoded = points(name)
    for point, expected in raw(name)["expected"].items():
        mine = decoded[point]
        assert mine == (pytest.approx(expected) if expected is not None else None), point


def test_kostal_points_decode_as_the_standard_has_them() -> None:
    decoded = points("kostal_meter_203")
    for point, expected in raw("kostal_meter_203")["expected_spec_decode"].items():
        assert decoded[point] == (pytest.approx(expected) if expected is not None else None), point


def test_solaredge_inverter() -> None:
    reading = read(capture("solaredge_inverter_103.json"), "solaredge-inverter")[Role.SOLAR]
    assert reading.quality is Quality.GOOD
    assert reading.values == {
        "power_w": 5520,
        "production_wh": 33319778,
        "voltage_l1_v": 231.5,
        "voltage_l2_v": 231.4,
        "voltage_l3_v": 233.7,
        "current_l1_a": 7.81,
        "current_l2_a": 7.97,
        "current_l3_a": 7.91,
        "frequency_hz": 49.96,
        "power_factor": -0.9983,
    }


@pytest.mark.parametrize("name", ["solaredge-inverter", "solaredge-meter"])
def test_solaredge_meter_power_is_negative_while_it_exports(name: str) -> None:
    readings = read(capture("solaredge_meter_203_a.json"), name)
    assert readings.keys() == {Role.GRID}
    values = readings[Role.GRID].values
    assert values["power_w"] == -4857
    assert [values[f"power_l{phase}_w"] for phase in (1, 2, 3)] == [-1544, -1821, -1490]
    assert values["export_wh"] == 16414867
    assert values["voltage_l3_v"] == 232.52


@pytest.mark.parametrize("name", ["kostal-plenticore-meter", "kostal-plenticore"])
def test_kostal_export_counter_is_the_size_of_what_is_stored_negated(name: str) -> None:
    held = capture("kostal_meter_203.json")
    reading = read(held, name)[Role.GRID]
    assert reading.values["export_wh"] == held.values[Role.GRID, "export_wh"]
    assert reading.values["power_w"] == 3070
    assert reading.values["power_factor"] == 0.995
    assert reading.profile == name


def test_the_same_dumps_behind_a_whole_chain_are_found_by_discovery() -> None:
    inverter, meter = raw("solaredge_inverter_103"), raw("solaredge_meter_203_a")
    words = sunspec("SolarEdge ", (103, inverter["registers"]), (203, meter["registers"]))

    async def main() -> list[Reading]:
        async with served(device(1, {40000: words})) as port:
            return await read_once(HOST, port, 1, None, now, meter="roof")

    solar, grid = asyncio.run(main())
    assert (solar.profile, grid.profile) == ("sunspec-103", "sunspec-203")
    assert solar.values["production_wh"] == 33319778
    assert grid.values["power_w"] == -4857
    assert grid.values["export_wh"] == 16414867


def test_without_marker_or_profile_the_error_says_what_to_do() -> None:
    with pytest.raises(UnknownProfile, match="name a profile"):
        read(capture("kostal_meter_203.json"), None)


def test_solaredge_chain_of_new_models_is_walked_to_its_end() -> None:
    body = dump("solaredge_sunspec_chain.json")
    expected = [tuple(one) for one in body["expected"]["models"] if one[1] >= 705]

    async def main() -> tuple[models.Found, ...]:
        async with served(device(body["unit"], dict(body["reads"]))) as port:
            line = ModbusConnection(HOST, port)

            async def ask(address: int, count: int) -> list[int]:
                return await line.read(body["unit"], body["function"], address, count)

            try:
                return await models.walk(ask, expected[0][0])
            finally:
                await line.close()

    found = asyncio.run(main())
    assert [(one.address, one.model, one.length) for one in found] == expected
