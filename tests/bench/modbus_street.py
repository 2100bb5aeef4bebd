"""A thousand Modbus meters in a process of their own, so that what serving costs is not counted as reading.

``python -m tests.bench.modbus_street --connections 100 --units 10 --dead 1`` prints its ports as one JSON
list and serves until its standard input ends. The last ``--dead`` units of each connection never answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys

ADDRESS, COUNT = 40070, 52
"""Where the model's id stands, and id, length and body of SunSpec model 103."""
HOST = "127.0.0.1"


def inverter() -> list[int]:
    """A three-phase inverter at work: model 103, its 50 registers by the published model."""
    words = [103, 50] + [0] * 50
    words[2:7] = [3120, 1040, 1041, 1039, 0xFFFE]
    words[7:14] = [4021, 4019, 4020, 2311, 2309, 2312, 0xFFFF]
    words[14:20] = [7171, 0, 4998, 0xFFFE, 7190, 0]
    words[20:26] = [40, 0, 9990, 0xFFFE, 0x0012, 0xD687]
    words[26:28] = [0, 7]
    return words


def body() -> bytes:
    return struct.pack(f">{COUNT}H", *inverter())


class Street(asyncio.Protocol):
    """Answers every question for the one block the meters have."""

    def __init__(self, alive: int, data: bytes) -> None:
        self._alive, self._data = alive, data
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while len(self._buffer) >= 12:
            frame, self._buffer = self._buffer[:12], self._buffer[12:]
            transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", frame)
            if unit > self._alive:
                continue
            start = 2 * (address - ADDRESS)
            words = self._data[start : start + 2 * count]
            head = struct.pack(">HHHBBB", transaction, 0, len(words) + 3, unit, function, len(words))
            self._transport.write(head + words)


async def serve(connections: int, units: int, dead: int) -> None:
    loop = asyncio.get_running_loop()
    data = body()
    servers = [
        await loop.create_server(lambda: Street(units - dead, data), HOST, 0) for _ in range(connections)
    ]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("connections", "units", "dead"):
        parser.add_argument(f"--{name}", type=int, required=True)
    asked = parser.parse_args()
    asyncio.run(serve(asked.connections, asked.units, asked.dead))


if __name__ == "__main__":
    main()
