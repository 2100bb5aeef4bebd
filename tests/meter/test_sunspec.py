"""SunSpec by discovery, beside another reader of it: pysunspec2, over the same server."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from tests.meter.servers import HOST, common, device, now, served, sunspec
from tradelane.meter import sunspec as models
from tradelane.meter.modbus import read_once
from tradelane.meter.reading import Quality, Reading, Role

SEED = 20260621
MEASURED = sorted(number for number, model in models.models().items() if model.role and not model.group)
MODULES = 3


def body(model: int, rng: random.Random) -> list[int]:
    """Registers as a device might hold them: any numbers, small scale factors, here and there nothing."""
    table = models.models()[model]
    words = [rng.randrange(0x10000) for _ in range(table.length)]
    for point in table.points.values():
        if point.type == "sunssf":
            words[point.offset - 2] = rng.choice([0x10000 - 2, 0x10000 - 1, 0, 1])
        elif point.type == "int16" and rng.random() < 0.2:
            words[point.offset - 2] = 0x8000
        elif point.type == "uint64":
            words[point.offset - 2 : point.offset] = [0, 0]
        elif point.type == "float32":
            words[point.offset - 2] = 0x7FC0 if rng.random() < 0.2 else 0x4000 + rng.randrange(0x600)
    return words


def modules(rng: random.Random) -> list[int]:
    """Model 160 with a few modules, one of which is not there."""
    words = [0x10000 - 2, 0x10000 - 1, 0, 0, 0, 0, MODULES, 0]
    for index in range(MODULES):
        absent = index == 1
        measured = [0xFFFF if absent else rng.randrange(5000) for _ in range(3)]
        counted = [0, 0] if absent else [rng.randrange(100), rng.randrange(0x10000)]
        words += [index + 1, *[0] * 8, *measured, *counted, 0, 0, 0, 0, 0, 0]
    return words


def both(words: list[int]) -> tuple[list[Reading], Any]:
    """What we and what pysunspec2 make of the same device."""

    async def main() -> tuple[list[Reading], Any]:
        async with served(device(1, {40000: words})) as port:
            readings = await read_once(HOST, port, 1, None, now)
            return readings, await asyncio.to_thread(scanned, port)

    return asyncio.run(main())


def scanned(port: int) -> Any:
    client = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=HOST, ipport=port)
    client.scan()
    client.close()
    return client


@pytest.mark.parametrize("model", MEASURED)
def test_every_value_is_what_pysunspec2_reads(model: int) -> None:
    words = body(model, random.Random(SEED + model))
    (reading,), theirs = both(sunspec("Anybody", (model, words)))
    table = models.models()[model]
    assert (reading.profile, reading.role) == (f"sunspec-{model}", table.role)
    assert any(value is not None for value in reading.values.values())
    for name, (point, scale) in table.values.items():
        expected = getattr(theirs.models[model][0], point).cvalue
        mine = reading.values[name]
        if expected is None or expected != expected:
            assert mine is None, name
        elif name.endswith("_wh"):
            assert mine == pytest.approx(expected * float(scale), abs=0.5), name
        else:
            assert mine == pytest.approx(expected * float(scale), rel=1e-9, abs=1e-4), name


def test_without_an_inverter_model_the_modules_of_160_are_summed() -> None:
    words = modules(random.Random(SEED))
    (reading,), theirs = both(sunspec("Anybody", (160, words)))
    found = theirs.models[160][0].module
    assert len(found) == MODULES
    assert (reading.profile, reading.role) == ("sunspec-160", Role.SOLAR)
    assert reading.values["power_w"] == sum(one.DCW.cvalue or 0 for one in found) > 0
    assert reading.values["production_wh"] == sum(one.DCWH.cvalue or 0 for one in found)


def test_beside_an_inverter_model_it_is_the_inverter_that_counts() -> None:
    rng = random.Random(SEED)
    words = sunspec("Anybody", (160, modules(rng)), (103, body(103, rng)))
    (reading,), _ = both(words)
    assert reading.profile == "sunspec-103"


def test_modules_that_say_nothing_are_no_zero() -> None:
    silent = [0, 0, 0, 0, 0, 0, 1, 0, 1, *[0] * 8, *[0xFFFF] * 3, *[0] * 8]
    (reading,), _ = both(sunspec("Anybody", (160, silent)))
    assert reading.quality is Quality.BAD
    assert set(reading.values.values()) == {None}


def test_more_modules_than_come_with_their_scale_in_one_request_are_not_half_summed() -> None:
    group = models.models()[160].group
    assert group is not None
    assert [group.times(8 + 20 * count) for count in (0, 1, 5, 6)] == [0, 1, 5, 0]
    found = (models.Found(160, 40070, 8 + 20 * 7),)
    assert models.sections(models.Chain("", "", "", found)) == ()


def test_a_nameplate_decodes_as_pysunspec2_has_it_and_is_no_reading() -> None:
    """Model 702, every point that is a number with a scale."""
    words = body(702, random.Random(SEED))
    (reading,), theirs = both(sunspec("Anybody", (702, words), (713, body(713, random.Random(SEED)))))
    assert (reading.profile, reading.role) == ("sunspec-713", Role.BATTERY)
    start = 40_000 + 2 + len(common("Anybody"))
    served_words = dict(enumerate([702, len(words), *words], start))
    mine = models.decode_points(702, start, served_words)
    scaled = [name for name, point in models.models()[702].points.items() if point.sf is not None]
    assert len(scaled) > 30
    for name in scaled:
        expected = getattr(theirs.models[702][0], name).cvalue
        assert mine[name] == (None if expected is None else pytest.approx(expected)), name
