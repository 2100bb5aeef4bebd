"""The lists that Nordic meters push at their HAN port, as telegrams. Pure.

Always true: a number whose unit neither the list nor han.toml says is unknown. Times without their offset
from UTC are not taken. Encrypted lists are refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from tradelane.meter import cosem
from tradelane.meter.cosem import Data
from tradelane.meter.obis import UNITS, Obis, Quantity
from tradelane.meter.reading import BadAnswer
from tradelane.meter.telegram import Telegram

_IDS = ("0.0.5", "96.1.0", "96.1.1")
_CODE_BYTES = 6


@dataclass(frozen=True, slots=True)
class Maker:
    """See han.toml: exponent and unit by code; codes by place."""

    name: str
    units: Mapping[str, tuple[int, str]]
    places: tuple[tuple[str, ...], ...]


@cache
def makers() -> tuple[Maker, ...]:
    body = tomllib.loads(files("tradelane.meter").joinpath("han.toml").read_text("utf-8"))
    return tuple(
        Maker(
            one["name"],
            {code: (int(text.split()[0]), text.split()[1]) for code, text in one["units"].items()},
            tuple(tuple(places) for places in one.get("places", ())),
        )
        for one in body["maker"]
    )


def decode(information: bytes) -> Telegram | None:
    """Of an HDLC frame's information; None when it is a list that tells nothing of whom it comes from."""
    at, body = cosem.notification(information)
    if not isinstance(body, list):
        raise BadAnswer("HAN: no list")
    maker = next((one for one in makers() if _name(body).startswith(one.name)), None)
    pairs = list(_pairs(body)) or list(_placed(body, maker))
    if not pairs:
        return None
    units = maker.units if maker else {}
    told: dict[Obis, Quantity | None] = {}
    device = ""
    for obis, value, unit in pairs:
        if isinstance(value, int) and not isinstance(value, bool):
            told[obis] = _quantity(value, unit or units.get(obis.short))
        elif isinstance(value, bytes | str) and obis.short in _IDS and not device:
            device = value if isinstance(value, str) else value.decode("ascii", "replace")
    return Telegram("han", device, cosem.moment(at), told)


def _name(body: list[Data]) -> str:
    """What the list calls itself: its first text, or the text of its first pair."""
    first: Data = body[0] if body else None
    if isinstance(first, list) and len(first) > 1:
        first = first[1]
    return first.decode("ascii", "replace") if isinstance(first, bytes) else str(first)


Pair = tuple[Obis, Data, tuple[int, str] | None]


def _pairs(body: list[Data]) -> Iterator[Pair]:
    """Code, value, and unit if the list says it: either as lists of two or three, or one after the other."""
    for one in body:
        match one:
            case [bytes(code), value] if len(code) == _CODE_BYTES:
                yield Obis(*code), value, None
            case [bytes(code), value, [int(exponent), int(unit)]] if len(code) == _CODE_BYTES:
                yield Obis(*code), value, (exponent, UNITS.get(unit, "?"))
    for name, value in pairwise(body):
        if isinstance(name, bytes) and len(name) == _CODE_BYTES and not isinstance(value, list):
            yield Obis(*name), value, None


def _placed(body: list[Data], maker: Maker | None) -> Iterator[Pair]:
    """A list that says no codes. One of a single number is Kaifa's imported power, told without a name."""
    places = next((one for one in maker.places if len(one) == len(body)), ()) if maker else ()
    for code, value in zip(places, body, strict=False):
        if code == "id":
            yield Obis(0, 0, 96, 1, 0), value, None
        elif code:
            yield Obis(1, 0, *(int(part) for part in code.split("."))), value, None
    if len(body) == 1 and isinstance(body[0], int):
        yield Obis(1, 0, 1, 7, 0), body[0], (0, "W")


def _quantity(number: int, unit: tuple[int, str] | None) -> Quantity | None:
    return None if unit is None else Quantity(number, *unit)
