"""Frames of smart meters, written from the standards: nothing of the code under test is used."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def bitwise(data: bytes, polynomial: int, start: int) -> int:
    """A reflected CRC-16, bit by bit."""
    check = start
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (polynomial if check & 1 else 0)
    return check


def x25(data: bytes) -> bytes:
    return struct.pack("<H", bitwise(data, 0x8408, 0xFFFF) ^ 0xFFFF)


# SML


def octets(data: bytes) -> bytes:
    size = len(data) + 1
    return bytes([size]) + data if size < 16 else bytes([0x80 | size + 1 >> 4, size + 1 & 15]) + data


def unsigned(number: int, size: int) -> bytes:
    return bytes([0x60 | size + 1]) + number.to_bytes(size, "big")


def signed(number: int, size: int) -> bytes:
    return bytes([0x50 | size + 1]) + number.to_bytes(size, "big", signed=True)


def listed(*parts: bytes) -> bytes:
    assert len(parts) < 16
    return bytes([0x70 | len(parts)]) + b"".join(parts)


def sml_entry(code: str, value: int, scaler: int, unit: int, status: bytes = b"\x01") -> bytes:
    name = bytes(int(part) for part in code.split("."))
    return listed(
        octets(name), status, b"\x01", unsigned(unit, 1), signed(scaler, 1), signed(value, 8), b"\x01"
    )


def sml_message(tag: int, content: bytes) -> bytes:
    body = listed(octets(b"\1\2"), unsigned(0, 1), unsigned(0, 1), listed(unsigned(tag, 2), content))
    body = b"\x76" + body[1:]
    return body + b"\x63" + x25(body) + b"\0"


def sml_frame(server: bytes, entries: Sequence[bytes], time: bytes = b"\x01") -> bytes:
    answer = listed(b"\x01", octets(server), b"\x01", time, listed(*entries), b"\x01", b"\x01")
    body = sml_message(0x0701, answer)
    padding = -len(body) % 4
    escape = b"\x1b" * 4
    whole = escape + b"\1\1\1\1" + (body + bytes(padding)).replace(escape, 2 * escape)
    whole += escape + b"\x1a" + bytes([padding])
    return whole + x25(whole)


# P1


def p1_telegram(*lines: str, check: bool = True) -> bytes:
    text = "".join(f"{line}\r\n" for line in ("/ABC5 test", "", *lines)).encode() + b"!"
    return text + (f"{bitwise(text, 0xA001, 0):04X}".encode() if check else b"") + b"\r\n"


# HAN


def hdlc_frame(information: bytes, more: bool = False) -> bytes:
    length = 2 + 1 + 2 + 1 + 2 + len(information) + 2
    head = struct.pack(">H", 0xA000 | 0x800 * more | length) + b"\x41\x08\x83\x13"
    checked = head + x25(head)
    return b"\x7e" + checked + information + x25(checked + information) + b"\x7e"


def notified(body: bytes, moment: bytes = b"\0") -> bytes:
    return b"\xe6\xe7\x00\x0f\x40\0\0\0" + moment + body


def aidon(*entries: tuple[str, int, int, int], device: bytes = b"7359992890941742") -> bytes:
    """Of (code, value, exponent, unit)."""
    parts = [b"\x02\x02\x09\x06\x01\x01\x00\x02\x81\xff\x0a\x0bAIDON_V0001"]
    parts.append(b"\x02\x02\x09\x06\x00\x00\x60\x01\x00\xff\x0a" + bytes([len(device)]) + device)
    for code, value, exponent, unit in entries:
        name = bytes([*(int(part) for part in code.split(".")), 255])
        scaled = b"\x02\x02\x0f" + struct.pack("b", exponent) + b"\x16" + bytes([unit])
        parts.append(b"\x02\x03\x09\x06" + name + b"\x06" + struct.pack(">I", value) + scaled)
    return notified(b"\x01" + bytes([len(parts)]) + b"".join(parts))


def kaifa(numbers: Sequence[int], device: bytes = b"6970631401234567") -> bytes:
    """``numbers`` follow name, id and type; alone, they are a list without those."""
    words = [b"\x06" + struct.pack(">I", number) for number in numbers]
    head = [b"\x09" + bytes([len(one)]) + one for one in (b"KFM_001", device, b"MA304H3E")]
    parts = words if len(words) == 1 else head + words
    body = b"\x02" + bytes([len(parts)]) + b"".join(parts)
    return notified(body, b"\x09\x0c\x07\xe3\x0c\x10\x01\x07\x3b\x28\xff\x80\0\xff")
