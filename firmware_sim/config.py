"""A street written in a TOML file, every key in one example:

    seed = 1                          # of the clouds, and of rooftops that have none of their own
    since = "2026-06-21T00:00Z"       # the day the counters start; the clock's first day when left out

    [clock]                           # every key may come from the command line instead
    origin = "2026-06-21T08:00Z"
    wall_origin = 1782028800000       # Unix ms
    speed = 90

    [mqtt]
    embedded_port = 18830             # or: broker = "127.0.0.1:1883"
    every_s = 1.0                     # wall seconds between two messages of a rooftop

    [serial]                          # where rooftops of transport "rtu" are
    link = "/tmp/street"              # becomes a symbolic link to a pseudo-terminal
    tcp_port = 18899                  # RTU over TCP; 0: any free one. Either may be left out

    [[faults]]                        # or faults = ["solar00:silence@2026-06-21T11:00Z+15m"]
    meter = "solar00"
    kind = "silence"
    at = "2026-06-21T11:00Z"
    lasts = "15m"

    [[rooftop]]
    name = "solar00"
    transport = "modbus"              # or "mqtt", or "rtu": the unit is then its own on the line
    map = "sunspec"                   # on "rtu" also "eastron"
    port = 15020                      # 0: any free one
    unit = 1
    zone = "NL"
    latitude = 52.37
    longitude = 4.90
    kwp = 6.2                         # 0: no panels; left out: seeded
    seed = 42                         # left out: from the street's seed and the name

What is not known, missing or out of range is refused with the name of its key.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

from firmware_sim.clock import instant_of
from firmware_sim.faults import Fault, parse_fault
from firmware_sim.noise import seed_of
from firmware_sim.rooftop import Map, Spec, Transport
from firmware_sim.street import Mqtt, Serial, Street, StreetError, kwp_of
from firmware_sim.sun import Place

_TOP = {"seed", "since", "faults", "clock", "mqtt", "serial", "rooftop"}
_CLOCK = {"origin", "wall_origin", "speed"}
_MQTT = {"embedded_port", "broker", "every_s"}
_SERIAL = {"link", "tcp_port"}
_FAULT = {"meter", "kind", "at", "lasts"}
_ROOFTOP = {
    "name",
    "transport",
    "host",
    "port",
    "unit",
    "zone",
    "latitude",
    "longitude",
    "kwp",
    "seed",
    "map",
}


def load(path: Path) -> tuple[Street, dict[str, Any]]:
    """The street in a file, and what its [clock] says (origin and wall_origin in ms, speed).

    Raises ``StreetError`` that names the file and the key, or ``OSError``.
    """
    try:
        text = path.read_text()
        return _street(tomllib.loads(text))
    except (StreetError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise StreetError(f"{path}: {problem}") from None


def broker_address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` taken apart. Raises ``StreetError``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise StreetError(f"'{text}' is not HOST:PORT")
    return host, int(port)


def _street(table: dict[str, Any]) -> tuple[Street, dict[str, Any]]:
    _only(table, _TOP, "")
    seed = _take(table, "seed", int, 0)
    rows = _take(table, "rooftop", list, [])
    specs = tuple(_rooftop(row, seed, f"rooftop[{number}].") for number, row in enumerate(rows))
    faults = tuple(_fault(text, number) for number, text in enumerate(_take(table, "faults", list, [])))
    mqtt = _mqtt(table["mqtt"]) if _take(table, "mqtt", dict, {}) else None
    since = _instant(table, "since", "")
    serial = _serial(table["serial"]) if _take(table, "serial", dict, {}) else None
    return Street(seed, specs, mqtt, faults, since, serial), _clock(_take(table, "clock", dict, {}))


def _rooftop(row: Any, street_seed: int, where: str) -> Spec:
    if not isinstance(row, dict):
        raise StreetError(f"{where[:-1]} is not a table")
    _only(row, _ROOFTOP, where)
    name = _take(row, "name", str, None, where)
    if not name or set(name) & set("/+# :"):
        raise StreetError(f"{where}name: '{name}' is no name: it may not be empty nor hold / + # : or blanks")
    transport = _take(row, "transport", str, None, where)
    if transport not in get_args(Transport):
        raise StreetError(f"{where}transport: '{transport}' is neither modbus, mqtt nor rtu")
    shown = _take(row, "map", str, "sunspec", where)
    if shown not in get_args(Map) or (shown == "eastron" and transport != "rtu"):
        raise StreetError(f"{where}map: '{shown}' is neither sunspec nor, on rtu, eastron")
    own = _take(row, "seed", int, seed_of(street_seed, name), where)
    return Spec(
        name,
        transport,
        _place(row, where),
        _number(row, "kwp", 0, 1000, where, kwp_of(own)),
        own,
        _take(row, "host", str, "127.0.0.1", where),
        int(_number(row, "port", 0, 65535, where, 0)),
        int(_number(row, "unit", 1, 247, where, 1)),
        shown,
    )


def _place(row: dict[str, Any], where: str) -> Place:
    latitude = _number(row, "latitude", -90, 90, where)
    longitude = _number(row, "longitude", -180, 180, where)
    return Place(_take(row, "zone", str, None, where), latitude, longitude)


def _mqtt(table: dict[str, Any]) -> Mqtt:
    _only(table, _MQTT, "mqtt.")
    every = _number(table, "every_s", 0.01, 3600, "mqtt.", 1.0)
    if ("broker" in table) == ("embedded_port" in table):
        raise StreetError("mqtt: give either broker or embedded_port")
    if "broker" in table:
        host, port = broker_address(_take(table, "broker", str, None, "mqtt."))
        return Mqtt(host, port, False, every)
    return Mqtt("127.0.0.1", int(_number(table, "embedded_port", 0, 65535, "mqtt.")), True, every)


def _serial(table: dict[str, Any]) -> Serial:
    _only(table, _SERIAL, "serial.")
    link = Path(_take(table, "link", str, None, "serial.")) if "link" in table else None
    port = int(_number(table, "tcp_port", 0, 65535, "serial.")) if "tcp_port" in table else None
    return Serial(link, port)


def _clock(table: dict[str, Any]) -> dict[str, Any]:
    _only(table, _CLOCK, "clock.")
    found: dict[str, Any] = {"origin": _instant(table, "origin", "clock.")}
    found["wall_origin"] = _take(table, "wall_origin", int, 0, "clock.") or None
    found["speed"] = _number(table, "speed", 0, 1e6, "clock.") if "speed" in table else None
    return {key: value for key, value in found.items() if value is not None}


def _fault(written: Any, number: int) -> Fault:
    where = f"faults[{number}]."
    text = str(written)
    if isinstance(written, dict):
        _only(written, _FAULT, where)
        meter, kind, at, lasts = (
            _take(written, key, str, None, where) for key in ("meter", "kind", "at", "lasts")
        )
        text = f"{meter}:{kind}@{at}+{lasts}"
    try:
        return parse_fault(text)
    except ValueError as problem:
        raise StreetError(f"faults[{number}]: {problem}") from None


def _instant(table: dict[str, Any], key: str, where: str) -> int | None:
    if key not in table:
        return None
    try:
        return instant_of(_take(table, key, str, None, where))
    except StreetError:
        raise
    except ValueError as problem:
        raise StreetError(f"{where}{key}: {problem}") from None


def _only(table: dict[str, Any], known: set[str], where: str) -> None:
    if stray := sorted(set(table) - known):
        raise StreetError(f"{where}{stray[0]} is not a key; there are {', '.join(sorted(known))}")


def _take(table: dict[str, Any], key: str, kind: type, default: Any, where: str = "") -> Any:
    value = table.get(key, default)
    if value is None:
        raise StreetError(f"{where}{key} is missing")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise StreetError(f"{where}{key} must be of type {kind.__name__}")
    return value


def _number(
    table: dict[str, Any], key: str, low: float, high: float, where: str, default: float | None = None
) -> float:
    value = table.get(key, default)
    if value is None:
        raise StreetError(f"{where}{key} is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise StreetError(f"{where}{key} must be a number from {low} to {high}")
    return float(value)
