"""The input registers of an Eastron SDM630-like meter: 32-bit floats, high word first, function 4.

Addresses are those that volkszaehler/mbmd, SDM_Energy_Meter and sdm_modbus agree on. Power is + for import;
counters are kWh, so that above 16384 kWh a float no longer tells single watt-hours, as with the real one. It
refuses more than 50 registers at once. Registers in between that nobody names read 0. A meter without values
shows "not a number".
"""

from __future__ import annotations

import struct

from firmware_sim.rooftop import Measurement, Rooftop

MOST_REGISTERS = 50
_LAST = 358
_NAN = float("nan")
FREQUENCY = 70


def _values(shown: Measurement) -> dict[int, float]:
    wires, wh = shown.wires, shown.counters.wh()
    found: dict[int, float] = {FREQUENCY: wires.frequency, 62: wires.factor}
    for phase in range(3):
        watts = wires.grid_mw[phase] / 1000
        found[2 * phase] = wires.voltages[phase]
        found[6 + 2 * phase] = wires.grid_a[phase]
        found[12 + 2 * phase] = watts
        found[18 + 2 * phase] = abs(watts) / wires.factor
        found[30 + 2 * phase] = wires.factor
    found[52] = (shown.load_mw - shown.solar_mw) / 1000
    found[56] = sum(found[18 + 2 * phase] for phase in range(3))
    found[72], found[74] = wh["import_wh"] / 1000, wh["export_wh"] / 1000
    found[342] = found[72] + found[74]
    return found


_MEASURED = (*range(0, 24, 2), *range(30, 36, 2), 52, 56, 62, FREQUENCY, 72, 74, 342)


def input_registers(rooftop: Rooftop, instant: int) -> list[int]:
    """The registers from address 0 on as they stand at ``instant`` (ms)."""
    shown = rooftop.shown(instant)
    found = _values(shown) if shown else dict.fromkeys(_MEASURED, _NAN)
    numbers = [found.get(address, 0.0) for address in range(0, _LAST, 2)]
    return list(struct.unpack(f">{_LAST}H", struct.pack(f">{_LAST // 2}f", *numbers)))
