"""P1 telegrams: DSMR 2.2 to 5, ESMR, their like in Belgium and Luxembourg, Sweden's HAN port with text. Pure.

Always true: a telegram counts only whole and with its CRC right. One without a CRC counts only if it is of
the versions that have none, and each of its lines is as it should be. Times are of Central Europe, S or W
saying whether it is summer. Source: DSMR 5.0.2 P1 companion standard; IEC 62056-21 mode D.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tradelane.meter.crc16 import arc
from tradelane.meter.framer import Step, to_start
from tradelane.meter.obis import NOW, Obis, Quantity
from tradelane.meter.reading import BadAnswer
from tradelane.meter.telegram import Telegram

_END = re.compile(rb"([0-9A-Fa-f]{4})?\r?\n")
_LONGEST_END = len("6EEE\r\n")
_VERSIONS = (b"-3:0.2.8(", b"0-0:96.1.4(")
"""Lines of telegrams that have a CRC."""
_LINE = re.compile(r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\*(\d{1,3}))?((?:\([^()]*\))+)")
_MORE = re.compile(r"(?:\([^()]*\))+")
_NUMBER = re.compile(r"\(([-+]?)(\d{1,15})(?:\.(\d{1,9}))?\*(\w+)\)")
_MOMENT = re.compile(r"\((\d{12})([SW])\)")
_CLOCK = Obis(0, 0, 1, 0, 0)
_IDS = (Obis(0, 0, 96, 1, 1), Obis(0, 0, 96, 1, 0), Obis(1, 0, 96, 1, 1), Obis(0, 0, 42, 0, 0))
_WINTER, _SUMMER = timedelta(hours=1), timedelta(hours=2)


def cut(held: bytes) -> Step | None:
    """The next telegram, from its / to its !; neither stands anywhere else in one."""
    noise = to_start(held, b"/")
    if noise is not None or not held:
        return noise
    end = held.find(b"!")
    again = held.rfind(b"/", 1, end if end >= 0 else len(held))
    if again > 0:
        return Step(again, fault="begun anew before its end")
    if end < 0:
        return None
    tail = held[end + 1 : end + 1 + _LONGEST_END]
    found = _END.match(tail)
    if found is None:
        unfinished = len(tail) < _LONGEST_END and b"\n" not in tail
        return None if unfinished else Step(1, fault="no line with a checksum")
    telegram = held[: end + 1]
    if found[1] is None:
        if any(one in telegram for one in _VERSIONS):
            return Step(1, fault="checksum missing")
    elif int(found[1], 16) != arc(telegram):
        return Step(1, fault="checksum wrong")
    return Step(end + 1 + found.end(), telegram)


def decode(telegram: bytes) -> Telegram:
    """BadAnswer names the line that is none."""
    try:
        lines = telegram.decode("ascii").rstrip("!").splitlines()
    except UnicodeDecodeError:
        raise BadAnswer("P1: not plain text") from None
    said: dict[Obis, str] = {}
    twice = set()
    for line in lines[1:]:
        found = _LINE.fullmatch(line)
        if found is not None:
            obis = Obis(*(int(part) for part in found.groups(NOW)[:6]))
            if said.setdefault(obis, found[7]) != found[7]:
                twice.add(obis)
        elif line and not _MORE.fullmatch(line):
            raise BadAnswer(f"P1: {line[:60]!r} is no line of a telegram")
    if not said:
        raise BadAnswer("P1: a telegram without lines")
    told = {
        obis: _quantity(text) if obis not in twice else None for obis, text in said.items() if obis.a == 1
    }
    return Telegram("p1", _device(said) or lines[0].strip("/ "), _moment(said.get(_CLOCK, "")), told)


def _quantity(text: str) -> Quantity | None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, whole, part, unit = found[1], found[2], found[3] or "", found[4]
    return Quantity(int(f"{sign}{whole}{part}"), -len(part), unit)


def _device(said: dict[Obis, str]) -> str:
    """The first id there is; most are text written as hexadecimal digits."""
    text = next((said[one][1:-1] for one in _IDS if len(said.get(one, "")) > 2), "")
    try:
        plain = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return text
    return plain if plain.isalnum() else text


def _moment(text: str) -> int | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    try:
        local = datetime.strptime(found[1], "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round((local - (_SUMMER if found[2] == "S" else _WINTER)).timestamp() * 1000)
