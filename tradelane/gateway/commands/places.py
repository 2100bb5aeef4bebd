"""Where ``scan`` looks, and which options go with which place. Pure.

Always true: an option that would not be heeded is refused, never ignored.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Place(StrEnum):
    """One look is at one of them."""

    HOSTS = "--host or --network"
    SERIAL = "--serial"
    BROKER = "--broker"
    MDNS = "--mdns"
    PROBE = "--mdns with --probe or --write"


NAMED_BY = {
    Place.HOSTS: {"--host", "--network"},
    Place.SERIAL: {"--serial"},
    Place.BROKER: {"--broker"},
    Place.MDNS: {"--mdns"},
}
ANYWHERE = {"--json"}
MODBUS = {"--units", "--profile", "--timeout", "--write"}
LOGIN = {"--user", "--password-file", "--tls", "--ca-file", "--cert-file", "--key-file"}
TAKES = {
    Place.HOSTS: {"--host", "--network", "--port", "--rtu"} | MODBUS,
    Place.SERIAL: {"--serial", "--baud", "--parity", "--stopbits"} | MODBUS,
    Place.BROKER: {"--broker", "--topic", "--seconds", "--write"} | LOGIN,
    Place.MDNS: {"--mdns", "--seconds"},
    Place.PROBE: {"--mdns", "--seconds", "--probe"} | MODBUS,
}


def place_of(said: Collection[str]) -> Place:
    """The place that these options name. ValueError names the option that is wrong, or what is missing."""
    named = [place for place, options in NAMED_BY.items() if not options.isdisjoint(said)]
    if len(named) > 1:
        both = ", ".join(option for option in said if option in set().union(*NAMED_BY.values()))
        raise ValueError(f"{both}: one place at a time; give one of them alone")
    place = named[0] if named else None
    if place is Place.MDNS and {"--probe", "--write"} & set(said):
        place = Place.PROBE
    for option in said:
        if option not in ANYWHERE and (place is None or option not in TAKES[place]):
            raise ValueError(f"{option}: it goes with {_places_of(option)}{_not_with(place)}")
    if place is None:
        raise ValueError("say where to look: --host, --network, --serial, --broker or --mdns")
    return place


def _places_of(option: str) -> str:
    return ", or ".join(place for place, options in TAKES.items() if option in options)


def _not_with(place: Place | None) -> str:
    return "" if place is None else f", not with {place}"
