"""The Modbus adapter and the poller against real sockets that misbehave as real devices do."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress

import pytest

from tests.meter.servers import HOST, bare, device, now, served, sunspec, words_answer
from tests.shared import free_port
from tradelane.meter import profile
from tradelane.meter.modbus import ModbusConnection, ModbusMeter, ModbusSource, read_once
from tradelane.meter.modbus_line import ModbusLine
from tradelane.meter.modbus_url import TcpAddress
from tradelane.meter.modbus_wire import Wire
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


def test_a_late_answer_that_a_gateway_passes_off_as_the_next_is_refused() -> None:
    """It repeats the question's transaction number, and hands out what came late over its serial side."""
    owed: list[bytes] = []

    async def confused(_unit: int, function: int, address: int, count: int) -> bytes:
        own = words_answer(function, [address] * count)
        if address == 100:
            owed.append(own)
            return b""
        return owed.pop() if owed else own

    async def main() -> list[list[int]]:
        answers = []
        async with bare(confused) as port:
            connection = ModbusConnection(HOST, port, QUICK_S)
            for address in (100, 200, 300, 400):
                with suppress(MeterError):
                    answers.append(await connection.read(1, 3, address, 2))
            await connection.close()
        return answers

    assert asyncio.run(main()) == [[300] * 2, [400] * 2]


def test_a_connection_that_breaks_is_told_at_once() -> None:
    async def main() -> None:
        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(hang_up, HOST, 0)
        connection = ModbusConnection(HOST, server.sockets[0].getsockname()[1], timeout_s=3600)
        with pytest.raises(Unreachable, match="connection was lost"):
            await connection.read(1, 3, 0, 2)
        server.close()

    asyncio.run(main())


def test_a_connection_that_breaks_before_it_is_used_leaves_no_complaint_behind() -> None:
    complaints: list[dict[str, object]] = []

    async def main() -> None:
        hung_up = asyncio.Event()

        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            hung_up.set()

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: complaints.append(context))
        server = await asyncio.start_server(hang_up, HOST, 0)
        wire = Wire(TcpAddress(HOST, server.sockets[0].getsockname()[1]), QUICK_S)
        await wire.open()
        await hung_up.wait()
        while wire.connected:
            await asyncio.sleep(0)
        wire.close()
        server.close()
        del wire
        gc.collect()

    asyncio.run(main())
    assert complaints == []


def test_a_device_that_takes_one_client_is_never_connected_to_twice() -> None:
    """Also not when a dead unit behind it makes us connect anew."""
    most = 0

    async def main() -> list[Reading]:
        nonlocal most
        connected = 0

        async def one_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connected, most
            connected += 1
            most = max(most, connected)
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    question = await reader.readexactly(12)
                    if question[6] != 2:
                        body = words_answer(3, [7] * question[11])
                        head = question[:4] + (len(body) + 1).to_bytes(2, "big") + question[6:7]
                        writer.write(head + body)
            connected -= 1
            writer.close()

        server = await asyncio.start_server(one_client, HOST, 0)
        meters = [ModbusMeter(f"m{unit}", unit, TWO_VALUES) for unit in (1, 2, 3)]
        stream = source(server.sockets[0].getsockname()[1], meters).readings()
        async with aclosing(stream):
            readings = await take(stream, 20)
        server.close()
        return readings

    assert [reading.meter for reading in asyncio.run(main())] == ["m1", "m3"] * 10
    assert most == 1


def test_a_device_is_given_the_time_it_needs_after_a_connection() -> None:
    """Some hang up on, or never answer, what is asked too early."""

    async def main(delay_s: float) -> list[int]:
        loop = asyncio.get_running_loop()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ready = loop.time() + 0.1
            question = await reader.readexactly(12)
            if loop.time() >= ready:
                writer.write(question[:5] + bytes([7]) + question[6:7] + words_answer(3, [1, 2]))
            writer.close()

        server = await asyncio.start_server(slow, HOST, 0)
        address = TcpAddress(HOST, server.sockets[0].getsockname()[1])
        line = ModbusLine(address, connect_delay_s=delay_s)
        try:
            return await line.read(1, 3, 0, 2)
        finally:
            await line.close()
            server.close()

    assert asyncio.run(main(0.3)) == [1, 2]
    with pytest.raises(Unreachable):
        asyncio.run(main(0))


def test_a_reading_that_is_given_up_half_way_leaves_nothing_behind() -> None:
    """Its answer, when it comes, finds the connection closed."""
    heard = asyncio.Event()

    async def slow_once(_unit: int, function: int, address: int, count: int) -> bytes:
        if address == 100:
            heard.set()
            await asyncio.sleep(QUICK_S)
        return words_answer(function, [address] * count)

    async def main() -> list[int]:
        async with bare(slow_once, transaction=0) as port:
            connection = ModbusConnection(HOST, port)
            reading = asyncio.create_task(connection.read(1, 3, 100, 2))
            await heard.wait()
            reading.cancel()
            await asyncio.wait([reading])
            words = await connection.read(1, 3, 200, 2)
            await connection.close()
            return words

    assert asyncio.run(main()) == [200, 200]


def test_a_reader_that_is_cancelled_as_its_answer_comes_ends() -> None:
    """asyncio.wait_for of Python 3.11, inside pymodbus, returns the answer and forgets the cancellation."""

    async def main() -> None:
        async with bare(in_no_time) as port:
            connection = ModbusConnection(HOST, port)
            await connection.read(1, 3, 0, 2)
            assert connection._wire is not None
            reading = asyncio.create_task(connection.read(1, 3, 0, 2))
            await asyncio.sleep(0)
            while not connection._wire._client.ctx.response_future.done():
                await asyncio.sleep(0)
            assert not reading.done()
            reading.cancel()
            await asyncio.wait([reading])
            assert reading.cancelled()
            await connection.close()

    async def in_no_time(_unit: int, function: int, _address: int, count: int) -> bytes:
        return words_answer(function, [1] * count)

    asyncio.run(main())


def test_pymodbus_and_paho_are_loaded_only_when_a_meter_is_read() -> None:
    code = "import sys, tradelane.meter.modbus, tradelane.meter.mqtt; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "tradelane.meter.device" in loaded.split()
    assert not {"pymodbus", "paho", "cryptography", "astral"} & set(loaded.split())
