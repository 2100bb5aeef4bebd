"""What the recorded dumps hold: registers by address, and the values they must give under our names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.shared import shared_file
from tradelane.meter.reading import Role

NOT_MODBUS = {
    "status json": "MQTT: tests/meter/test_mqtt_dialects.py",
    "SML bytes": "not read: see METERS.md, Not yet",
    "P1 telegram": "not read: see METERS.md, Not yet",
    "DLMS push": "not read: see METERS.md, Not yet",
}
"""Kinds of capture that no register holds, by how their name begins, and where they are dealt with."""

Words = dict[int, int]
Values = dict[tuple[Role, str], float | None]


@dataclass(frozen=True)
class Capture:
    """A dump: the unit it is of, its registers, the profile that reads it, and what must come out."""

    unit: int
    words: Words
    profile: str
    values: Values


def index() -> list[dict[str, str]]:
    """INDEX.json, or nothing where the captures are not there: the tests then skip, and say so."""
    try:
        path = shared_file("captures/INDEX.json")
    except pytest.skip.Exception:
        return []
    return list(json.loads(path.read_text()))


def blocks(words: Mapping[int, int]) -> dict[int, list[int]]:
    """The registers as runs without holes."""
    runs: dict[int, list[int]] = {}
    start = None
    for address in sorted(words):
        if start is None or address != start + len(runs[start]):
            start = address
            runs[start] = []
        runs[start].append(words[address])
    return runs


def dump(file: str) -> Any:
    return json.loads(shared_file(f"captures/{file}").read_text())


def capture(file: str) -> Capture:
    return READERS[file](file)


def _named(expected: Mapping[str, Any], names: Mapping[str, tuple[Role, str, float]]) -> Values:
    """Expected values under our names; each name with what its unit and sign are multiplied by."""
    found: Values = {}
    for name, (role, value, times) in names.items():
        number = expected[name]
        number = number[0] if isinstance(number, list) else number
        found[role, value] = None if number is None else float(number) * times
    return found


def _reads(pairs: list[tuple[int, list[int]]]) -> Words:
    return {first + index: word for first, words in pairs for index, word in enumerate(words)}


def _inverter(file: str) -> Capture:
    body = dump(file)
    names = {"W": "power_w", "WH": "production_wh", "Hz": "frequency_hz"}
    names |= {f"PhVph{p}": f"voltage_l{n}_v" for n, p in enumerate("ABC", 1)}
    names |= {f"Aph{p}": f"current_l{n}_a" for n, p in enumerate("ABC", 1)}
    values = _named(body["expected"], {name: (Role.SOLAR, ours, 1) for name, ours in names.items()})
    return Capture(body["unit"], _reads([(body["address"], body["registers"])]), "solaredge-inverter", values)


def _solaredge_meter(file: str) -> Capture:
    body = dump(file)
    names = {"TotWhImp": ("import_wh", 1), "TotWhExp": ("export_wh", 1), "Hz": ("frequency_hz", 1)}
    names |= {"W": ("power_w", -1)} | {f"Wph{p}": (f"power_l{n}_w", -1) for n, p in enumerate("ABC", 1)}
    values = _named(
        body["expected"], {name: (Role.GRID, ours, times) for name, (ours, times) in names.items()}
    )
    return Capture(body["unit"], _reads([(body["address"], body["registers"])]), "solaredge-meter", values)


def _kostal(file: str) -> Capture:
    body = dump(file)
    names = {"TotWhExp": "export_wh", "TotWhImp": "import_wh", "WphA": "power_l1_w"}
    values = _named(body["expected_physical"], {name: (Role.GRID, ours, 1) for name, ours in names.items()})
    return Capture(body["unit"], _reads([(body["address"], body["registers"])]), "kostal-plenticore", values)


def _sungrow(file: str) -> Capture:
    body = dump(file)
    names = {
        "dc_power_W": (Role.SOLAR, "power_w", 1.0),
        "energy_total_pv_kWh": (Role.SOLAR, "production_wh", 1000.0),
        "export_power_W": (Role.GRID, "power_w", -1.0),
        "energy_import_kWh": (Role.GRID, "import_wh", 1000.0),
    }
    return Capture(body["unit"], _reads(body["reads"]), "sungrow-sh", _named(body["expected"], names))


def _sdm630(file: str) -> Capture:
    body = dump(file)
    unit, _, address, words = body["reads"][0]
    names = {"energy_import_kWh": (Role.GRID, "import_wh", 1000.0)}
    return Capture(unit, _reads([(address, words)]), "eastron-sdm630", _named(body["expected"], names))


def _et112(file: str) -> Capture:
    """The frame's registers, from the third byte on; the test checks the frame itself."""
    body = dump(file)
    frame = bytes.fromhex(body["response"])
    words = [int.from_bytes(frame[3 + at : 5 + at], "big") for at in range(0, frame[2], 2)]
    names = {"voltage_V": (Role.GRID, "voltage_l1_v", 1.0)}
    return Capture(frame[0], _reads([(0, words)]), "cg-et112", _named(body["expected"], names))


def _huawei(file: str) -> Capture:
    body = dump(file)
    reads = [(int(key.split(",")[0]), words) for key, words in body["reads_addr_count"].items()]
    names = {
        "active_power": ("power_w", 1),
        "accumulated_yield_energy": ("production_wh", 1000),
        "power_factor": ("power_factor", 1),
        "grid_frequency": ("frequency_hz", 1),
    }
    names |= {f"phase_{p}_voltage": (f"voltage_l{n}_v", 1) for n, p in enumerate("abc", 1)}
    names |= {f"phase_{p}_current": (f"current_l{n}_a", 1) for n, p in enumerate("abc", 1)}
    mapped = {name: (Role.SOLAR, ours, float(times)) for name, (ours, times) in names.items()}
    return Capture(1, _reads(reads), "huawei-sun2000", _named(body["expected_value_unit"], mapped))


FRAME_STARTS = {"running_data": {"dt": 30100, "et": 35100}, "meter_data": {"et": 36000}}
"""Where the blocks of a GoodWe begin that its frames answer."""


def _frame_words(frame: bytes, start: int) -> Words:
    """An answer frame after its AA55: unit, function, byte count, data, checksum."""
    assert frame[:2] == b"\xaa\x55" and frame[3] == 3
    data = frame[5 : 5 + frame[4]]
    return {start + at // 2: int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)}


def _goodwe(file: str) -> Capture:
    body = dump(file)
    words: Words = {}
    unit = 0
    for name, frame in body["frames"].items():
        raw = bytes.fromhex(frame["hex"])
        block = next(block for block in FRAME_STARTS if block in name)
        words |= _frame_words(raw, FRAME_STARTS[block][body["family"]])
        unit = raw[2]
    names = GOODWE_DT if body["family"] == "dt" else GOODWE_ET
    known = {name: ours for name, ours in names.items() if name in body["expected"]}
    return Capture(unit, words, f"goodwe-{body['family']}", _named(body["expected"], known))


GOODWE_DT = {
    "total_inverter_power": (Role.SOLAR, "power_w", 1.0),
    "e_total": (Role.SOLAR, "production_wh", 1000.0),
    "fgrid1": (Role.SOLAR, "frequency_hz", 1.0),
    "vgrid1": (Role.SOLAR, "voltage_l1_v", 1.0),
    "vgrid2": (Role.SOLAR, "voltage_l2_v", 1.0),
    "vgrid3": (Role.SOLAR, "voltage_l3_v", 1.0),
    "igrid1": (Role.SOLAR, "current_l1_a", 1.0),
}
GOODWE_ET = {
    "e_total": (Role.SOLAR, "production_wh", 1000.0),
    "vgrid": (Role.SOLAR, "voltage_l1_v", 1.0),
    "igrid": (Role.SOLAR, "current_l1_a", 1.0),
    "fgrid": (Role.SOLAR, "frequency_hz", 1.0),
    "meter_active_power_total": (Role.GRID, "power_w", -1.0),
    "meter_e_total_exp": (Role.GRID, "export_wh", 1000.0),
    "meter_e_total_imp": (Role.GRID, "import_wh", 1000.0),
    "meter_freq": (Role.GRID, "frequency_hz", 1.0),
    "meter_power_factor": (Role.GRID, "power_factor", 1.0),
    "e_bat_charge_total": (Role.BATTERY, "import_wh", 1000.0),
    "e_bat_discharge_total": (Role.BATTERY, "export_wh", 1000.0),
}

SYMO = {"int16": 0x8000, "uint16": 0xFFFF, "acc32": 0, "sunssf": 0x8000}
SYMO_POINTS = [
    *((name, "uint16", "A_SF") for name in ("A", "AphA", "AphB", "AphC")),
    ("A_SF", "sunssf", None),
    *((name, "uint16", "V_SF") for name in ("PPVphAB", "PPVphBC", "PPVphCA", "PhVphA", "PhVphB", "PhVphC")),
    *(("V_SF", "sunssf", None), ("W", "int16", "W_SF"), ("W_SF", "sunssf", None)),
    *(("Hz", "uint16", "Hz_SF"), ("Hz_SF", "sunssf", None), ("VA", "int16", "VA_SF")),
    *(("VA_SF", "sunssf", None), ("VAr", "int16", "VAr_SF"), ("VAr_SF", "sunssf", None)),
    *(
        ("PF", "int16", "PF_SF"),
        ("PF_SF", "sunssf", None),
        ("WH", "acc32", "WH_SF"),
        ("WH_SF", "sunssf", None),
    ),
]
"""The head of model 103 in order, written down from the standard; the dump ends before the rest."""


def _symo(file: str) -> Capture:
    """A dump that somebody else had decoded: its registers follow from values and scale factors."""
    text = shared_file(f"captures/{file}").read_text()
    printed = dict(re.findall(r"(\w+)=(\S+)", text.split("model 103:")[1]))
    body: list[int] = []
    for name, kind, scale in SYMO_POINTS:
        shown = printed[name]
        if shown == "n/a":
            body.append(SYMO[kind])
            continue
        exponent = 0 if scale is None else int(printed[scale])
        raw = round(float(shown) / 10**exponent)
        body += divmod(raw, 0x10000) if kind == "acc32" else [raw & 0xFFFF]
    body += [0xFFFF] * (50 - len(body))
    common = b"Fronius".ljust(32, b"\0") + b"Symo 5.0-3-M".ljust(32, b"\0") + bytes(66)
    head = [int.from_bytes(common[at : at + 2], "big") for at in range(0, len(common), 2)]
    words = [0x5375, 0x6E53, 1, 65, *head, 103, 50, *body, 0xFFFF, 0]
    values: Values = {(Role.SOLAR, "power_w"): 0, (Role.SOLAR, "production_wh"): float(printed["WH"])}
    values |= {(Role.SOLAR, "voltage_l1_v"): 0, (Role.SOLAR, "power_factor"): None}
    return Capture(1, _reads([(40000, words)]), "fronius-sunspec", values)


READERS: dict[str, Callable[[str], Capture]] = {
    "solaredge_inverter_103.json": _inverter,
    "solaredge_meter_203_a.json": _solaredge_meter,
    "kostal_meter_203.json": _kostal,
    "sungrow_sh10rt.json": _sungrow,
    "cg_et112_rtu.json": _et112,
    "sdm630_smartevse373.json": _sdm630,
    "fronius_symo_night.txt": _symo,
    "huawei_sun2000_3ktl.json": _huawei,
    "goodwe_gw10k_et.json": _goodwe,
    "goodwe_gw20k_et.json": _goodwe,
    "goodwe_gw6000_dt.json": _goodwe,
    "goodwe_gw5000d_ns.json": _goodwe,
}
CHAINS = {"solaredge_sunspec_chain.json"}
"""Captures of a chain's headers only: there is nothing to read but what stands where."""
