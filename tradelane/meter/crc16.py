"""The two CRC-16 checks of smart meters, both with bits reflected. Pure.

X.25 (polynomial 0x1021) guards SML and HDLC, ARC (0x8005) guards P1; Kermit is X.25 that begins and ends with
0, as some SML meters have it. Source: the catalogue of parametrised CRC algorithms, CRC-16/IBM-SDLC,
CRC-16/KERMIT and CRC-16/ARC.
"""

from __future__ import annotations


def _table(reflected: int) -> tuple[int, ...]:
    def entry(byte: int) -> int:
        for _ in range(8):
            byte = byte >> 1 ^ (reflected if byte & 1 else 0)
        return byte

    return tuple(entry(byte) for byte in range(256))


_CCITT, _ARC = _table(0x8408), _table(0xA001)


def _run(table: tuple[int, ...], data: bytes, check: int) -> int:
    for byte in data:
        check = check >> 8 ^ table[(check ^ byte) & 0xFF]
    return check


def x25(data: bytes) -> int:
    return _run(_CCITT, data, 0xFFFF) ^ 0xFFFF


def kermit(data: bytes) -> int:
    return _run(_CCITT, data, 0)


def arc(data: bytes) -> int:
    return _run(_ARC, data, 0)
