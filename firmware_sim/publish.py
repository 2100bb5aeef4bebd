"""Rooftops that publish over MQTT: retained JSON at QoS 1, and a last will that says they are gone.

Topics: ``meters/<name>/state`` and ``meters/<name>/availability`` (online or offline, retained). While a
rooftop is not connected it publishes nothing, later or ever: the newest state is all a reader wants.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.clock import iso
from firmware_sim.faults import SKEW_MS, Kind, down
from firmware_sim.rooftop import Rooftop

_QOS = 1
_KEEPALIVE_S = 30
_RECONNECT_S = (1, 10)
_NAMES = (
    *("power_w", "power_l1_w", "power_l2_w", "power_l3_w", "solar_power_w"),
    *("import_wh", "export_wh", "production_wh"),
    *("voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "current_l1_a", "current_l2_a", "current_l3_a"),
    *("frequency_hz", "power_factor"),
)


def payload(rooftop: Rooftop, instant: int) -> dict[str, Any]:
    """What a rooftop says at ``instant`` (ms). Grid power is + for import; counters are whole Wh.

    ``time`` is the device's clock, which goes on when its values are frozen.
    """
    skew = SKEW_MS if rooftop.fault(instant) is Kind.SKEW else 0
    said: dict[str, Any] = {"time": iso(instant - skew), **dict.fromkeys(_NAMES)}
    if (shown := rooftop.shown(instant)) is None:
        return said
    wires = shown.wires
    said |= {"power_w": round((shown.load_mw - shown.solar_mw) / 1000, 2)}
    said |= {"solar_power_w": round(shown.solar_mw / 1000, 2), **shown.counters.wh()}
    for phase in range(3):
        said[f"power_l{phase + 1}_w"] = round(wires.grid_mw[phase] / 1000, 2)
        said[f"voltage_l{phase + 1}_v"] = round(wires.voltages[phase], 1)
        said[f"current_l{phase + 1}_a"] = round(wires.grid_a[phase], 3)
    return said | {"frequency_hz": round(wires.frequency, 3), "power_factor": round(wires.factor, 3)}


class Publisher:
    """The MQTT client of one rooftop. It connects, and connects again, by itself."""

    def __init__(self, rooftop: Rooftop, now: Callable[[], int]) -> None:
        self.rooftop = rooftop
        self._now = now
        name = rooftop.spec.name
        self._availability = f"meters/{name}/availability"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"firmware-sim-{name}")
        self._client.will_set(self._availability, "offline", _QOS, retain=True)
        self._client.reconnect_delay_set(*_RECONNECT_S)
        self._client.on_connect = self._greet

    def start(self, host: str, port: int) -> None:
        """Begins to connect in a thread of its own; a broker that is not there yet is no error."""
        self._client.connect_async(host, port, _KEEPALIVE_S)
        self._client.loop_start()

    def publish(self) -> bool:
        """Sends the present state. False when not connected or silent."""
        instant = self._now()
        if not self._client.is_connected() or down(self.rooftop.fault(instant), instant):
            return False
        body = json.dumps(payload(self.rooftop, instant), separators=(",", ":"))
        self._client.publish(self.rooftop.spec.topic, body, _QOS, retain=True)
        return True

    def farewell(self) -> MQTTMessageInfo | None:
        """Says that it goes: the answer tells when the broker has heard it."""
        if not self._client.is_connected():
            return None
        return self._client.publish(self._availability, "offline", _QOS, retain=True)

    def stop(self) -> None:
        """Disconnects. Unconnected, its daemon thread may sleep before the next try: no one waits."""
        connected = self._client.is_connected()
        self._client.disconnect()
        if connected:
            self._client.loop_stop()

    def _greet(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.publish(self._availability, "online", _QOS, retain=True)
