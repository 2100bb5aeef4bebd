"""What a reading's values are called elsewhere: their units, and their OBIS names (IEC 62056-61).

The group of medium and channel is 1-0, electricity; D is 7 for what holds now, 8 for what was counted. Only
what a meter at the grid measures has names here: power as +A minus -A (16.7), per phase 36, 56 and 76.
"""

from __future__ import annotations

from tradelane.meter.reading import Role

_UNITS = {"w": "W", "wh": "Wh", "v": "V", "a": "A", "hz": "Hz", "pct": "%"}
_GRID = {
    **{"power_w": "16.7", "power_l1_w": "36.7", "power_l2_w": "56.7", "power_l3_w": "76.7"},
    **{"import_wh": "1.8", "export_wh": "2.8", "power_factor": "13.7", "frequency_hz": "14.7"},
    **{"voltage_l1_v": "32.7", "voltage_l2_v": "52.7", "voltage_l3_v": "72.7"},
    **{"current_l1_a": "31.7", "current_l2_a": "51.7", "current_l3_a": "71.7"},
}


def unit_of(name: str) -> str:
    """The unit that a value's name ends with; empty for one without."""
    return _UNITS.get(name.rpartition("_")[2], "")


def obis_of(role: Role, name: str) -> str:
    """``1-0:1.8.0``; empty where there is none."""
    found = _GRID.get(name) if role is Role.GRID else None
    return f"1-0:{found}.0" if found else ""
