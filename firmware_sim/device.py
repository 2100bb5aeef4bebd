"""A rooftop as a SunSpec device on Modbus TCP: models 1, 103 (inverter) and 203 (meter), base 40000.

A house without panels has no model 103. Function 3 only; writing is refused. All values of one answer
belong to the same instant.

Signs: model 203's W is + for export and − for import, as SolarEdge's meters send it (evcc scales it by
−1); TotWhExp counts what is sent out, TotWhImp what is drawn. Power factors are sent without a sign.
Counters are whole Wh, cut off below. At night the inverter sleeps: W 0, St 2. No reactive energy and no
counters by phase.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import sqrt

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from firmware_sim.faults import LATE_S, Kind, down
from firmware_sim.models import BASE, END, MARKER, encode, scale_for
from firmware_sim.rooftop import Measurement, Rooftop

_READ_HOLDING = 3
HERTZ = BASE + 70 + 16
"""Frequency in the first model after the common one, 103; without panels it is in the middle of 203."""
_UNIT_AT = 6
_SLEEPING, _PRODUCING = 2, 4
_LARGEST_LOAD_W = 12_000.0
_DC_VOLT = 640.0
_DC_LOSS = 0.975
_VERSION = "0.1"
_INVERTER_SCALES = {"V_SF": -1, "Hz_SF": -2, "PF_SF": -2, "WH_SF": 0, "DCV_SF": -1, "Tmp_SF": -1}
_METER_SCALES = {"V_SF": -1, "Hz_SF": -2, "PF_SF": -2, "TotWh_SF": 0}


def registers(rooftop: Rooftop, instant: int) -> list[int]:
    """All registers from ``BASE`` on as they stand at ``instant`` (ms)."""
    shown = rooftop.shown(instant)
    limit_w = max(_LARGEST_LOAD_W, 1200 * rooftop.spec.kwp)
    blocks = [*MARKER, *encode(1, _common(rooftop))]
    if rooftop.spec.kwp:
        blocks += encode(103, _inverter_scales(limit_w) | (_inverter(shown) if shown else {}))
    blocks += encode(203, _meter_scales(limit_w) | (_meter(shown) if shown else {}))
    return [*blocks, *END]


def _common(rooftop: Rooftop) -> dict[str, float | str]:
    spec = rooftop.spec
    model = f"Roof {spec.kwp:g} kWp" if spec.kwp else "House"
    serial = f"FS{spec.seed % 10**10:010d}"
    return {"Mn": "FirmwareSim", "Md": model, "Vr": _VERSION, "SN": serial, "DA": spec.unit}


def _power_scales(limit_w: float) -> tuple[int, int]:
    """Exponents for W (1 W or coarser) and A (10 mA or coarser)."""
    return scale_for(limit_w, 0), scale_for(limit_w / 150, -2)


def _inverter_scales(limit_w: float) -> dict[str, float | str]:
    watt, ampere = _power_scales(limit_w)
    own = {"A_SF": ampere, "W_SF": watt, "VA_SF": watt, "VAr_SF": watt, "DCW_SF": watt, "DCA_SF": ampere}
    return {**_INVERTER_SCALES, **own}


def _meter_scales(limit_w: float) -> dict[str, float | str]:
    watt, ampere = _power_scales(limit_w)
    return {**_METER_SCALES, "A_SF": ampere, "W_SF": watt, "VA_SF": watt, "VAR_SF": watt}


def _inverter(shown: Measurement) -> dict[str, float | str]:
    wires, power = shown.wires, shown.solar_mw / 1000
    volts, lines, amps = wires.voltages, wires.line_voltages(), wires.solar_a
    dc = power / _DC_LOSS
    warmth = 18.0 + power / 250
    return {
        **dict(zip(("AphA", "AphB", "AphC"), amps, strict=True)),
        **dict(zip(("PhVphA", "PhVphB", "PhVphC"), volts, strict=True)),
        **dict(zip(("PPVphAB", "PPVphBC", "PPVphCA"), lines, strict=True)),
        **{"A": sum(amps), "W": power, "VA": power, "VAr": 0, "PF": 100, "Hz": wires.frequency},
        "WH": shown.counters.wh()["production_wh"],
        **{"DCV": _DC_VOLT if power else 0, "DCW": dc, "DCA": dc / _DC_VOLT},
        **{"TmpCab": min(warmth, 70.0), "TmpSnk": min(warmth + 6, 80.0)},
        **{"St": _PRODUCING if power else _SLEEPING, "Evt1": 0, "Evt2": 0},
    }


def _meter(shown: Measurement) -> dict[str, float | str]:
    wires, wh = shown.wires, shown.counters.wh()
    volts, lines, amps = wires.voltages, wires.line_voltages(), wires.grid_a
    watts = [-power / 1000 for power in wires.grid_mw]
    apparent = [abs(power) / wires.factor for power in watts]
    reactive = [power * sqrt(1 - wires.factor**2) for power in apparent]
    total, volt_amps, var = sum(watts), sum(apparent), sum(reactive)
    return {
        **_phases("A", amps, sum(amps)),
        **_phases("PhV", volts, sum(volts) / 3, "PhVph"),
        **dict(zip(("PhVphAB", "PhVphBC", "PhVphCA"), lines, strict=True)),
        **{"PPV": sum(lines) / 3, "Hz": wires.frequency},
        **_phases("W", watts, total),
        **_phases("VA", apparent, volt_amps),
        **_phases("VAR", reactive, var),
        **_phases("PF", [wires.factor * 100] * 3, 100 * abs(total) / volt_amps if volt_amps else 100),
        **{"TotWhExp": wh["export_wh"], "TotWhImp": wh["import_wh"], "Evt": 0},
    }


def _phases(
    name: str, values: list[float] | tuple[float, float, float], total: float, stem: str = ""
) -> dict[str, float]:
    stem = stem or f"{name}ph"
    return {name: total} | {f"{stem}{letter}": value for letter, value in zip("ABC", values, strict=True)}


class Device:
    """The Modbus TCP server of one rooftop. ``now`` gives market time in ms."""

    def __init__(self, rooftop: Rooftop, now: Callable[[], int]) -> None:
        self.rooftop = rooftop
        self._now = now
        self._server: ModbusTcpServer | None = None

    async def start(self) -> int:
        """Listens and returns the port. Raises ``OSError`` when it cannot."""
        spec = self.rooftop.spec
        first = registers(self.rooftop, self._now())
        data = SimData(BASE, values=first, datatype=DataType.REGISTERS, readonly=True)
        self._server = ModbusTcpServer(
            SimDevice(spec.unit, [data], action=self._refresh),
            address=(spec.host, spec.port),
            trace_packet=self._wire,
        )
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError:
            raise OSError(f"{spec.name}: cannot listen on {spec.host}:{spec.port}") from None
        listener = self._server.transport
        return int(listener.sockets[0].getsockname()[1])  # type: ignore[attr-defined] # it is asyncio's Server

    async def stop(self) -> None:
        """Stops listening and drops its clients."""
        if self._server:
            await self._server.shutdown()  # type: ignore[no-untyped-call] # pymodbus left it bare

    async def _refresh(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        current: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if function != _READ_HOLDING:
            return ExcCodes.ILLEGAL_FUNCTION
        instant = self._now()
        kind = self.rooftop.fault(instant)
        if kind is Kind.LATE:
            await asyncio.sleep(LATE_S)
        if kind is Kind.EXCEPTION2 or (kind is Kind.HOLE and address <= HERTZ < address + count):
            return ExcCodes.ILLEGAL_ADDRESS
        fresh = registers(self.rooftop, instant)
        current[: len(fresh)] = fresh
        return None

    def _wire(self, sending: bool, data: bytes) -> bytes:
        instant = self._now()
        kind = self.rooftop.fault(instant)
        if not sending:
            return data
        if kind is Kind.WRONG_UNIT:
            return bytes([*data[:_UNIT_AT], data[_UNIT_AT] + 1, *data[_UNIT_AT + 1 :]])
        return b"" if down(kind, instant) else data
