"""A street: its rooftops, its weather, its broker, its faults. What the command line and a file both make."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.faults import BROKER, MODBUS_ONLY, Fault, Kind
from firmware_sim.noise import seed_of, unit
from firmware_sim.rooftop import Map, Rooftop, Spec
from firmware_sim.sun import DAY, Place

DEFAULT_PLACES = (Place("NL", 52.37, 4.90), Place("GB", 53.80, -1.55), Place("NO2", 58.15, 8.00))
"""Amsterdam, Leeds and Kristiansand, with the bidding zones they lie in."""


class StreetError(ValueError):
    """A street that cannot be; the message is one line that names what is wrong."""


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The broker MQTT rooftops publish to, and whether it runs inside this process (port 0: any free one)."""

    host: str
    port: int
    embedded: bool
    every_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Serial:
    """Where the serial line is: a pseudo-terminal ``link`` points to, RTU over TCP at ``port``, or both."""

    link: Path | None
    port: int | None


@dataclass(frozen=True, slots=True)
class Street:
    """Everything but the time. ``since`` (ms): the counters' first day, else the clock's."""

    seed: int
    specs: tuple[Spec, ...]
    mqtt: Mqtt | None = None
    faults: tuple[Fault, ...] = ()
    since: int | None = None
    serial: Serial | None = None

    def __post_init__(self) -> None:
        names = Counter(spec.name for spec in self.specs)
        if twice := [name for name, count in names.items() if count > 1]:
            raise StreetError(f"two rooftops are called {twice[0]}")
        ports = Counter((spec.host, spec.port) for spec in self.specs if spec.transport == "modbus")
        if shared := [port for (_, port), count in ports.items() if port and count > 1]:
            raise StreetError(f"two rooftops listen on port {shared[0]}")
        units = Counter(spec.unit for spec in self.specs if spec.transport == "rtu")
        if same := [unit for unit, count in units.items() if count > 1]:
            raise StreetError(f"two rooftops on the serial line are unit {same[0]}")
        for fault in self.faults:
            self._check(fault)

    def _check(self, fault: Fault) -> None:
        if fault.kind is Kind.BROKER:
            if self.mqtt and self.mqtt.embedded and fault.meter == BROKER:
                return
            raise StreetError(f"only an embedded broker can go away: {BROKER}:{fault.kind}")
        transports = {spec.name: spec.transport for spec in self.specs}
        if fault.meter not in transports:
            raise StreetError(f"a fault names {fault.meter}, but there is no such rooftop")
        if fault.kind in MODBUS_ONLY and transports[fault.meter] == "mqtt":
            raise StreetError(f"{fault.meter} speaks MQTT and cannot have the Modbus fault {fault.kind}")

    def check_broker(self) -> None:
        """Raises ``StreetError`` when there are MQTT rooftops and no broker."""
        if self.mqtt is None and any(spec.transport == "mqtt" for spec in self.specs):
            raise StreetError("MQTT rooftops need a broker: embedded, or the address of one")

    def check_serial(self) -> None:
        """Raises ``StreetError`` when there are rooftops on a serial line and no line."""
        if self.serial is None and any(spec.transport == "rtu" for spec in self.specs):
            raise StreetError("rooftops on a serial line need one: a link, a port, or both")

    def rooftops(self, origin: int) -> list[Rooftop]:
        """The rooftops, counting from the day of ``since``, else of ``origin`` (ms)."""
        since = origin if self.since is None else self.since
        if since // DAY > origin // DAY:
            raise StreetError("the counters' first day (since) is after the clock's origin")
        return [
            Rooftop(spec, self.seed, since, tuple(fault for fault in self.faults if fault.meter == spec.name))
            for spec in self.specs
        ]


def kwp_of(seed: int) -> float:
    """A usual roof, 3.0 to 9.9 kWp."""
    return round(3.0 + 6.9 * unit(seed, 20), 1)


def row_of_serial(
    seed: int, first: int, maps: tuple[Map, ...], places: tuple[Place, ...]
) -> tuple[Spec, ...]:
    """Rooftops on the serial line, one for each of ``maps``, units from 1, named on from ``first``."""
    names = [f"solar{first + index:02d}" for index in range(len(maps))]
    owns = [seed_of(seed, name) for name in names]
    return tuple(
        Spec(name, "rtu", places[(first + i) % len(places)], kwp_of(own), own, unit=i + 1, map=shown)
        for i, (name, own, shown) in enumerate(zip(names, owns, maps, strict=True))
    )


def row_of_rooftops(
    seed: int, modbus: int, first_port: int, mqtt: int, places: tuple[Place, ...]
) -> tuple[Spec, ...]:
    """Rooftops solar00, solar01…, first Modbus then MQTT, over the places in turn.

    Modbus rooftops take ports from ``first_port`` up; 0 gives each any free one.
    """
    specs = []
    for index in range(modbus + mqtt):
        name = f"solar{index:02d}"
        own = seed_of(seed, name)
        place = places[index % len(places)]
        if index < modbus:
            port = first_port + index if first_port else 0
            specs.append(Spec(name, "modbus", place, kwp_of(own), own, port=port))
        else:
            specs.append(Spec(name, "mqtt", place, kwp_of(own), own))
    return tuple(specs)
