"""What makers' devices publish, as readings: from payloads, without a broker; and the rules of the format."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.meter import mqtt_messages as said
from tests.meter.mqtt_messages import Told, text
from tests.meter.servers import NOW
from tradelane.meter import dialect
from tradelane.meter.inbox import Message
from tradelane.meter.reading import BadProfile, Quality, Reading, Role, UnknownProfile
from tradelane.meter.router import MqttMeter, Router


def hear(
    router: Router, topic: str, body: bytes | str | int | dict[str, Any], *, at: int = NOW, kept: bool = False
) -> list[Reading]:
    payload = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else text(body)
    return router.hear(Message(topic, payload, kept, at))


def router(name: str, topic: str = "#", meter: str | None = None) -> Router:
    return Router([MqttMeter(topic, dialect.load(name), meter)])


def shown(name: str, told: Told | list[tuple[str, Any]], topic: str = "#") -> dict[str, dict[str, Any]]:
    """``meter/role`` → the values known after all was heard."""
    one = router(name, topic)
    for where, body in told:
        hear(one, where, body)
    assert one.malformed == 0, one.faults
    return {
        f"{reading.meter}/{reading.role}": {k: v for k, v in reading.values.items() if v is not None}
        for panel in one.panels.values()
        for reading in panel.readings()
    }


def test_shelly_status_topics_and_notifications_say_the_same() -> None:
    for told in (
        said.shelly("shelly_shelly_pro_3em", "home/em"),
        said.shelly_rpc("shelly_shelly_pro_3em", "em"),
    ):
        assert shown("shelly", told) == {"em/grid": said.PRO_3EM}
    assert shown("shelly", said.shelly("shelly_shelly_plus_1pm", "plug")) == {"plug/grid": said.PLUS_1PM}


def test_a_notification_of_what_has_changed_leaves_the_rest_as_it_was() -> None:
    one = router("shelly")
    for topic, body in said.shelly("shelly_shelly_pro_3em", "em"):
        hear(one, topic, body)
    change = {"method": "NotifyStatus", "params": {"ts": 1_750_000_030.25, "em:0": {"total_act_power": 7}}}
    (reading,) = hear(one, "em/events/rpc", change, at=NOW + 30_000)
    assert reading.values["power_w"] == 7 and reading.values["voltage_l1_v"] is None
    assert reading.device_time == 1_750_000_030_250
    (merged,) = one.panels["em"].readings()
    assert (merged.values["power_w"], merged.values["voltage_l1_v"]) == (7, 229)
    assert (merged.ages["voltage_l1_v"], merged.ages.get("power_w", 0)) == (30_000, 0)


def test_shelly_channels_are_meters_of_their_own() -> None:
    told = [(f"pm/status/switch:{n}", {"apower": n, "aenergy": {"total": 10.5 * n}}) for n in range(3)]
    assert shown("shelly", told) == {
        "pm/grid": {"power_w": 0, "import_wh": 0},
        "pm:1/grid": {"power_w": 1, "import_wh": 11},
        "pm:2/grid": {"power_w": 2, "import_wh": 21},
    }


def test_first_shellies_one_phase_and_three() -> None:
    em = [("shellies/a/emeter/1/power", "-5.5"), ("shellies/a/emeter/1/total_returned", "70.4")]
    relay = [("shellies/p/relay/0/power", "60"), ("shellies/p/relay/0/energy", "120")]
    assert shown("shelly-gen1", [*em, *relay]) == {
        "a:1/grid": {"power_w": -5.5, "export_wh": 70},
        "p/grid": {"power_w": 60, "import_wh": 2},
    }
    phases = [
        (f"shellies/t/emeter/{n}/{what}", f"{n + 1}.25") for n in range(3) for what in ("power", "total")
    ]
    assert shown("shelly-3em", phases) == {
        "t/grid": {
            "power_l1_w": 1.25,
            "power_l2_w": 2.25,
            "power_l3_w": 3.25,
            "power_w": 6.75,
            "import_wh": 6,
        }
    }


def test_a_sum_waits_for_all_its_parts_each_time() -> None:
    one = router("shelly-3em")
    sums = []
    for round_, phase in [(r, p) for r in range(2) for p in range(3)]:
        for reading in hear(one, f"shellies/t/emeter/{phase}/total", str(1000 * round_ + phase)):
            sums.append(reading.values["import_wh"])
    assert sums == [3, 3003]
    hear(one, "shellies/t/emeter/0/total", "1", kept=True)
    hear(one, "shellies/t/emeter/1/total", "1")
    (stale,) = hear(one, "shellies/t/emeter/2/total", "1")
    assert stale.quality is Quality.STALE, "one of its parts was only kept"


def test_tasmota_on_one_phase_on_three_and_by_script() -> None:
    single = shown("tasmota", [("tele/plug/SENSOR", said.TASMOTA)])
    assert single == {
        "plug/grid": {
            **{"power_w": 812, "import_wh": 1_234_567, "voltage_l1_v": 231, "current_l1_a": 3.6},
            "power_factor": 0.98,
        }
    }
    (three,) = shown("tasmota", [("plug/tele/SENSOR", said.TASMOTA_3_PHASES)]).values()
    assert (three["power_w"], three["power_l3_w"], three["voltage_l2_v"]) == (250, -50, 231)
    assert (three["import_wh"], three["export_wh"], three["frequency_hz"]) == (10_500, 600, 50)
    (script,) = shown("tasmota", [("tele/m/SENSOR", said.TASMOTA_SML)]).values()
    assert script == {"power_w": -300, "import_wh": 5000, "export_wh": 2500}


def test_zigbee2mqtt() -> None:
    one = router("zigbee2mqtt")
    (reading,) = hear(one, "zigbee2mqtt/washing machine", said.ZIGBEE)
    assert (reading.meter, reading.device_time) == ("washing machine", 1_750_000_000_123)
    assert (reading.values["import_wh"], reading.values["export_wh"]) == (5670, 1500)
    (gone,) = hear(one, "zigbee2mqtt/bridge/state", {"state": "offline"})
    assert gone.quality is Quality.STALE and set(gone.values.values()) == {None}
    assert "zigbee2mqtt/washing machine/availability" in one.wanted


def test_esphome_and_its_silence() -> None:
    told = [("shed/sensor/power/state", "12.5"), ("shed/sensor/energy/state", "1.5"), ("shed/debug", "[I] x")]
    assert shown("esphome", [*told, ("shed/sensor/voltage/state", "nan")]) == {
        "shed/grid": {"power_w": 12.5, "import_wh": 1500}
    }


def test_victron_values_signs_and_the_request_to_go_on() -> None:
    told = [
        *[
            ("N/c0ffee/grid/30/Ac/Power", {"value": -250.4}),
            ("N/c0ffee/grid/30/Ac/L1/Voltage", {"value": 231}),
        ],
        *[("N/c0ffee/grid/30/Ac/Energy/Forward", {"value": 12.25})],
        *[("N/c0ffee/grid/30/Ac/Energy/Reverse", {"value": None})],
        *[("N/c0ffee/system/0/Dc/Battery/Power", {"value": 500}), ("N/c0ffee/vebus/276/Mode", {"value": 3})],
        *[("N/c0ffee/system/0/Dc/Battery/Soc", {"value": 71.5})],
    ]
    assert shown("victron", told) == {
        "c0ffee/grid": {"power_w": -250.4, "voltage_l1_v": 231, "import_wh": 12_250},
        "c0ffee/battery": {"power_w": -500, "soc_pct": 71.5},
    }
    assert router("victron", "N/c0ffee/#").keepalives == {"R/c0ffee/keepalive"}
    wide = router("victron", "N/+/grid/#")
    assert wide.keepalives == set()
    hear(wide, "N/beef/grid/30/Ac/Power", {"value": 1})
    assert wide.keepalives == {"R/beef/keepalive"}


def test_openems() -> None:
    told = [("edge/edge0/channel/_sum/GridActivePower", "-1500"), ("edge/edge0/channel/_sum/EssSoc", "55")]
    told += [
        ("edge/edge0/channel/_sum/GridSellActiveEnergy", "1000"),
        ("edge/edge0/channel/meter0/State", "0"),
    ]
    assert shown("openems", told) == {
        "edge0/grid": {"power_w": -1500, "export_wh": 1000},
        "edge0/battery": {"soc_pct": 55},
    }


def test_two_channels_that_tell_one_value_tell_none() -> None:
    """No rule says which of two inverters is meant, and energy must not jump from one to the other."""
    one = router("victron", "N/#", "roof")
    hear(one, "N/p/pvinverter/20/Ac/Power", {"value": 100})
    hear(one, "N/p/grid/30/Ac/Power", {"value": 5})
    assert hear(one, "N/p/pvinverter/21/Ac/Power", {"value": 900}) == []
    ((topic, error),) = one.faults
    assert topic.endswith("21/Ac/Power") and "name one in the topic" in str(error)
    assert hear(one, "N/p/pvinverter/20/Ac/Power", {"value": 101}) == []
    assert [r.role for r in one.panels["roof"].readings()] == [Role.GRID]
    alone = router("victron", "N/p/pvinverter/21/#", "roof")
    (reading,) = hear(alone, "N/p/pvinverter/21/Ac/Power", {"value": 900})
    assert reading.values == {"power_w": 900}


def test_kept_values_are_stale_each_until_it_is_said_anew() -> None:
    one = router("shelly", "em/#")
    (em, emdata, _) = said.shelly("shelly_shelly_pro_3em", "em")
    for topic, body in (em, emdata):
        (reading,) = hear(one, topic, body, kept=True)
        assert reading.quality is Quality.STALE
    hear(one, *em, at=NOW + 1)
    live, kept = one.panels["em"].readings()
    assert (live.quality, live.values["power_w"], kept.quality) == (Quality.GOOD, 558.965, Quality.STALE)
    assert {name for name, value in kept.values.items() if value is not None} == {"import_wh", "export_wh"}
    fields = one.panels["em"].fields()
    assert (fields[Role.GRID, "power_w"].live, fields[Role.GRID, "power_w"].at) == (True, NOW + 1)
    assert (fields[Role.GRID, "import_wh"].live, fields[Role.GRID, "import_wh"].at) == (False, NOW)
    hear(one, *em, at=NOW + 2, kept=True)
    assert one.panels["em"].fields()[Role.GRID, "power_w"].at == NOW + 1, "kept never replaces live"
    (gone,) = hear(one, "em/online", "false")
    assert set(gone.values.values()) == {None} and one.panels["em"].readings() == []


def test_what_cannot_be_read_is_counted_and_told_once_a_topic() -> None:
    one = router("json", "meters/+/state")
    for body in (b"\xff", b"[1]", b"{", b"7", b"x" * 70_000, b"[" * 60_000, text({"power_w": 1})):
        for name in ("a", "b"):
            hear(one, f"meters/{name}/state", body)
    assert one.malformed == 12
    assert [topic for topic, _ in one.faults] == ["meters/a/state", "meters/b/state"]
    assert len(one.panels["a"].readings()) == 1


def test_a_mapping_takes_any_topic_path_unit_and_scale() -> None:
    mapping = dialect.of_mapping(
        [
            dialect.Mapped("plant/+/meter", "grid.now.0", "power_w", unit="kW", scale=Fraction(-1)),
            dialect.Mapped("plant/+/meter", "grid.sold", "export_wh", unit="MWh"),
            dialect.Mapped("plant/x/sun", "", "production_wh", Role.SOLAR, "kWh"),
        ]
    )
    one = Router([MqttMeter(topic, mapping, "hall") for topic in ("plant/+/meter", "plant/x/sun")])
    (grid,) = hear(one, "plant/7/meter", {"grid": {"now": [1.25], "sold": 0.5}})
    (solar,) = hear(one, "plant/x/sun", " 12.5\n")
    assert grid.values == {"power_w": -1250, "export_wh": 500_000}
    assert (solar.meter, solar.role, solar.values) == ("hall", Role.SOLAR, {"production_wh": 12_500})
    with pytest.raises(ValueError, match="'kWh' is no unit of power_w"):
        dialect.of_mapping([dialect.Mapped("t", "p", "power_w", unit="kWh")])


def test_a_dialect_is_spoken_on_any_topic_but_not_beside_its_own() -> None:
    elsewhere = router("json", "home/meter/#", "cellar")
    (reading,) = hear(elsewhere, "home/meter/now", {"power_w": 5})
    assert (reading.meter, reading.values["power_w"]) == ("cellar", 5)
    exact = router("zigbee2mqtt", "plug/state")
    (reading,) = hear(exact, "plug/state", {"power": 5})
    assert reading.meter == "plug/state"
    own = router("zigbee2mqtt", "zigbee2mqtt/#")
    assert hear(own, "zigbee2mqtt/bridge/devices", b"[]") == [] and own.malformed == 0


MISTAKES = [
    ("x = 1", "x: unknown key"),
    ('name = "a"', "rule: a dialect needs at least one value"),
    ('[[rule]]\ntopic = "t"', r"rule\[0\].values: a rule needs"),
    ('[[rule]]\ntopic = ""\nvalues.grid = {}', r"rule\[0\].topic: expected a text"),
    ('[[rule]]\ntopic = "t"\nform = "xml"\nvalues.grid = {}', r"rule\[0\].form: expected one of"),
    ('[[rule]]\ntopic = "t"\nvalues.roof = {}', r"rule\[0\].values.roof: no such role"),
    ('[[rule]]\ntopic = "t"\nvalues.grid = { watts = "a" }', r"grid.watts: no such value"),
    ('[[rule]]\ntopic = "t"\nvalues.grid = { power_w = { unit = "Wh" } }', r"power_w.unit: 'Wh' is no unit"),
    (
        '[[rule]]\ntopic = "t"\nvalues.grid = { power_w = { scale = "x" } }',
        r"w.scale: expected a number",
    ),
    ('[[rule]]\ntopic = "t"\nvalues.grid = { power_w = { sum = 0 } }', r"power_w.sum: expected a number"),
    ('[[rule]]\ntopic = "t"\nvalues.grid = { power_w = 5 }', r"power_w: expected a key"),
    ("rule = 5", "rule: expected tables"),
    ("=", "syntax"),
]


@pytest.mark.parametrize(("toml", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_mistake_in_a_dialect_names_file_and_key(toml: str, words: str) -> None:
    with pytest.raises(BadProfile, match=f"mine.toml: .*{words}"):
        dialect.parse(toml, "mine.toml")


def test_a_dialect_of_one_s_own_is_a_file(tmp_path: Any) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\n[[rule]]\ntopic = "{meter}/w"\nform = "number"\nvalues.load = { power_w = "" }'
    )
    one = router(str(path))
    (reading,) = hear(one, "oven/w", "1200")
    assert (reading.meter, reading.profile, reading.role) == ("oven", "mine", Role.LOAD)
    with pytest.raises(UnknownProfile, match="no dialect 'nobody'"):
        dialect.load("nobody")
    with pytest.raises(UnknownProfile, match="No such file"):
        dialect.load(str(tmp_path / "none.toml"))
