"""One unit: what it refuses, what it does not know, and what it cannot give at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.meter.servers import HOST, bare, device, now, served, sunspec, words_answer
from tests.meter.test_modbus import QUICK_S, TWO_VALUES
from tradelane.meter import profile
from tradelane.meter.device import RETRY_HOLES_AFTER, Device
from tradelane.meter.modbus import ModbusConnection, read_once
from tradelane.meter.reading import BadAnswer, Quality, Reading, Unreachable


@pytest.mark.parametrize("exception", [2, 3, 4])
def test_a_refused_register_is_a_hole_and_is_not_asked_for_again(exception: int) -> None:
    asked: list[tuple[int, int]] = []

    async def holed(_unit: int, function: int, address: int, count: int) -> bytes:
        asked.append((address, count))
        if address <= 10 < address + count:
            return bytes([function | 0x80, exception])
        return words_answer(function, [0, 500][:count])

    async def main() -> list[Reading]:
        async with bare(holed) as port:
            connection = ModbusConnection(HOST, port)
            meter = Device(connection, "m", 1, TWO_VALUES)
            readings = await meter.read(now) + await meter.read(now)
            await connection.close()
            return readings

    first, second = asyncio.run(main())
    assert first.values == second.values == {"power_w": None, "import_wh": 500}
    assert asked == [(10, 4), (10, 1), (12, 2), (12, 2)]


def test_a_device_that_fails_past_fifty_registers_is_asked_for_fewer() -> None:
    words = dict(enumerate(sunspec("Kostal", (203, [1] * 105)), 40000))

    async def small(_unit: int, function: int, address: int, count: int) -> bytes:
        if count > 50 or any(one not in words for one in range(address, address + count)):
            return bytes([function | 0x80, 2])
        return words_answer(function, [words[one] for one in range(address, address + count)])

    async def main() -> list[Reading]:
        async with bare(small) as port:
            known = await read_once(HOST, port, 1, None, now, max_registers=50)
            return known + await read_once(HOST, port, 1, None, now)

    told, found_out = asyncio.run(main())
    assert told.values == found_out.values
    assert told.values["import_wh"] == (0x10001) * 10


def test_not_available_is_unknown_and_never_zero() -> None:
    inverter = [0xFFFF] * 50
    inverter[4] = inverter[11] = inverter[13] = 0
    inverter[12] = inverter[20] = 0x8000
    inverter[22:25] = [0, 0, 0]
    words = sunspec("Any", (103, inverter))

    async def main() -> list[Reading]:
        async with served(device(1, {40000: words})) as port:
            return await read_once(HOST, port, 1, None, now)

    (reading,) = asyncio.run(main())
    assert set(reading.values.values()) == {None}
    assert reading.quality is Quality.BAD


def test_a_counter_that_has_not_counted_yet_is_zero() -> None:
    meter = [0] * 105
    meter[14], meter[15] = 4998, 0xFFFE
    words = sunspec("Any", (203, meter))

    async def main() -> list[Reading]:
        async with served(device(1, {40000: words})) as port:
            return await read_once(HOST, port, 1, None, now)

    (reading,) = asyncio.run(main())
    assert (reading.values["export_wh"], reading.values["frequency_hz"]) == (0, 49.98)


def test_a_scale_factor_out_of_range_makes_its_values_unknown() -> None:
    meter = [5] * 105
    meter[20] = 11
    words = sunspec("Any", (203, meter))

    async def main() -> list[Reading]:
        async with served(device(1, {40000: words})) as port:
            return await read_once(HOST, port, 1, None, now)

    (reading,) = asyncio.run(main())
    assert reading.values["power_w"] is None
    assert reading.values["voltage_l1_v"] == 500000


def test_a_fixed_address_that_holds_another_model_is_left_alone() -> None:
    words = [103, 50, *[1] * 200]

    async def main() -> list[Reading]:
        async with served(device(1, {40188: words, 40069: [203, 105, *[2] * 105]})) as port:
            return await read_once(HOST, port, 1, profile.load("solaredge-inverter"), now)

    with pytest.raises(BadAnswer, match="none of the registers"):
        asyncio.run(main())


def test_a_device_that_falls_silent_past_fifty_registers_is_asked_for_what_its_profile_allows() -> None:
    async def small(_unit: int, function: int, address: int, count: int) -> bytes:
        return words_answer(function, list(range(address, address + count))) if count <= 50 else b""

    table = '[[register]]\nvalue = "{}"\naddress = {}\ntype = "uint16"\n'
    registers = table.format("power_w", 0) + table.format("frequency_hz", 60)
    head = 'name = "a"\nvendor = "a"\nmodel = "a"\nrole = "grid"\n'
    limited = f"{head}{registers}[modbus]\ngap = 100\nmax_registers = {{}}\n"

    async def main(most: int) -> list[Reading]:
        known = profile.parse(limited.format(most), "a.toml")
        async with bare(small) as port:
            return await read_once(HOST, port, 1, known, now, timeout_s=QUICK_S)

    (reading,) = asyncio.run(main(50))
    assert reading.values == {"power_w": 0, "frequency_hz": 60}
    with pytest.raises(Unreachable):
        asyncio.run(main(125))


def test_a_register_refused_only_while_the_device_starts_comes_back() -> None:
    reads = 0

    async def starting(_unit: int, function: int, address: int, count: int) -> bytes:
        if reads < 3 and address <= 12 < address + count:
            return bytes([function | 0x80, 2])
        return words_answer(function, [5] * count)

    async def main() -> list[bool]:
        nonlocal reads
        known = []
        async with bare(starting) as port:
            connection = ModbusConnection(HOST, port)
            meter = Device(connection, "m", 1, TWO_VALUES)
            while reads < RETRY_HOLES_AFTER + 2:
                (reading,) = await meter.read(now)
                reads += 1
                known.append(reading.values["import_wh"] is not None)
            await connection.close()
        return known

    assert asyncio.run(main()) == [False] * RETRY_HOLES_AFTER + [True] * 2
