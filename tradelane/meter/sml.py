"""SML, the smart message language of German meters: transport version 1, the values of a list answer. Pure.

Always true: a frame counts only whole and with its check right (X.25, or Kermit as a Holley DTZ541 has it),
and each message in it too. Times count only as timestamps: seconds since the meter started are none.
Source: SML 1.04 (BSI TR-03109-1, annex IV); which way the power of an EMH goes that has no sign: FNN
Lastenheft EDL, and a recording in which its import counter stands still.
"""

from __future__ import annotations

from collections.abc import Iterator

from tradelane.meter.crc16 import kermit, x25
from tradelane.meter.framer import Step, to_start
from tradelane.meter.obis import UNITS, Obis, Quantity
from tradelane.meter.reading import BadAnswer
from tradelane.meter.telegram import Telegram

ESCAPE = b"\x1b" * 4
START = ESCAPE + b"\x01" * 4
END = 0x1A
LIST_ANSWER = 0x0701
DEEPEST = 8
TIMESTAMP, LOCAL_TIMESTAMP = 2, 3

_OCTETS, _BOOLEAN, _INTEGER, _UNSIGNED, _LIST = 0, 4, 5, 6, 7
_MAKER = Obis(129, 129, 199, 130, 3)
_IDS = (Obis(1, 0, 96, 1, 0), Obis(1, 0, 0, 0, 9))
_MAGNITUDE, _NET = Obis(1, 0, 15, 7, 0), Obis(1, 0, 16, 7, 0)
_COUNTERS = (Obis(1, 0, 1, 8, 0), Obis(1, 0, 2, 8, 0))
_EXPORTING = 0x20

Node = bytes | bool | int | list["Node"]
"""An optional element that is left out is b""."""


def cut(held: bytes) -> Step | None:
    """The next frame's messages; ESCAPE in them is doubled on the wire."""
    noise = to_start(held, START)
    if noise is not None or len(held) < len(START):
        return noise
    body = bytearray()
    here = len(START)
    while True:
        at = held.find(ESCAPE, here)
        if at < 0 or len(held) < at + 8:
            return None
        body += held[here:at]
        kind = held[at + 4 : at + 8]
        here = at + 8
        if kind == ESCAPE:
            body += ESCAPE
        elif kind[0] == END:
            return _ended(held[:here], bytes(body), kind[1])
        else:
            return Step(1, fault="begun anew before its end")


def _ended(frame: bytes, body: bytes, padding: int) -> Step:
    if padding > 3 or not _right(frame[:-2], int.from_bytes(frame[-2:], "little")):
        return Step(1, fault="checksum wrong")
    return Step(len(frame), body[: len(body) - padding])


def _right(data: bytes, check: int) -> bool:
    return check in (x25(data), kermit(data))


def decode(body: bytes) -> Telegram | None:
    """Of a frame's messages; None when no message is a list of values. BadAnswer when they are not SML."""
    for tag, content in messages(body):
        if tag == LIST_ANSWER:
            return _telegram(content)
    return None


def messages(body: bytes) -> Iterator[tuple[int, Node]]:
    """Tag and content of each."""
    at = 0
    while at < len(body):
        start = at
        kind, count, at = _head(body, at)
        if (kind, count) != (_LIST, 6):
            raise BadAnswer("SML: no message of six elements")
        parts = []
        for _ in range(4):
            part, at = parse(body, at)
            parts.append(part)
        checked = body[start:at]
        check, at = parse(body, at)
        if body[at : at + 1] != b"\0" or not isinstance(check, int) or not 0 <= check < 2**16:
            raise BadAnswer("SML: a message without end")
        if not _right(checked, int.from_bytes(check.to_bytes(2, "big"), "little")):
            raise BadAnswer("SML: a message's checksum is wrong")
        at += 1
        match parts[3]:
            case [int(tag), content]:
                yield tag, content
            case _:
                raise BadAnswer("SML: a message without content")


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, length (of a list: elements; else bytes), and where the content begins."""
    start = at
    try:
        byte = data[at]
        kind, length = byte >> 4 & 7, byte & 15
        while byte & 0x80:
            at += 1
            byte = data[at]
            length = length << 4 | byte & 15
    except IndexError:
        raise BadAnswer("SML: cut short") from None
    at += 1
    if kind != _LIST:
        length -= at - start
    if length < 0 or at + length > len(data):
        raise BadAnswer("SML: an element longer than its message")
    return kind, length, at


def parse(data: bytes, at: int, depth: int = 0) -> tuple[Node, int]:
    """One element, and where the next begins."""
    kind, length, at = _head(data, at)
    if kind == _LIST:
        if depth == DEEPEST:
            raise BadAnswer("SML: lists too deep")
        found: list[Node] = []
        for _ in range(length):
            node, at = parse(data, at, depth + 1)
            found.append(node)
        return found, at
    raw = data[at : at + length]
    at += length
    if kind == _OCTETS:
        return raw, at
    if kind == _BOOLEAN and length == 1:
        return raw != b"\0", at
    if kind in (_INTEGER, _UNSIGNED) and 1 <= length <= 8:
        return int.from_bytes(raw, "big", signed=kind == _INTEGER), at
    raise BadAnswer(f"SML: no element of type {kind} and length {length}")


def _telegram(content: Node) -> Telegram:
    match content:
        case [_, bytes(server), _, time, list(entries), _, gateway_time]:
            pass
        case _:
            raise BadAnswer("SML: a list answer without its seven elements")
    told: dict[Obis, Quantity | None] = {}
    texts: dict[Obis, bytes] = {}
    status: dict[Obis, int] = {}
    for entry in entries:
        match entry:
            case [bytes(name), state, _, unit, scaler, value, _] if len(name) == 6:
                obis = Obis(*name)
            case _:
                raise BadAnswer("SML: a list entry without its seven elements")
        if isinstance(state, int):
            status[obis] = state
        if isinstance(value, bytes):
            texts[obis] = value
        else:
            told[obis] = _quantity(unit, scaler, value) if obis not in told else None
    if texts.get(_MAKER, b"").upper() == b"EMH":
        told |= _directed(told, status)
    device = server or next((texts[one] for one in _IDS if one in texts), b"")
    return Telegram("sml", device.hex(), _time(time) or _time(gateway_time), told)


def _quantity(unit: Node, scaler: Node, value: Node) -> Quantity | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    exponent = scaler if isinstance(scaler, int) else 0
    named = UNITS.get(unit) if isinstance(unit, int) else ""
    return None if named is None or not -128 <= exponent < 128 else Quantity(value, exponent, named)


def _directed(told: dict[Obis, Quantity | None], status: dict[Obis, int]) -> dict[Obis, Quantity | None]:
    """The net power of a meter that tells only how much, and which way in the status of a counter."""
    much = told.get(_MAGNITUDE)
    state = next((status[one] for one in _COUNTERS if one in status), None)
    if much is None or state is None or _NET in told:
        return {}
    sign = -1 if state & _EXPORTING else 1
    return {_NET: Quantity(sign * much.number, much.exponent, much.unit)}


def _time(node: Node) -> int | None:
    match node:
        case [int(kind), int(seconds)] if kind == TIMESTAMP:
            return seconds * 1000
        case [int(kind), [int(seconds), _, _]] if kind == LOCAL_TIMESTAMP:
            return seconds * 1000
    return None
