"""What devices publish: recorded where there is a recording, else as their makers document it."""

from __future__ import annotations

import json
import struct
from typing import Any

from tests.meter.servers import capture

Told = list[tuple[str, bytes]]
"""Topics and payloads, in the order in which a device sends them."""


def text(body: Any) -> bytes:
    return json.dumps(body).encode()


def shelly(name: str, prefix: str) -> Told:
    """A recorded status as the device publishes it: a topic a component."""
    status = capture(name)["status"]
    return [(f"{prefix}/status/{component}", text(body)) for component, body in status.items()]


def shelly_rpc(name: str, prefix: str) -> Told:
    """The same in one notification."""
    params = {"ts": 1_750_000_000.5, **capture(name)["status"]}
    body = {"src": prefix, "dst": f"{prefix}/events", "method": "NotifyFullStatus", "params": params}
    return [(f"{prefix}/events/rpc", text(body))]


PRO_3EM = {
    **{"power_w": 558.965, "power_l1_w": 375.5, "power_l2_w": 170.8, "power_l3_w": 12.7},
    **{"voltage_l1_v": 229, "voltage_l2_v": 229, "voltage_l3_v": 229.2, "frequency_hz": 50},
    **{"current_l1_a": 2.392, "current_l2_a": 1.037, "current_l3_a": 0.428},
    **{"import_wh": 2_589_773, "export_wh": 1_027},
}
"""What the recorded Pro 3EM must be read as: the numbers that stand in the recording."""
PLUS_1PM = {"power_w": 0, "import_wh": 110, "voltage_l1_v": 232.8, "current_l1_a": 0}

TASMOTA = {
    "Time": "2026-06-21T12:00:05",
    "ENERGY": {
        **{"TotalStartTime": "2025-01-01T00:00:00", "Total": 1234.567, "Yesterday": 3.2, "Today": 1.1},
        **{"Power": 812, "ApparentPower": 830, "ReactivePower": 100, "Factor": 0.98, "Voltage": 231},
        "Current": 3.6,
    },
}
TASMOTA_3_PHASES = {
    "Time": "2026-06-21T12:00:05",
    "ENERGY": {
        **{"Total": 10.5, "Power": [100, 200, -50], "Voltage": [230, 231, 232], "Current": [0.5, 0.9, 0.3]},
        **{"ExportActive": [0.1, 0.2, 0.3], "Frequency": 50},
    },
}
TASMOTA_SML = {"Time": "2026-06-21T12:00:05", "SML": {"Total_in": 5.0, "Total_out": 2.5, "Power_curr": -300}}
ZIGBEE = {
    **{"power": 14.2, "energy": 5.67, "produced_energy": 1.5, "voltage": 229, "current": 0.06},
    **{"linkquality": 120, "last_seen": 1_750_000_000_123, "state": "ON"},
}


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def block(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def metric(
    name: str | None, value: int | float | None, *, alias: int | None = None, datatype: int | None = None
) -> bytes:
    """One Sparkplug metric on the wire, as the protocol buffers' encoding has it."""
    data = b"" if name is None else block(1, name.encode())
    for field, number in ((2, alias), (4, datatype)):
        data += b"" if number is None else varint(field << 3) + varint(number)
    if value is None:
        data += varint(7 << 3) + b"\x01"
    elif isinstance(value, float):
        data += varint(13 << 3 | 1) + struct.pack("<d", value)
    else:
        data += varint((11 if value >= 2**32 else 10) << 3) + varint(value)
    return block(2, data)


def sparkplug(*metrics: bytes, time: int = 1_750_000_000_000, seq: int = 0) -> bytes:
    return varint(1 << 3) + varint(time) + b"".join(metrics) + varint(3 << 3) + varint(seq)
