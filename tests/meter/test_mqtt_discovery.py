"""Devices that describe themselves to Home Assistant, read by their own description."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meter.mqtt_messages import text
from tests.meter.servers import NOW
from tradelane.meter import dialect
from tradelane.meter.discovery import described
from tradelane.meter.inbox import Message
from tradelane.meter.reading import BadAnswer, Quality, Reading, Role
from tradelane.meter.router import MqttMeter, Router


def hear(router: Router, topic: str, body: Any) -> list[Reading]:
    return router.hear(Message(topic, body.encode() if isinstance(body, str) else text(body), False, NOW))


def sensor(name: str, kind: str, unit: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "dev_cla": kind, "unit_of_meas": unit, "stat_t": "~/state", "~": "d"} | more


def meaning(name: str, kind: str, unit: str, **more: Any) -> tuple[Role, str] | None:
    found = described("homeassistant/sensor/node/object/config", text(sensor(name, kind, unit, **more)))
    if not found:
        return None
    ((role, (target,)),) = found[0].rule.targets.items()
    return role, target.name


MEANINGS = [
    (("Power", "power", "kW"), (Role.GRID, "power_w")),
    (("Energy", "energy", "kWh"), (Role.GRID, "import_wh")),
    (("Energy exported", "energy", "MWh"), (Role.GRID, "export_wh")),
    (("Solar yield", "energy", "Wh"), (Role.SOLAR, "production_wh")),
    (("PV power", "power", "W"), (Role.SOLAR, "power_w")),
    (("Power L2", "power", "W"), (Role.GRID, "power_l2_w")),
    (("Phase C voltage", "voltage", "mV"), (Role.GRID, "voltage_l3_v")),
    (("Current", "current", "A"), (Role.GRID, "current_l1_a")),
    (("Frequency", "frequency", "Hz"), (Role.GRID, "frequency_hz")),
    (("Power factor", "power_factor", "%"), (Role.GRID, "power_factor")),
    (("Battery", "battery", "%"), (Role.BATTERY, "soc_pct")),
    (("Energy today", "energy", "kWh"), None),
    (("Energy L1", "energy", "kWh"), None),
    (("Maximum power", "power", "W"), None),
    (("Temperature", "temperature", "°C"), None),
    (("Power factor L1", "power_factor", "%"), None),
]


@pytest.mark.parametrize(("sensor", "expected"), MEANINGS, ids=[names[0] for names, _ in MEANINGS])
def test_a_sensor_means(sensor: tuple[str, str, str], expected: tuple[Role, str] | None) -> None:
    assert meaning(*sensor) == expected


TEMPLATES = [
    ("{{ value_json.power }}", ("power",)),
    ("{{value_json.a['b c'][0].d | float(0) | round(1)}}", ("a", "b c", "0", "d")),
    ("{{ value | float }}", ()),
    ("{{ value_json.power * 1000 }}", None),
    ("{{ value_json }}", None),
    ("{% if true %}1{% endif %}", None),
    ("{{ value_json.a | multiply(3) }}", None),
]


@pytest.mark.parametrize(("template", "path"), TEMPLATES, ids=[template for template, _ in TEMPLATES])
def test_a_template_that_computes_is_refused(template: str, path: tuple[str, ...] | None) -> None:
    found = described("homeassistant/sensor/o/config", text(sensor("Power", "power", "W", val_tpl=template)))
    places = [targets[0].paths[0] for one in found for targets in one.rule.targets.values()]
    assert places == ([] if path is None else [path])


def test_a_device_is_read_as_it_describes_itself() -> None:
    router = Router([MqttMeter("homeassistant/#", dialect.load("homeassistant"))])
    dev = {"dev": {"name": "Shed Meter", "ids": ["e1"]}, "avty_t": "~/status"}
    for name, kind, unit, key in [
        *[("Power", "power", "kW", "p"), ("Energy", "energy", "kWh", "e"), ("Voltage", "voltage", "V", "u")],
        ("Signal", "signal_strength", "dBm", "s"),
    ]:
        config = sensor(name, kind, unit, val_tpl=f"{{{{ value_json.{key} }}}}", **dev)
        assert hear(router, f"homeassistant/sensor/e1/{key}/config", config) == []
    assert router.wanted == {"d/state", "d/status"}
    (reading,) = hear(router, "d/state", {"p": 1.5, "e": 2.25, "u": 230, "s": -60})
    assert (reading.meter, reading.profile) == ("shed-meter", "homeassistant")
    assert reading.values == {"power_w": 1500, "import_wh": 2250, "voltage_l1_v": 230}
    (gone,) = hear(router, "d/status", "offline")
    assert gone.quality is Quality.STALE
    assert hear(router, "homeassistant/sensor/e1/p/config", "") == []


def test_a_device_message_and_our_own() -> None:
    cmps = {
        "a": {"p": "sensor", "dev_cla": "power", "unit_of_meas": "W", "stat_t": "x/p", "uniq_id": "a"},
        "b": {"p": "switch", "command_topic": "x/set", "uniq_id": "b"},
    }
    body = {"dev": {"ids": "x"}, "o": {"name": "other"}, "cmps": cmps}
    (found,) = described("homeassistant/device/x/config", text(body))
    assert (found.topic, found.meter, found.will) == ("x/p", "x", None)
    assert described("homeassistant/device/x/config", text(body | {"o": {"name": "tradelane"}})) == []
    assert described("homeassistant/switch/x/config", text(cmps["b"])) == []


def test_two_sensors_of_one_meaning_tell_nothing() -> None:
    router = Router([MqttMeter("homeassistant/#", dialect.load("homeassistant"), "strip")])
    for socket in ("left", "right"):
        config = sensor(f"{socket} power", "power", "W", val_tpl=f"{{{{ value_json.power_{socket} }}}}")
        hear(router, f"homeassistant/sensor/strip/{socket}/config", config)
    assert "two sensors of strip tell power_w" in str(router.faults[0][1])
    assert hear(router, "d/state", {"power_left": 5, "power_right": 7}) == []


def test_what_is_no_description_is_refused() -> None:
    for body in (b"[]", b"{", b"x" * 70_000):
        with pytest.raises(BadAnswer, match="not a JSON object"):
            described("homeassistant/sensor/x/config", body)
    with pytest.raises(BadAnswer, match="'kWh' is no unit of power_w"):
        described("homeassistant/sensor/x/config", text(sensor("Power", "power", "kWh")))
