"""Serial lines that misbehave: what answers is told the request, and writes whatever, whenever it likes.

The same line is offered as a pseudo-terminal and behind a converter that passes its bytes on to whoever is
connected, late ones too.
"""

from __future__ import annotations

import asyncio
import os
import pty
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.meter.serial_line import REQUEST, crc
from tests.meter.servers import HOST
from tradelane.meter.modbus_url import Address, SerialAddress, TcpAddress

Write = Callable[[bytes], None]
Talk = Callable[[int, int, int, int, Write], Awaitable[None]]
"""(unit, function, address, count, write a frame)."""
Opened = Callable[[Talk], AbstractAsyncContextManager[Address]]


def frame(unit: int, body: bytes) -> bytes:
    whole = bytes([unit]) + body
    return whole + crc(whole)


def words_frame(unit: int, function: int, words: list[int]) -> bytes:
    return frame(unit, struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words))


class Bus:
    """Cuts what comes into requests, and hands each to ``talk`` in a task of its own."""

    def __init__(self, talk: Talk, write: Write) -> None:
        self._talk, self._write = talk, write
        self._pending = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= REQUEST.size:
            request = bytes(self._pending[: REQUEST.size])
            del self._pending[: REQUEST.size]
            assert crc(request[:-2]) == request[-2:]
            unit, function, address, count, _ = REQUEST.unpack(request)
            task = asyncio.ensure_future(self._talk(unit, function, address, count, self._write))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def serial(talk: Talk) -> AsyncIterator[Address]:
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)

    def write(data: bytes) -> None:
        os.write(ours, data)

    bus = Bus(talk, write)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: bus.hear(os.read(ours, 256)))
    try:
        yield SerialAddress(os.ttyname(theirs), 115200)
    finally:
        bus.end()
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


@asynccontextmanager
async def converter(talk: Talk) -> AsyncIterator[Address]:
    """Takes one connection at a time; what the bus says goes to the one there is."""
    clients: list[asyncio.StreamWriter] = []

    def write(data: bytes) -> None:
        for client in clients:
            client.write(data)

    bus = Bus(talk, write)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        try:
            while data := await reader.read(256):
                bus.hear(data)
        except ConnectionError:
            pass
        finally:
            clients.remove(writer)
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield TcpAddress(HOST, server.sockets[0].getsockname()[1], rtu=True)
    finally:
        bus.end()
        server.close()
        for client in clients:
            client.close()
