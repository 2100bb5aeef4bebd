"""``python -m firmware_sim``: the street on the command line, and the only reader of the wall clock."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from firmware_sim.clock import MarketClock, instant_of, iso
from firmware_sim.config import broker_address, load
from firmware_sim.faults import Kind, parse_fault
from firmware_sim.house import UJ_PER_WH
from firmware_sim.street import (
    DEFAULT_PLACES,
    Mqtt,
    Serial,
    Street,
    StreetError,
    row_of_rooftops,
    row_of_serial,
)
from firmware_sim.sun import Place

_OK, _FAILURE, _USAGE = 0, 1, 2
_ABOUT = """A street of rooftops: SunSpec on Modbus TCP and RTU, Eastron meters on RTU, JSON over MQTT. What
they show depends on the seed and on market time only, so a street started again goes on where it would be."""
_TRUTH = """The true energy of every rooftop at instants of market time, one JSON line for each instant.
Nothing is started; faults do not change the truth. Give the street's own --config, or the same flags."""


def _place(text: str) -> Place:
    try:
        zone, _, degrees = text.partition(":")
        latitude, longitude = (float(part) for part in degrees.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not ZONE:LATITUDE,LONGITUDE") from None
    if not zone or abs(latitude) > 90 or abs(longitude) > 180:
        raise argparse.ArgumentTypeError(f"'{text}' is not a place on earth")
    return Place(zone, latitude, longitude)


def _worded(parse: Any) -> Any:
    def word(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as problem:
            raise argparse.ArgumentTypeError(str(problem)) from None

    return word


def _parser(truth: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m firmware_sim" + (" truth" if truth else ""),
        description=_TRUTH if truth else _ABOUT,
        epilog=None if truth else "'python -m firmware_sim truth --help': the true energy at an instant.",
    )
    street = parser.add_argument_group("street")
    street.add_argument(
        "--config", type=Path, metavar="FILE.toml", help="rooftops, broker and clock in a file"
    )
    street.add_argument("--modbus", type=int, default=0, metavar="N", help="rooftops on Modbus TCP")
    street.add_argument("--mqtt-rooftops", type=int, default=0, metavar="N", help="rooftops on MQTT")
    street.add_argument("--rtu-rooftops", type=int, default=0, metavar="N", help="SunSpec on the serial line")
    street.add_argument(
        "--eastron", type=int, default=0, metavar="N", help="Eastron meters on it, units after"
    )
    street.add_argument("--seed", type=int, default=0, help="of roofs, loads and clouds (%(default)s)")
    street.add_argument(
        "--places",
        type=_place,
        nargs="+",
        default=list(DEFAULT_PLACES),
        metavar="ZONE:LAT,LON",
        help="rooftops take them in turn (Amsterdam NL, Leeds GB, Kristiansand NO2)",
    )
    street.add_argument(
        "--modbus-port", type=int, default=0, metavar="PORT", help="the first one; 0 gives each any free one"
    )
    street.add_argument(
        "--since", type=_worded(instant_of), metavar="ISO", help="the day counters start (the origin's day)"
    )
    street.add_argument(
        "--rtu",
        type=Path,
        metavar="LINK",
        help="serial line: LINK becomes a symbolic link to a pseudo-terminal",
    )
    street.add_argument(
        "--rtu-tcp", type=int, metavar="PORT", help="the serial line as RTU over TCP; 0: any port"
    )
    clock = parser.add_argument_group("market clock: origin + (wall - wall origin) x speed")
    clock.add_argument(
        "--origin", type=_worded(instant_of), metavar="ISO", help="market time at the start (now)"
    )
    if truth:
        parser.add_argument("--at", type=_worded(instant_of), nargs="+", required=True, metavar="ISO")
        parser.set_defaults(mqtt=None, embedded_broker=None, fault=[])
        return parser
    clock.add_argument("--wall-origin", type=int, metavar="MS", help="wall time at the origin, Unix ms (now)")
    clock.add_argument("--speed", type=float, help="market seconds in a second (1); 0 stands still")
    broker = parser.add_mutually_exclusive_group()
    broker.add_argument(
        "--embedded-broker", type=int, metavar="PORT", help="run an MQTT broker; 0: any free port"
    )
    broker.add_argument(
        "--mqtt", type=_worded(broker_address), metavar="HOST:PORT", help="use this MQTT broker"
    )
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="seconds between messages (1)")
    parser.add_argument(
        "--fault",
        type=_worded(parse_fault),
        action="append",
        default=[],
        metavar="METER:KIND@START+DURATION",
        help=f"one of {', '.join(Kind)}; as solar03:silence@2026-06-21T11:00Z+15m, or broker:broker@…",
    )
    parser.add_argument("--json", action="store_true", help="say ready in one line of JSON")
    return parser


def _street(options: argparse.Namespace) -> tuple[Street, dict[str, Any]]:
    """The street of the file or of the flags, and the file's clock. Flags win, faults add up."""
    if options.config:
        if options.modbus or options.mqtt_rooftops or options.rtu_rooftops or options.eastron:
            raise StreetError(
                "the file names the rooftops: leave out --modbus, --mqtt-rooftops, "
                "--rtu-rooftops and --eastron"
            )
        street, clock = load(options.config)
    else:
        street, clock = _street_of_flags(options), {}
    if not street.specs:
        raise StreetError(
            "no rooftops: give --modbus, --mqtt-rooftops, --rtu-rooftops, --eastron or --config"
        )
    mqtt = _mqtt(options) or street.mqtt
    faults = (*street.faults, *options.fault)
    given = options.rtu is not None or options.rtu_tcp is not None
    serial = Serial(options.rtu, options.rtu_tcp) if given else street.serial
    return replace(street, mqtt=mqtt, serial=serial, faults=faults, **_given(options, "since")), clock


def _street_of_flags(options: argparse.Namespace) -> Street:
    places = tuple(options.places)
    specs = row_of_rooftops(options.seed, options.modbus, options.modbus_port, options.mqtt_rooftops, places)
    first = len(specs)
    maps = ("sunspec",) * options.rtu_rooftops + ("eastron",) * options.eastron
    return Street(options.seed, (*specs, *row_of_serial(options.seed, first, maps, places)))


def _mqtt(options: argparse.Namespace) -> Mqtt | None:
    if options.mqtt:
        host, port = options.mqtt
        return Mqtt(host, port, False, options.every)
    return None if options.embedded_broker is None else Mqtt("", options.embedded_broker, True, options.every)


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    found = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _wall() -> int:
    return time.time_ns() // 1_000_000


def _tell(listing: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(listing) + "\n")
    else:
        for meter in listing["meters"]:
            way = meter["topic"] or f"unit {meter['unit']} {meter.get('device') or ''}".rstrip()
            line = "{name:<12} {zone:<4} {kwp:5.1f} kWp  {transport:<6} {host}:{port} ".format(**meter)
            sys.stdout.write(line + way + "\n")
        sys.stdout.write("ready\n")
    sys.stdout.flush()


def _run(options: argparse.Namespace) -> int:
    from firmware_sim.run import serve

    street, written = _street(options)
    wall = _wall()
    clock = MarketClock(
        **(
            {"origin": wall, "wall_origin": wall}
            | written
            | _given(options, "origin", "wall_origin", "speed")
        )
    )
    street.check_broker()
    street.check_serial()
    rooftops = street.rooftops(clock.origin)

    def now() -> int:
        return clock.at(_wall())

    logging.basicConfig(level=logging.WARNING)
    for noisy in ("amqtt", "transitions", "pymodbus", "pymodbus.logging"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    asyncio.run(serve(rooftops, street, now, lambda listing: _tell(listing, options.json)))
    return _OK


def _tell_truth(options: argparse.Namespace) -> int:
    street, written = _street(options)
    origin = (written | _given(options, "origin")).get("origin", min(options.at))
    rooftops = street.rooftops(origin)
    for instant in options.at:
        rows = []
        for rooftop in rooftops:
            true = rooftop.truth(instant)
            powers = {"power_w": (true.load_mw - true.solar_mw) / 1000, "solar_power_w": true.solar_mw / 1000}
            counters = true.counters.wh() | {"load_wh": true.counters.load // UJ_PER_WH}
            rows.append({"name": rooftop.spec.name, **powers, **counters})
        sys.stdout.write(json.dumps({"at": iso(instant), "rooftops": rows}) + "\n")
    return _OK


def main(arguments: list[str]) -> int:
    """0 when stopped by a signal, 1 when something cannot listen, 2 when asked for what cannot be."""
    truth = arguments[:1] == ["truth"]
    options = _parser(truth).parse_args(arguments[truth:])
    try:
        return _tell_truth(options) if truth else _run(options)
    except ValueError as problem:
        sys.stderr.write(f"firmware_sim: {problem}\n")
        return _USAGE
    except OSError as problem:
        sys.stderr.write(f"firmware_sim: {problem}\n")
        return _FAILURE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
