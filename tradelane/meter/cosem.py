"""DLMS/COSEM: a data notification, and data as A-XDR writes it. Pure.

Source: IEC 62056-5-3, the DLMS Green Book.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tradelane.meter.reading import BadAnswer

DEEPEST = 8
NOTIFICATION = 0x0F
CIPHERED = frozenset([0xDB, 0xDC, 0xDD, 0xDF])
OCTETS = 0x09
MOMENT_BYTES = 12
_UNSPECIFIED = 0x8000
_LINK_HEADERS = (b"\xe6\xe7\x00", b"\xe6\xe6\x00")
_LISTS = (1, 2)
_NUMBERS = {
    0x05: ">i", 0x06: ">I", 0x0F: ">b", 0x10: ">h", 0x11: ">B", 0x12: ">H", 0x14: ">q", 0x15: ">Q",
    0x16: ">B", 0x17: ">f", 0x18: ">d",
}  # fmt: skip
_FIXED = {0x0D: 1, 0x19: 12, 0x1A: 5, 0x1B: 4}
"""Bytes of kinds that are kept as they are: bcd, date-time, date, time."""

Data = None | bool | int | float | bytes | str | list["Data"]


class Notification(NamedTuple):
    """``at``: the clock's date-time of twelve bytes, or b""."""

    at: bytes
    body: Data


def notification(apdu: bytes) -> Notification:
    """Of a frame's information. BadAnswer when it is something else, encrypted or cut short."""
    at = 3 if apdu.startswith(_LINK_HEADERS) else 0
    tag = apdu[at : at + 1]
    if tag and tag[0] in CIPHERED:
        raise BadAnswer("DLMS: the frame is encrypted")
    if tag != bytes([NOTIFICATION]) or len(apdu) < at + 6:
        raise BadAnswer("DLMS: no data notification")
    at += 5
    if apdu[at] == OCTETS:  # some write its type as well
        at += 1
    length, at = _length(apdu, at)
    if length not in (0, MOMENT_BYTES):
        raise BadAnswer("DLMS: a date-time of other than twelve bytes")
    body, end = parse(apdu, at + length)
    if end != len(apdu):
        raise BadAnswer("DLMS: more than one piece of data")
    return Notification(apdu[at : at + length], body)


def _length(data: bytes, at: int) -> tuple[int, int]:
    try:
        first = data[at]
    except IndexError:
        raise BadAnswer("DLMS: cut short") from None
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    raw = data[at + 1 : at + 1 + size]
    if len(raw) < size or not 1 <= size <= 4:
        raise BadAnswer("DLMS: no length")
    return int.from_bytes(raw, "big"), at + 1 + size


def parse(data: bytes, at: int, depth: int = 0) -> tuple[Data, int]:
    """One piece of data, and where the next begins."""
    if at >= len(data):
        raise BadAnswer("DLMS: cut short")
    kind = data[at]
    at += 1
    if kind == 0:
        return None, at
    if kind in _LISTS:
        return _list(data, at, depth)
    if kind in _NUMBERS:
        form = struct.Struct(_NUMBERS[kind])
        raw, at = _taken(data, at, form.size)
        number: int | float = form.unpack(raw)[0]
        return number, at
    if kind == 3:
        raw, at = _taken(data, at, 1)
        return raw != b"\0", at
    if kind in _FIXED:
        return _taken(data, at, _FIXED[kind])
    if kind not in (0x04, OCTETS, 0x0A, 0x0C):
        raise BadAnswer(f"DLMS: no data of type {kind}")
    length, at = _length(data, at)
    raw, at = _taken(data, at, (length + 7) // 8 if kind == 0x04 else length)
    return (raw.decode("utf-8", "replace") if kind in (0x0A, 0x0C) else raw), at


def _list(data: bytes, at: int, depth: int) -> tuple[Data, int]:
    count, at = _length(data, at)
    if depth == DEEPEST or count > len(data):
        raise BadAnswer("DLMS: lists too deep or too long")
    found: list[Data] = []
    for _ in range(count):
        one, at = parse(data, at, depth + 1)
        found.append(one)
    return found, at


def _taken(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise BadAnswer("DLMS: cut short")
    return data[at : at + size], at + size


def moment(raw: bytes) -> int | None:
    """Unix ms of a date-time of twelve bytes; None when it does not say how far it is from UTC."""
    if len(raw) != MOMENT_BYTES:
        return None
    year, month, day, _, hour, minute, second, hundredths, deviation, _ = struct.unpack(">HBBBBBBBhB", raw)
    if deviation & 0xFFFF == _UNSPECIFIED:
        return None
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC) + timedelta(minutes=deviation)
    except (ValueError, OverflowError):
        return None
    return round(local.timestamp() * 1000) + (10 * hundredths if hundredths < 100 else 0)
