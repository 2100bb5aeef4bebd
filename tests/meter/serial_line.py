"""A serial line with one meter on it: a pseudo-terminal that answers as a Modbus RTU device does.

Written from the protocol: nothing of the code under test is used.
"""

from __future__ import annotations

import asyncio
import os
import pty
import struct
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

REQUEST = struct.Struct(">BBHHH")
ILLEGAL_ADDRESS = 2


def crc(data: bytes) -> bytes:
    """CRC-16 of Modbus, low byte first."""
    check = 0xFFFF
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0xA001 if check & 1 else 0)
    return struct.pack("<H", check)


def answer(request: bytes, unit: int, words: Mapping[int, int]) -> bytes:
    """The frame a device with these registers sends; b"" when it is not asked, or cannot understand."""
    if len(request) != REQUEST.size or crc(request[:-2]) != request[-2:] or request[0] != unit:
        return b""
    _, function, address, count, _ = REQUEST.unpack(request)
    wanted = range(address, address + count)
    if any(one not in words for one in wanted):
        body = struct.pack(">BBB", unit, function | 0x80, ILLEGAL_ADDRESS)
    else:
        body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *(words[one] for one in wanted))
    return body + crc(body)


@contextmanager
def serial_meter(unit: int, words: Mapping[int, int], heard: list[bytes]) -> Iterator[str]:
    """The path of a serial port with such a device behind it; ``heard`` collects the requests.

    Inside a running event loop.
    """
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    pending = bytearray()

    def talk() -> None:
        pending.extend(os.read(ours, 256))
        while len(pending) >= REQUEST.size:
            request = bytes(pending[: REQUEST.size])
            del pending[: REQUEST.size]
            heard.append(request)
            os.write(ours, answer(request, unit, words))

    loop = asyncio.get_running_loop()
    loop.add_reader(ours, talk)
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
