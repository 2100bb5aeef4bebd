"""What a broker carries → devices, each with the topic and dialect to read it by; nothing is published."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.meter import mqtt_messages as said
from tests.meter.mqtt_messages import Told
from tests.meter.servers import HOST, NOW, now
from tests.meter.test_mqtt import publish, publisher
from tests.shared import free_port
from tradelane.meter import dialect
from tradelane.meter.inbox import Message
from tradelane.meter.mqtt import Broker
from tradelane.meter.mqtt_scan import Heard, listen, recognised
from tradelane.meter.reading import Unreachable


def phases(name: str, channels: int) -> Told:
    return [
        (f"shellies/{name}/emeter/{n}/{key}", b"230") for n in range(channels) for key in ("power", "total")
    ]


def sensor(topic: str, device: str, **more: str) -> bytes:
    body: dict[str, Any] = {"name": "Power", "stat_t": topic, "dev_cla": "power", "unit_of_meas": "kW"}
    return said.text({**body, "dev": {"name": device}, **more})


HOUSE: Told = [
    ("tele/plug/SENSOR", said.text(said.TASMOTA)),
    ("zigbee2mqtt/desk", said.text(said.ZIGBEE)),
    ("shed/sensor/power/state", b"12.5"),
    ("N/c0ffee/grid/30/Ac/Power", b'{"value": 5}'),
    ("edge/edge0/channel/_sum/GridActivePower", b"-1500"),
    ("spBv1.0/plant/DBIRTH/edge/roof", said.sparkplug(said.metric("power_w", 2.5))),
    ("shellies/relay/relay/0/power", b"60"),
    *phases("three", 3),
    ("pro/status/em:0", b'{"total_act_power": 7}'),
    ("meters/barn/state", b'{"power_w": 5}'),
    ("odd/place", b'{"power_w": 6, "import_wh": 9}'),
    ("homeassistant/sensor/heat/p/config", sensor("heat/p", "Heat")),
    ("heat/p", b"1.5"),
    ("noise/text", b"on"),
    ("noise/bytes", b"\xff\x00{"),
    ("homeassistant/sensor/broken/config", b"{"),
]
EXPECTED = {
    ("plug", "tasmota", "tele/plug/SENSOR", 812),
    ("desk", "zigbee2mqtt", "zigbee2mqtt/desk", 14.2),
    ("shed", "esphome", "shed/#", 12.5),
    ("c0ffee", "victron", "N/c0ffee/#", 5),
    ("edge0", "openems", "edge/edge0/#", -1500),
    ("roof", "sparkplug", "spBv1.0/plant/+/edge/roof", 2.5),
    ("relay", "shelly-gen1", "shellies/relay/relay/0/#", 60),
    ("three", "shelly-3em", "shellies/three/#", 690),
    ("pro", "shelly", "pro/#", 7),
    ("barn", "json", "meters/barn/state", 5),
    ("odd/place", "json", "odd/place", 6),
    ("heat", "homeassistant", "homeassistant/sensor/heat/p/config", 1500),
}


def messages(told: Told) -> list[Message]:
    return [Message(topic, body, False, NOW) for topic, body in told]


def shown(found: list[Heard]) -> set[tuple[str, str, str, Any]]:
    return {(one.meter, one.dialect, one.topic, one.readings[0].values["power_w"]) for one in found}


def test_every_dialect_is_recognised_among_the_others_and_among_noise() -> None:
    assert {one[1] for one in EXPECTED} == set(dialect.names())
    assert shown(recognised(messages(HOUSE))) == EXPECTED
    assert shown(recognised(messages(HOUSE[::-1]))) == EXPECTED, "in whatever order it came"


def test_a_device_that_speaks_two_dialects_is_one_device() -> None:
    described = sensor("zigbee2mqtt/desk", "desk", val_tpl="{{ value_json.power }}")
    both = [("homeassistant/sensor/desk/p/config", described), ("zigbee2mqtt/desk", said.text(said.ZIGBEE))]
    (one,) = recognised(messages(both))
    assert (one.dialect, one.alike) == ("zigbee2mqtt", ("homeassistant",))


def test_two_phases_are_two_meters_as_no_sum_of_three_is_whole() -> None:
    found = recognised(messages(phases("em", 2)))
    assert [(one.meter, one.topic) for one in found] == [
        ("em", "shellies/em/emeter/0/#"),
        ("em:1", "shellies/em/emeter/1/#"),
    ]


def test_what_one_topic_cannot_tell_apart_gets_none() -> None:
    two = [(f"N/hut/pvinverter/{n}/Ac/Power", b'{"value": 1}') for n in (1, 2)]
    (disputed,) = recognised(messages(two))
    assert (disputed.topic, disputed.trouble.split(":")[0]) == ("", "several channels tell the same value")
    values = (("em1", "act_power"), ("em1data", "total_act_energy"))
    keys = [(f"{component}:{n}", key) for component, key in values for n in (0, 1)]
    found = recognised(messages([(f"em/status/{c}", said.text({key: 5})) for c, key in keys]))
    assert [(one.meter, one.topic) for one in found] == [("em", ""), ("em:1", "")]
    assert all(one.trouble.startswith("one topic does not tell it") for one in found)


def test_nothing_is_published_while_it_listens(mosquitto: int) -> None:
    """Another subscriber of everything hears the house alone, though a Victron wants to be asked."""
    heard: list[str] = []

    async def main() -> list[Heard]:
        with publisher(mosquitto) as witness, publisher(mosquitto) as house:
            for topic, body in HOUSE:
                publish(house, topic, body, retain=True)
            witness.on_message = lambda _c, _u, message: heard.append(message.topic)
            witness.subscribe("#", 1)
            found = await listen(Broker(HOST, mosquitto), 2, now)
            seen = asyncio.Event()
            loop = asyncio.get_running_loop()

            def ended(*_: Any) -> None:
                loop.call_soon_threadsafe(seen.set)

            witness.message_callback_add("the/end", ended)
            publish(house, "the/end", b"")
            await asyncio.wait_for(seen.wait(), 20)
            return found

    assert shown(asyncio.run(main())) == EXPECTED
    assert sorted(heard) == sorted(topic for topic, _ in HOUSE)


def test_a_broker_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no connection"):
        asyncio.run(listen(Broker(HOST, free_port()), 0.3, now))
