"""Modbus RTU frames: the checksum, requests cut out of a stream of bytes, and answers. Pure.

Only reading is known (functions 3 and 4); any other function with a sound checksum is refused with
exception 1. Bytes that make no request are dropped one at a time until some do, as a device does that
wakes up in the middle of a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HOLDING, INPUT = 3, 4
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
MOST_REGISTERS = 125
_REQUEST = struct.Struct(">BBHHH")


@dataclass(frozen=True, slots=True)
class Request:
    """Unit, function, first address (counted from 0) and how many registers."""

    unit: int
    function: int
    address: int
    count: int


def crc(data: bytes) -> bytes:
    """CRC-16 of Modbus over serial line v1.02, section 6.2.2, low byte first."""
    check = 0xFFFF
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0xA001 if check & 1 else 0)
    return struct.pack("<H", check)


def requests(pending: bytearray) -> list[Request]:
    """The requests in ``pending``, which keeps what may become one."""
    found = []
    while len(pending) >= _REQUEST.size:
        head = bytes(pending[: _REQUEST.size])
        if crc(head[:-2]) != head[-2:]:
            del pending[0]
            continue
        del pending[: _REQUEST.size]
        found.append(Request(*_REQUEST.unpack(head)[:4]))
    return found


def frame(unit: int, body: bytes) -> bytes:
    """What goes on the wire."""
    whole = bytes([unit]) + body
    return whole + crc(whole)


def refusal(request: Request, code: int) -> bytes:
    """An exception answer's body."""
    return bytes([request.function | 0x80, code])


def answer(request: Request, function: int, words: Mapping[int, int] | Sequence[int], base: int = 0) -> bytes:
    """The body that answers ``request`` from ``words``: by address, or in a row from address ``base`` on."""
    if request.function != function:
        return refusal(request, ILLEGAL_FUNCTION)
    if not 0 < request.count <= MOST_REGISTERS:
        return refusal(request, ILLEGAL_VALUE)
    known = words if isinstance(words, Mapping) else dict(enumerate(words, base))
    wanted = range(request.address, request.address + request.count)
    if any(one not in known for one in wanted):
        return refusal(request, ILLEGAL_ADDRESS)
    values = [known[one] for one in wanted]
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)
