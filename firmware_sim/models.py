"""SunSpec information models 1, 103 and 203 as register tables, and values into registers.

Offsets, types and scale factors are those of the published model definitions (sunspec/models, json). An
offset counts registers from the model's ID register. A point that is not given a value holds its type's
"not implemented" mark; an accumulator's mark is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import pack, unpack

BASE = 40000
"""Address of "SunS", counted from 0 on the wire."""
MARKER = (0x5375, 0x6E53)
END = (0xFFFF, 0)

# offset name type [scale factor]; ID and L, at 0 and 1, are left out
_TABLES = {
    1: """
    2 Mn string16; 18 Md string16; 34 Opt string8; 42 Vr string8; 50 SN string16; 66 DA uint16;
    67 Pad pad
    """,
    103: """
    2 A uint16 A_SF; 3 AphA uint16 A_SF; 4 AphB uint16 A_SF; 5 AphC uint16 A_SF; 6 A_SF sunssf;
    7 PPVphAB uint16 V_SF; 8 PPVphBC uint16 V_SF; 9 PPVphCA uint16 V_SF; 10 PhVphA uint16 V_SF;
    11 PhVphB uint16 V_SF; 12 PhVphC uint16 V_SF; 13 V_SF sunssf; 14 W int16 W_SF; 15 W_SF sunssf;
    16 Hz uint16 Hz_SF; 17 Hz_SF sunssf; 18 VA int16 VA_SF; 19 VA_SF sunssf; 20 VAr int16 VAr_SF;
    21 VAr_SF sunssf; 22 PF int16 PF_SF; 23 PF_SF sunssf; 24 WH acc32 WH_SF; 26 WH_SF sunssf;
    27 DCA uint16 DCA_SF; 28 DCA_SF sunssf; 29 DCV uint16 DCV_SF; 30 DCV_SF sunssf;
    31 DCW int16 DCW_SF; 32 DCW_SF sunssf; 33 TmpCab int16 Tmp_SF; 34 TmpSnk int16 Tmp_SF;
    35 TmpTrns int16 Tmp_SF; 36 TmpOt int16 Tmp_SF; 37 Tmp_SF sunssf; 38 St enum16; 39 StVnd enum16;
    40 Evt1 bitfield32; 42 Evt2 bitfield32; 44 EvtVnd1 bitfield32; 46 EvtVnd2 bitfield32;
    48 EvtVnd3 bitfield32; 50 EvtVnd4 bitfield32
    """,
    203: """
    2 A int16 A_SF; 3 AphA int16 A_SF; 4 AphB int16 A_SF; 5 AphC int16 A_SF; 6 A_SF sunssf;
    7 PhV int16 V_SF; 8 PhVphA int16 V_SF; 9 PhVphB int16 V_SF; 10 PhVphC int16 V_SF;
    11 PPV int16 V_SF; 12 PhVphAB int16 V_SF; 13 PhVphBC int16 V_SF; 14 PhVphCA int16 V_SF;
    15 V_SF sunssf; 16 Hz int16 Hz_SF; 17 Hz_SF sunssf; 18 W int16 W_SF; 19 WphA int16 W_SF;
    20 WphB int16 W_SF; 21 WphC int16 W_SF; 22 W_SF sunssf; 23 VA int16 VA_SF; 24 VAphA int16 VA_SF;
    25 VAphB int16 VA_SF; 26 VAphC int16 VA_SF; 27 VA_SF sunssf; 28 VAR int16 VAR_SF;
    29 VARphA int16 VAR_SF; 30 VARphB int16 VAR_SF; 31 VARphC int16 VAR_SF; 32 VAR_SF sunssf;
    33 PF int16 PF_SF; 34 PFphA int16 PF_SF; 35 PFphB int16 PF_SF; 36 PFphC int16 PF_SF;
    37 PF_SF sunssf; 38 TotWhExp acc32 TotWh_SF; 40 TotWhExpPhA acc32 TotWh_SF;
    42 TotWhExpPhB acc32 TotWh_SF; 44 TotWhExpPhC acc32 TotWh_SF; 46 TotWhImp acc32 TotWh_SF;
    48 TotWhImpPhA acc32 TotWh_SF; 50 TotWhImpPhB acc32 TotWh_SF; 52 TotWhImpPhC acc32 TotWh_SF;
    54 TotWh_SF sunssf; 55 TotVAhExp acc32 TotVAh_SF; 57 TotVAhExpPhA acc32 TotVAh_SF;
    59 TotVAhExpPhB acc32 TotVAh_SF; 61 TotVAhExpPhC acc32 TotVAh_SF; 63 TotVAhImp acc32 TotVAh_SF;
    65 TotVAhImpPhA acc32 TotVAh_SF; 67 TotVAhImpPhB acc32 TotVAh_SF; 69 TotVAhImpPhC acc32 TotVAh_SF;
    71 TotVAh_SF sunssf; 72 TotVArhImpQ1 acc32 TotVArh_SF; 74 TotVArhImpQ1PhA acc32 TotVArh_SF;
    76 TotVArhImpQ1PhB acc32 TotVArh_SF; 78 TotVArhImpQ1PhC acc32 TotVArh_SF;
    80 TotVArhImpQ2 acc32 TotVArh_SF; 82 TotVArhImpQ2PhA acc32 TotVArh_SF;
    84 TotVArhImpQ2PhB acc32 TotVArh_SF; 86 TotVArhImpQ2PhC acc32 TotVArh_SF;
    88 TotVArhExpQ3 acc32 TotVArh_SF; 90 TotVArhExpQ3PhA acc32 TotVArh_SF;
    92 TotVArhExpQ3PhB acc32 TotVArh_SF; 94 TotVArhExpQ3PhC acc32 TotVArh_SF;
    96 TotVArhExpQ4 acc32 TotVArh_SF; 98 TotVArhExpQ4PhA acc32 TotVArh_SF;
    100 TotVArhExpQ4PhB acc32 TotVArh_SF; 102 TotVArhExpQ4PhC acc32 TotVArh_SF; 104 TotVArh_SF sunssf;
    105 Evt bitfield32
    """,
}
_LENGTHS = {1: 66, 103: 50, 203: 105}
_PACKED = {  # (struct code, not implemented)
    "int16": (">h", -0x8000),
    "sunssf": (">h", -0x8000),
    "pad": (">h", -0x8000),
    "uint16": (">H", 0xFFFF),
    "enum16": (">H", 0xFFFF),
    "bitfield32": (">I", 0xFFFFFFFF),
    "acc32": (">I", 0),
}
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a model. ``scale`` names the point that holds its power of ten, or is empty."""

    offset: int
    name: str
    kind: str
    scale: str

    @property
    def size(self) -> int:
        """Registers of 16 bits."""
        if self.kind.startswith("string"):
            return int(self.kind[6:])
        return 2 if self.kind.endswith("32") else 1


@lru_cache
def points(model: int) -> tuple[Point, ...]:
    """The points of a model after ID and L, in the order of their registers."""
    rows = [row.split() for row in _TABLES[model].replace("\n", ";").split(";") if row.strip()]
    return tuple(Point(int(row[0]), row[1], row[2], row[3] if len(row) > 3 else "") for row in rows)


def _bytes(point: Point, value: float | str | None, exponent: int) -> bytes:
    if point.kind.startswith("string"):
        return str(value or "").encode()[: point.size * 2].ljust(point.size * 2, b"\0")
    code, absent = _PACKED[point.kind]
    if value is None:
        return pack(code, absent)
    assert not isinstance(value, str), point.name
    number = round(value / 10**exponent) if exponent else round(value)
    return pack(code, number % _WRAP if point.kind == "acc32" else number)


def encode(model: int, values: Mapping[str, float | str]) -> list[int]:
    """The registers of a model, ID and L first. ``values`` are in its units; scale factors too.

    A value whose scale factor is not given is a programming error (``KeyError``), as is one that does not
    fit its register (``struct.error``).
    """
    parts = [pack(">HH", model, _LENGTHS[model])]
    for point in points(model):
        value = values.get(point.name)
        exponent = int(values[point.scale]) if point.scale and value is not None else 0
        parts.append(_bytes(point, value, exponent))
    whole = b"".join(parts)
    return list(unpack(f">{len(whole) // 2}H", whole))


def scale_for(largest: float, finest: int) -> int:
    """The power of ten, ``finest`` or above, at which ``largest`` still fits a signed 16-bit register."""
    exponent = finest
    while largest / 10**exponent > 32_000:
        exponent += 1
    return exponent
