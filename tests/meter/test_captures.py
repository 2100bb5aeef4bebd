"""Dumps of real devices, served by a real Modbus server, read as the command line reads them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.meter.servers import HOST, capture, device, now, served, sunspec
from tradelane.meter import profile
from tradelane.meter import sunspec as models
from tradelane.meter.modbus import read_once
from tradelane.meter.reading import IllegalAddress, Quality, Reading, Role, UnknownProfile
from tradelane.meter.registers import decode_one


def read_capture(name: str, profile_name: str | None) -> list[Reading]:
    dump = capture(name)

    async def main() -> list[Reading]:
        async with served(device(dump["unit"], {dump["address"]: dump["registers"]})) as port:
            known = profile.load(profile_name) if profile_name else None
            return await read_once(HOST, port, dump["unit"], known, now)

    return asyncio.run(main())


def points(name: str) -> dict[str, Any]:
    dump = capture(name)
    words = dict(enumerate(dump["registers"], dump["address"]))
    return models.decode_points(dump["model"], dump["address"] - 2, words)


@pytest.mark.parametrize("name", ["solaredge_inverter_103", "solaredge_meter_203_a"])
def test_every_point_decodes_as_the_dump_says(name: str) -> None:
    decoded = points(name)
    for point, expected in capture(name)["expected"].items():
        mine = decoded[point]
        assert mine == (pytest.approx(expected) if expected is not None else None), point


def test_kostal_points_decode_as_the_standard_has_them() -> None:
    decoded = points("kostal_meter_203")
    for point, expected in capture("kostal_meter_203")["expected_spec_decode"].items():
        assert decoded[point] == (pytest.approx(expected) if expected is not None else None), point


def test_solaredge_inverter() -> None:
    (reading,) = read_capture("solaredge_inverter_103", "solaredge-inverter")
    assert (reading.role, reading.quality) == (Role.SOLAR, Quality.GOOD)
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
    (reading,) = read_capture("solaredge_meter_203_a", name)
    assert reading.role is Role.GRID
    assert reading.values["power_w"] == -4857
    assert [reading.values[f"power_l{phase}_w"] for phase in (1, 2, 3)] == [-1544, -1821, -1490]
    assert reading.values["export_wh"] == 16414867
    assert reading.values["import_wh"] == 24334166
    assert reading.values["voltage_l3_v"] == 232.52


@pytest.mark.parametrize("name", ["kostal-plenticore-meter", "kostal-plenticore"])
def test_kostal_export_counter_is_the_size_of_what_is_stored_negated(name: str) -> None:
    (reading,) = read_capture("kostal_meter_203", name)
    physical = capture("kostal_meter_203")["expected_physical"]
    assert reading.role is Role.GRID
    assert reading.values["export_wh"] == physical["TotWhExp"]
    assert reading.values["import_wh"] == physical["TotWhImp"]
    assert reading.values["power_l1_w"] == physical["WphA"]
    assert reading.values["power_w"] == 3070
    assert reading.values["power_factor"] == 0.995
    assert reading.profile == name


def test_the_same_dumps_behind_a_whole_chain_are_found_by_discovery() -> None:
    inverter, meter = capture("solaredge_inverter_103"), capture("solaredge_meter_203_a")
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
        read_capture("kostal_meter_203", None)


def test_solaredge_chain_of_new_models_is_walked_to_its_end() -> None:
    dump = capture("solaredge_sunspec_chain")
    blocks = dict(dump["reads"])
    expected = [tuple(one) for one in dump["expected"]["models"] if one[1] >= 705]

    async def read(address: int, count: int) -> list[int]:
        if address not in blocks:
            raise IllegalAddress(str(address))
        return list(blocks[address][:count])

    found = asyncio.run(models.walk(read, expected[0][0]))
    assert [(one.address, one.model, one.length) for one in found] == expected


def test_eastron_import_counter() -> None:
    dump = capture("sdm630_smartevse373")
    (_, function, address, words), *_ = dump["reads"]
    known = profile.load("eastron-sdm630")
    assert function == known.function
    values = decode_one(
        next(one for one in known.sections[0].registers if one.value == "import_wh"),
        dict(enumerate(words, address)),
    )
    assert values == round(dump["expected"]["energy_import_kWh"] * 1000)
