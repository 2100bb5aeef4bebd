"""Looks that follow each other over one connection, and what is remembered of what was said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.meter.servers import HOST, NOW, now
from tests.meter.test_mqtt import publish, publisher
from tests.shared import running_mosquitto
from tradelane.meter.inbox import Message
from tradelane.meter.mqtt import Broker
from tradelane.meter.mqtt_look import QUIET_S, Follower
from tradelane.meter.reading import Reading, Role, Unreachable
from tradelane.meter.recording import Answered, RecordingBus, message_json
from tradelane.meter.value_names import obis_of, unit_of


def test_many_looks_are_one_connection(tmp_path: Path) -> None:
    """The broker's own log counts those who came: the device and the one that follows it."""

    async def main(port: int) -> list[object]:
        follower = Follower(Broker(HOST, port), "roof/state", None, now)
        shown: list[Reading] = []
        with publisher(port) as client:
            publish(client, "roof/state", {"power_w": 0}, retain=True)
            for power in (0, 1, 2):
                looking = asyncio.create_task(follower.look(20))
                if power:
                    await asyncio.to_thread(publish, client, "roof/state", {"power_w": power})
                shown += await looking
        with pytest.raises(Unreachable, match="no message on roof/state within"):
            await follower.look(0.2)
        await follower.close()
        return [one.values["power_w"] for one in shown]

    with running_mosquitto(tmp_path) as port:
        assert asyncio.run(main(port)) == [0, 1, 2]
    log = (tmp_path / "mosquitto.log").read_text(errors="replace")
    assert log.count("New client connected") == 2


@pytest.mark.parametrize("topic", ["roof/state", "roof/#"])
def test_what_is_said_between_two_looks_is_told_by_the_next(mosquitto: int, topic: str) -> None:
    async def main() -> list[object]:
        follower = Follower(Broker(HOST, mosquitto), topic, None, now)
        with publisher(mosquitto) as client:
            publish(client, "roof/state", {"power_w": 0}, retain=True)
            shown = await follower.look(20)
            await asyncio.to_thread(publish, client, "roof/state", {"power_w": 1})
            async with asyncio.timeout(20):
                while len(follower.said) < 2:
                    await asyncio.sleep(0.01)
            shown += await follower.look(20)
            looking = asyncio.create_task(follower.look(20))
            await asyncio.wait([looking], timeout=1.5 * QUIET_S)
            assert not looking.done(), "a silence ends a look only after it has heard something"
            await asyncio.to_thread(publish, client, "roof/state", {"power_w": 2})
            shown += await looking
        await follower.close()
        return [one.values["power_w"] for one in shown]

    assert asyncio.run(main()) == [0, 1, 2]


class Line:
    async def read(
        self, unit: int, function: int, address: int, count: int, patience_s: float | None = None
    ) -> list[int]:
        if address == 9:
            raise Unreachable("silent")
        return [0xABCD] * count

    async def close(self) -> None: ...


def test_a_line_is_remembered_until_it_is_taken() -> None:
    async def main() -> RecordingBus:
        bus = RecordingBus(Line())
        assert await bus.read(1, 3, 0, 2) == [0xABCD, 0xABCD]
        with pytest.raises(Unreachable):
            await bus.read(1, 4, 9, 1)
        return bus

    bus = asyncio.run(main())
    assert bus.take() == [Answered(1, 3, 0, 2, (0xABCD, 0xABCD)), Answered(1, 4, 9, 1, (), "silent")]
    assert bus.take() == []


def test_a_payload_that_is_no_text_is_hexadecimal() -> None:
    assert message_json(Message("t", b"\xff\x00", False, NOW))["payload_hex"] == "ff00"


def test_units_and_obis_names() -> None:
    assert [unit_of(name) for name in ("power_l1_w", "soc_pct", "power_factor")] == ["W", "%", ""]
    assert obis_of(Role.GRID, "export_wh") == "1-0:2.8.0"
    assert obis_of(Role.SOLAR, "power_w") == obis_of(Role.GRID, "soc_pct") == ""
