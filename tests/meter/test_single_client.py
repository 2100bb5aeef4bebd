"""A device that somebody else is connected to: whoever asks in vain is told what it probably is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.meter.servers import HOST, bare, words_answer
from tests.shared import free_port
from tradelane.meter import profile
from tradelane.meter.modbus_line import HELD, ModbusLine
from tradelane.meter.modbus_url import TcpAddress
from tradelane.meter.reading import LinkDown, Unreachable

QUICK_S = 0.1
PLAIN = """
name = "a"
vendor = "a"
model = "a"
role = "grid"
{}
[[register]]
value = "power_w"
address = 0
type = "int16"
"""
SINGLE = profile.parse(PLAIN.format("[modbus]\nsingle_client = true\n"), "a.toml")
MANY = profile.parse(PLAIN.format(""), "a.toml")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def closes_when_asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(12)
    writer.close()


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def told(serve: Serve | None, known: profile.Profile | None) -> Unreachable:
    async def main() -> Unreachable:
        server = None if serve is None else await asyncio.start_server(serve, HOST, 0)
        port = free_port() if server is None else server.sockets[0].getsockname()[1]
        line = ModbusLine.to(TcpAddress(HOST, port), [known], QUICK_S)
        try:
            with pytest.raises(Unreachable) as found:
                await line.read(1, 3, 0, 1)
            return found.value
        finally:
            await line.close()
            if server is not None:
                server.close()

    return asyncio.run(main())


@pytest.mark.parametrize("serve", [closes, closes_when_asked, never_answers, None])
def test_a_device_for_one_client_is_probably_held_by_another(serve: Serve | None) -> None:
    error = told(serve, SINGLE)
    assert str(error).endswith(HELD) and str(error).count(HELD) == 1
    assert isinstance(error, LinkDown) == (serve is None), "still down for the poller"


@pytest.mark.parametrize("known", [MANY, None])
def test_any_device_that_hangs_up_on_us_is_and_a_silent_one_is_not(known: profile.Profile | None) -> None:
    assert HELD in str(told(closes_when_asked, known))
    assert HELD not in str(told(never_answers, known)) + str(told(None, known))


def test_a_device_that_has_answered_us_is_not_held_by_another() -> None:
    answers = [words_answer(3, [7]), b""]

    async def once(_unit: int, _function: int, _address: int, _count: int) -> bytes:
        return answers.pop(0)

    async def main() -> str:
        async with bare(once) as port:
            line = ModbusLine.to(TcpAddress(HOST, port), [SINGLE], QUICK_S)
            assert await line.read(1, 3, 0, 1) == [7]
            with pytest.raises(Unreachable) as found:
                await line.read(1, 3, 0, 1)
            await line.close()
            return str(found.value)

    assert HELD not in asyncio.run(main())


def test_a_line_minds_the_slowest_of_its_devices() -> None:
    slow = profile.parse(PLAIN.format("[modbus]\nconnect_delay_ms = 700\n"), "a.toml")
    assert ModbusLine.to(TcpAddress(HOST), [None, MANY, slow]).connect_delay_s == 0.7
