"""HDLC frames of format 3, as Nordic meters push them: what they carry. Pure.

Always true: header and frame count only with their checks right (X.25); segments count only together. The
header is checked as soon as it is there, so that a false start is not waited for. Source: IEC 62056-46.
"""

from __future__ import annotations

from tradelane.meter.crc16 import x25
from tradelane.meter.framer import Step, to_start

FLAG = 0x7E
_FORMAT, _SEGMENTED = 0xA0, 0x08
_LONGEST_ADDRESS = 4
_CHECK = 2


def cut(held: bytes) -> Step | None:
    """The next frame's information, of all its segments."""
    noise = to_start(held, bytes([FLAG]))
    if noise is not None or not held:
        return noise
    carried = b""
    at = 0
    while True:
        while at and held[at + 1 : at + 2] == bytes([FLAG]):
            at += 1
        if held[at + 1 : at + 2] and held[at + 1] & 0xF0 != _FORMAT:
            return Step(1, fault="a segment missing" if at else None)
        if len(held) < at + 3:
            return None
        length = (held[at + 1] & 7) << 8 | held[at + 2]
        frame = held[at + 1 : at + 1 + length]
        header = _header(frame, length)
        if header is None:
            return None
        if header == 0:
            return Step(1, fault="header's checksum wrong")
        end = at + 1 + length
        if len(held) <= end:
            return None
        if held[end] != FLAG or not _right(frame):
            return Step(1, fault="checksum wrong")
        carried += frame[header:-_CHECK]
        if not frame[0] & _SEGMENTED:
            return Step(end, carried)
        at = end


def _header(frame: bytes, length: int) -> int | None:
    """Bytes before the information; 0 when it is no header, None while that is not known."""
    at = 2
    for _ in range(2):
        start = at
        while at < len(frame) and not frame[at] & 1:
            at += 1
        if at - start >= _LONGEST_ADDRESS:
            return 0
        at += 1
    end = at + 1 + _CHECK
    if end + _CHECK > length:
        return 0
    if len(frame) < end:
        return None
    return end if _right(frame[:end]) else 0


def _right(checked: bytes) -> bool:
    return x25(checked[:-_CHECK]) == int.from_bytes(checked[-_CHECK:], "little")
