"""Real Modbus servers for tests: pymodbus's own, and a bare one that answers whatever bytes it is told."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.shared import shared_file

NOW = 1_750_000_000_000
HOST = "127.0.0.1"

Answer = Callable[[int, int, int, int], Awaitable[bytes]]
"""(unit, function, address, count) → the answer's function code and data; b"" for silence."""


def now() -> int:
    return NOW


def capture(name: str) -> dict[str, Any]:
    return dict(json.loads(shared_file(f"captures/{name}.json").read_text()))


def device(unit: int, blocks: Mapping[int, list[int]]) -> SimDevice:
    return SimDevice(
        unit,
        [
            SimData(start, values=words, datatype=DataType.REGISTERS)
            for start, words in sorted(blocks.items())
        ],
    )


@asynccontextmanager
async def served(*devices: SimDevice, port: int = 0) -> AsyncIterator[int]:
    """A Modbus TCP server on an ephemeral port; everything not given is an illegal address."""
    server = ModbusTcpServer(list(devices), address=(HOST, port))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # asyncio Server inside
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call] # pymodbus left it bare


@asynccontextmanager
async def bare(answer: Answer, *, transaction: int | None = None) -> AsyncIterator[int]:
    """A server that frames whatever ``answer`` returns as a Modbus TCP answer to that request.

    ``transaction``: the number on every answer, as of devices that do not repeat the question's.
    """
    writers: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(7)
                tid, _, length, unit = struct.unpack(">HHHB", head)
                function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
                body = await answer(unit, function, address, count)
                if body:
                    tid = tid if transaction is None else transaction
                    writer.write(struct.pack(">HHHB", tid, 0, len(body) + 1, unit) + body)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


def words_answer(function: int, words: list[int]) -> bytes:
    return struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)


def text(value: str, words: int) -> list[int]:
    packed = value.encode().ljust(2 * words, b"\0")
    return list(struct.unpack(f">{words}H", packed))


def common(manufacturer: str) -> list[int]:
    """SunSpec model 1 with its id and length."""
    body = (
        text(manufacturer, 16) + text("Model", 16) + text("", 8) + text("1", 8) + text("SN", 16) + [1, 0x8000]
    )
    return [1, len(body), *body]


def sunspec(manufacturer: str, *models: tuple[int, list[int]]) -> list[int]:
    """A whole SunSpec map: marker, model 1, the given (id, body) models, the end."""
    words = [0x5375, 0x6E53, *common(manufacturer)]
    for model, body in models:
        words += [model, len(body), *body]
    return [*words, 0xFFFF, 0]
