"""One rooftop's meter: what it would show at an instant, in its own units, faults included. Pure."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
from typing import Literal

from firmware_sim.electric import Electric, electric
from firmware_sim.faults import Fault, Kind, active, steps_back
from firmware_sim.house import UJ_PER_WH, Counters, Home, House
from firmware_sim.sun import Place

Transport = Literal["modbus", "mqtt", "rtu"]
Map = Literal["sunspec", "eastron"]
_STEP_UJ = 100 * UJ_PER_WH
_ROLLOVER_UJ = 655_360 * UJ_PER_WH


@dataclass(frozen=True, slots=True)
class Spec:
    """The facts of a rooftop. ``port`` 0 is any free one; port and unit are Modbus's.

    Power in kWp. ``map``: the registers of a rooftop on the serial line; Modbus TCP has SunSpec's.
    """

    name: str
    transport: Transport
    place: Place
    kwp: float
    seed: int
    host: str = "127.0.0.1"
    port: int = 0
    unit: int = 1
    map: Map = "sunspec"

    @property
    def topic(self) -> str:
        """Where an MQTT rooftop publishes; its availability stands beside it."""
        return f"meters/{self.name}/state"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the meter measured: powers in mW, exact counters, and the wires."""

    instant: int
    solar_mw: int
    load_mw: int
    counters: Counters
    wires: Electric


@dataclass(slots=True)
class Rooftop:
    """A rooftop with its house, its weather and its faults."""

    spec: Spec
    weather: int
    since: int
    faults: tuple[Fault, ...] = ()
    house: House = field(init=False)

    def __post_init__(self) -> None:
        home = Home(self.spec.seed, self.weather, self.spec.place, self.spec.kwp)
        self.house = House(home, self.since)

    def truth(self, instant: int) -> Measurement:
        """What happens at the house at ``instant`` (ms), whatever the meter shows."""
        solar, load = self.house.power(instant)
        wires = electric(self.spec.seed, self.weather, instant, solar, load)
        return Measurement(instant, solar, load, self.house.counters(instant), wires)

    def fault(self, instant: int) -> Kind | None:
        """What is wrong with the meter at ``instant`` (ms)."""
        found = active(self.faults, instant)
        return found.kind if found else None

    def shown(self, instant: int) -> Measurement | None:
        """What the meter has measured as far as it knows; None while it has no values."""
        found = active(self.faults, instant)
        if found and found.kind is Kind.SENTINEL:
            return None
        if found is None:
            return self.truth(instant)
        true = self.truth(found.start if found.kind is Kind.FROZEN else instant)
        return replace(true, counters=self._counters(true.counters, found, instant))

    def _counters(self, true: Counters, found: Fault, instant: int) -> Counters:
        values = astuple(true)
        if found.kind is Kind.DIP:
            return Counters(0, 0, 0, 0)
        if found.kind is Kind.STEP_BACK and steps_back(instant):
            return Counters(*(max(0, value - _STEP_UJ) for value in values))
        if found.kind is Kind.RESET:
            began = astuple(self.house.counters(found.start))
            return Counters(*(value - start for value, start in zip(values, began, strict=True)))
        if found.kind is Kind.ROLLOVER:
            return Counters(*(value % _ROLLOVER_UJ for value in values))
        return true
