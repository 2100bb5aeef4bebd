"""The Modbus adapter and the poller against real sockets that misbehave as real devices do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from tests.meter.servers import HOST, bare, device, now, served, sunspec, words_answer
from tests.shared import free_port
from tradelane.meter import profile
from tradelane.meter.device import Device
from tradelane.meter.modbus import ModbusConnection, ModbusMeter, ModbusSource, read_once
from tradelane.meter.reading import (
    BadAnswer,
    IllegalAddress,
    LinkDown,
    MeterError,
    Quality,
    Reading,
    Role,
    Unreachable,
)

TWO_VALUES = profile.parse(
    """
name = "two"
vendor = "Test"
model = "two registers"
role = "grid"
[[register]]
value = "power_w"
address = 10
type = "int16"
[[register]]
value = "import_wh"
address = 12
type = "uint32"
[modbus]
gap = 4
""",
    "two.toml",
)
QUICK_S = 0.1


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


def source(port: int, meters: Sequence[ModbusMeter], failures: list[str] | None = None) -> ModbusSource:
    def failed(meter: str, _error: MeterError) -> None:
        if failures is not None:
            failures.append(meter)

    connection = ModbusConnection(HOST, port, QUICK_S)
    return ModbusSource(connection, meters, period_s=1, now=now, sleep=no_wait, seed=1, failed=failed)


async def take(stream: AsyncIterator[Reading], count: int) -> list[Reading]:
    return [await anext(stream) for _ in range(count)]


def test_a_dead_host_is_link_down() -> None:
    with pytest.raises(LinkDown):
        asyncio.run(read_once(HOST, free_port(), 1, TWO_VALUES, now))


def test_a_silent_unit_is_unreachable() -> None:
    async def silent(*_: int) -> bytes:
        return b""

    async def main() -> None:
        async with bare(silent) as port:
            await read_once(HOST, port, 1, TWO_VALUES, now, timeout_s=QUICK_S)

    with pytest.raises(Unreachable):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (words_answer(4, [1, 2]), BadAnswer),
        (words_answer(3, [1]), BadAnswer),
        (words_answer(3, [1, 2, 3]), BadAnswer),
        (words_answer(3, []), BadAnswer),
        (bytes([0x83, 2]), IllegalAddress),
        (bytes([0x83, 3]), IllegalAddress),
        (bytes([0x83, 4]), IllegalAddress),
        (bytes([0x83, 11]), Unreachable),
        (bytes([3, 4, 0, 1]), BadAnswer),
        (bytes([3, 4, 0, 1, 0, 2, 0]), BadAnswer),
        (bytes([0x83]), BadAnswer),
        (bytes([0x83, 6]), BadAnswer),
        (bytes([0x2B, 14, 1]), BadAnswer),
        (bytes([3]), BadAnswer),
    ],
)
def test_an_answer_that_is_not_the_one_asked_for_is_refused(answer: bytes, error: type[MeterError]) -> None:
    async def wrong(*_: int) -> bytes:
        return answer

    async def main() -> None:
        async with bare(wrong) as port:
            connection = ModbusConnection(HOST, port, QUICK_S)
            with pytest.raises(error):
                await connection.read(1, 3, 0, 2)
            await connection.close()

    asyncio.run(main())


def test_a_late_answer_is_never_taken_for_the_next() -> None:
    """The first question is answered only after its timeout; the second must get its own registers."""
    gave_up = asyncio.Event()

    async def late_once(_unit: int, function: int, address: int, count: int) -> bytes:
        if address == 100:
            await gave_up.wait()
        return words_answer(function, [address] * count)

    async def main() -> list[int]:
        async with bare(late_once, transaction=0) as port:
            connection = ModbusConnection(HOST, port, QUICK_S)
            with pytest.raises(Unreachable):
                await connection.read(1, 3, 100, 2)
            gave_up.set()
            answers = [await connection.read(1, 3, 200, 2), await connection.read(1, 3, 300, 2)]
            await connection.close()
            return [answer[0] for answer in answers]

    assert asyncio.run(main()) == [200, 300]


def test_one_question_at_a_time_on_a_connection() -> None:
    asked, most = 0, 0

    async def slow(_unit: int, function: int, _address: int, count: int) -> bytes:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        await asyncio.sleep(0.01)
        asked -= 1
        return words_answer(function, [7] * count)

    async def main() -> None:
        async with bare(slow) as port:
            connection = ModbusConnection(HOST, port)
            await asyncio.gather(*(connection.read(1, 3, 0, 1) for _ in range(5)))
            await connection.close()

    asyncio.run(main())
    assert most == 1


def test_a_refused_register_is_a_hole_and_is_not_asked_for_again() -> None:
    asked: list[tuple[int, int]] = []

    async def holed(_unit: int, function: int, address: int, count: int) -> bytes:
        asked.append((address, count))
        if address <= 10 < address + count:
            return bytes([function | 0x80, 2])
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


def test_polling_goes_on_while_one_unit_is_dead_and_another_refuses_everything() -> None:
    failures: list[str] = []
    answered_between: list[int] = []

    async def line(unit: int, function: int, address: int, count: int) -> bytes:
        answered_between.append(unit)
        if unit == 2:
            return b""
        if unit == 3:
            return bytes([function | 0x80, 2])
        return words_answer(function, [unit] * count)

    meters = [ModbusMeter(f"m{unit}", unit, TWO_VALUES) for unit in (1, 2, 3, 4)]

    async def main() -> list[Reading]:
        async with bare(line) as port, aclosing(source(port, meters, failures).readings()) as stream:
            return await take(stream, 40)

    readings = asyncio.run(main())
    assert [reading.meter for reading in readings] == ["m1", "m4"] * 20
    assert {"m2", "m3"} == set(failures)
    # twenty rounds, and the dead unit was tried in few of them
    assert answered_between.count(2) < 10


def test_a_meter_that_comes_back_is_read_again_and_was_stale_meanwhile() -> None:
    port = free_port()
    words = {10: [42, 0, 0, 500]}

    async def main() -> list[Reading]:
        stream = source(port, [ModbusMeter("m", 1, TWO_VALUES)]).readings()
        async with aclosing(stream):
            async with served(device(1, words), port=port):
                before = await anext(stream)
            gone = await anext(stream)
            async with served(device(1, words), port=port):
                back = await anext(stream)
        return [before, gone, back]

    before, gone, back = asyncio.run(main())
    assert before.values == back.values == {"power_w": 42, "import_wh": 500}
    assert gone.quality is Quality.STALE
    assert gone.values == {"power_w": None, "import_wh": None}


def test_a_device_rediscovered_after_an_outage_may_have_moved_its_models() -> None:
    port = free_port()
    whole, floats = [1] * 105, [0x3F80, 0] * 62

    async def main() -> list[Reading]:
        stream = source(port, [ModbusMeter("m")]).readings()
        async with aclosing(stream):
            async with served(device(1, {40000: sunspec("Fronius", (203, whole))}), port=port):
                before = await anext(stream)
            gone = await anext(stream)
            async with served(device(1, {50000: sunspec("Fronius", (213, floats))}), port=port):
                back = await anext(stream)
        return [before, gone, back]

    before, gone, back = asyncio.run(main())
    assert [one.profile for one in (before, gone, back)] == ["sunspec-203", "sunspec-203", "sunspec-213"]
    assert (back.role, back.values["import_wh"], back.values["voltage_l1_v"]) == (Role.GRID, 1, 1)


def test_pymodbus_and_paho_are_loaded_only_when_a_meter_is_read() -> None:
    code = "import sys, tradelane.meter.modbus, tradelane.meter.mqtt; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "tradelane.meter.device" in loaded.split()
    assert not {"pymodbus", "paho", "cryptography", "astral"} & set(loaded.split())
