"""Members in Home Assistant, through a real mosquitto: what is told, what may be asked for, outages."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from tests.gateway.marketplace import CONFIG, GATE, SECOND, START, Marketplace, open_market
from tests.meter.test_mqtt import publisher
from tests.shared import free_port, running_mosquitto
from tradelane.gateway.choices import PRICES, Choices, Key
from tradelane.gateway.file import RoleFile
from tradelane.gateway.home_messages import Topics, asked, currency_of, discovery, state
from tradelane.gateway.homeassistant import HomeLink
from tradelane.gateway.overview import OwnView
from tradelane.gateway.sections import HomeAssistant, Member
from tradelane.gateway.zone_client import ZoneUnreachable
from tradelane.market.units import MINUTE
from tradelane.meter.mqtt import Broker
from tradelane.meter.reading import Quality, Reading, Role

HOST = "127.0.0.1"
ROSA = Member(id="rosa", name="Rosa", zone="NL", sells=True, min_price=Decimal("10"), meter="roof")
MILL = Member(id="mill", name="Mill", zone="GB")
TOPICS = Topics(HomeAssistant())
SEEN: OwnView = {
    "now": "2026-06-21T10:07Z",
    "interval": "2026-06-21T10:00Z/PT15M",
    "next_gate": "2026-06-21T10:10Z",
    "speed": 1.0,
    "zones": [
        {"id": "NL", "name": "Netherlands", "currency": "EUR", "price": "61.5", "net_wh": 0},
        {"id": "GB", "name": "Great Britain", "currency": "GBP", "price": None, "net_wh": 0},
    ],
    "lanes": [],
    "trades": [],
    "member": {
        "id": "rosa",
        "name": "Rosa",
        "zone": "NL",
        "earned_today": {"currency": "EUR", "value": "0.04305"},
        "energy_today_wh": 700,
        "sales_today": 1,
    },
    "sellers_abroad": 0,
    "own_trades": [],
    "own_orders": [],
    "totals": {"sold_abroad_wh": 0, "sold_abroad_kg": 0},
    "marco_polo_ms": None,
}


def test_one_device_message_has_sensors_and_controls() -> None:
    body = discovery(TOPICS, ROSA, "EUR", PRICES, "1.0")
    parts = body["components"]
    assert {key: part["platform"] for key, part in parts.items()} == {
        **dict.fromkeys(["power", "energy", "earned", "price", "gate"], "sensor"),
        **{"sells": "switch", "min_price": "number"},
    }
    assert body["origin"]["name"] == "tradelane" and body["device"]["identifiers"] == ["tradelane-rosa"]
    assert len({part["unique_id"] for part in parts.values()}) == len(parts)
    number = parts["min_price"]
    assert (number["min"], number["max"], number["unit_of_measurement"]) == (-500.0, 4000.0, "EUR/MWh")
    assert parts["earned"]["unit_of_measurement"] == "EUR" and parts["gate"]["device_class"] == "timestamp"
    told = state(ROSA, -812.5, SEEN)
    for part in parts.values():
        assert part["value_template"].removeprefix("{{ value_json.").removesuffix(" }}") in told
    assert set(discovery(TOPICS, MILL, "GBP", PRICES, "1.0")["components"]) == set(parts) - {
        *["power", "sells", "min_price"],
    }
    bare = discovery(Topics(HomeAssistant(controls=False)), ROSA, "EUR", PRICES, "1.0")
    assert "sells" not in bare["components"] and "power" in bare["components"]


def test_ids_are_of_letters_home_assistant_takes_and_distinct() -> None:
    ids = [TOPICS.device(member) for member in ("a.b", "a:b", "a>b", "a_b", "rosa")]
    assert len(set(ids)) == 5 and all(set(id) <= set("abcdefors_-0123456789tln") for id in ids)
    assert TOPICS.config("rosa") == "homeassistant/device/tradelane-rosa/config"


def test_state_says_null_where_the_zone_does_not_answer() -> None:
    assert state(ROSA, -812.5, SEEN) == {
        **{"power_w": -812.5, "sells": "ON", "min_price": "10", "energy_today_wh": 700, "price": "61.5"},
        **{"earned_today": "0.04305", "next_gate": "2026-06-21T10:10Z", "day": "2026-06-21T00:00Z"},
    }
    away = state(MILL, None, None)
    assert (away["sells"], away["min_price"], away["price"], away["next_gate"]) == ("OFF", "0", None, None)
    assert [currency_of(one, SEEN) for one in (ROSA, MILL)] == ["EUR", "GBP"]


def test_commands() -> None:
    assert asked("tradelane/rosa/sells/set", b"OFF") == ("rosa", "sells", "false")
    assert asked("tradelane/rosa/min_price/set", b" 12.5 ") == ("rosa", "min_price", "12.5")


class Home:
    """What Home Assistant has been told: topic → the newest payloads, all of them."""

    def __init__(self, client: Any) -> None:
        self.client, self.told = client, list[tuple[str, Any]]()
        client.on_message = self._heard
        client.subscribe([("tradelane/+/state", 1), ("tradelane/availability", 1), ("homeassistant/#", 1)])

    def _heard(self, _client: Any, _data: Any, message: Any) -> None:
        text = message.payload.decode()
        self.told.append((message.topic, json.loads(text) if text[:1] == "{" else text))

    def all(self, topic: str) -> list[Any]:
        return [body for where, body in self.told if where == topic]

    async def until(self, topic: str, holds: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(20):
            while not any(holds(body) for body in self.all(topic)[-1:]):
                await asyncio.sleep(0.02)
        return self.all(topic)[-1]


@contextmanager
def home(port: int) -> Any:
    with publisher(port) as client:
        yield Home(client)


class Zone:
    """Answers with ``seen``; None: it does not."""

    def __init__(self) -> None:
        self.seen: Any = SEEN

    async def ask(self, _member: str) -> Any:
        if self.seen is None:
            raise ZoneUnreachable("away")
        return self.seen


@asynccontextmanager
async def linked(port: int, zone: Zone | None = None) -> AsyncIterator[HomeLink]:
    """Choices are not journaled here; test_choices.py has that."""
    choices = Choices([ROSA])
    nowhere = cast(RoleFile, AsyncMock())

    async def choose(id: str, key: Key, text: str) -> Member:
        return await choices.choose(nowhere, 0, id, key, text)

    ask = (zone or Zone()).ask
    link = HomeLink(HomeAssistant(), Broker(HOST, port), choices, ask, choose, seed=1)
    running = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.result()


def power(watts: float | None, quality: Quality = Quality.GOOD) -> Reading:
    return Reading("roof", "json", Role.GRID, 0, None, quality, {"power_w": watts})


def tear(link: HomeLink) -> None:
    """Cuts the connection under it."""
    client = link._link._client
    wire = client.socket() if client else None
    assert isinstance(wire, socket.socket)
    wire.shutdown(socket.SHUT_RDWR)


STATE, HERE = "tradelane/rosa/state", "tradelane/availability"


def test_sensors_follow_and_a_last_will_says_that_we_are_gone(mosquitto: int) -> None:
    async def main() -> None:
        zone = Zone()
        async with linked(mosquitto, zone) as link:
            await seen.until(HERE, lambda body: body == "online")
            await seen.until("homeassistant/device/tradelane-rosa/config", lambda body: "components" in body)
            link.heard(power(-5.5))
            await seen.until(STATE, lambda body: body["power_w"] == -5.5 and body["price"] == "61.5")
            link.heard(power(None))
            link.heard(power(None, Quality.STALE))
            await seen.until(STATE, lambda body: body["power_w"] is None)
            seen.client.publish(HERE, "offline", 1, retain=True)
            await seen.until(HERE, lambda _: seen.all(HERE)[-2:] == ["offline", "online"])
            del seen.told[:]
            tear(link)
            await seen.until(HERE, lambda _: seen.all(HERE)[-2:] == ["offline", "online"])
        await seen.until(HERE, lambda body: body == "offline")

    with home(mosquitto) as seen:
        asyncio.run(main())


def test_commands_are_obeyed_if_they_are_fresh_and_sound(mosquitto: int) -> None:
    async def main() -> None:
        seen.client.publish("tradelane/rosa/min_price/set", "99", 1, retain=True).wait_for_publish(5)
        async with linked(mosquitto):
            await seen.until(STATE, lambda body: body["min_price"] == "10")
            for topic, wish in [
                *[("rosa/min_price", b"no"), ("rosa/min_price", b"\xff"), ("ghost/sells", b"OFF")],
                *[("rosa/keep_wh", b"5"), ("rosa/sells", b"maybe"), ("rosa/sells", b"OFF")],
            ]:
                seen.client.publish(f"tradelane/{topic}/set", wish, 1)
            body = await seen.until(STATE, lambda body: body["sells"] == "OFF")
            assert body["min_price"] == "10"
            seen.client.publish("tradelane/rosa/min_price/set", b"12.50", 1)
            await seen.until(STATE, lambda body: body["min_price"] == "12.5")

    with home(mosquitto) as seen:
        asyncio.run(main())


def test_a_long_outage_leaves_only_the_newest_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradelane.gateway.homeassistant.TELL_S", 0.01)
    port = free_port()

    async def main() -> None:
        async with linked(port) as link:
            with running_mosquitto(tmp_path, port), home(port) as seen:
                link.heard(power(1))
                await seen.until(STATE, lambda body: body["power_w"] == 1)
            for watts in range(2, 60):
                link.heard(power(watts))
                await asyncio.sleep(0.015)
            with running_mosquitto(tmp_path, port), home(port) as seen:
                await seen.until(HERE, lambda body: body == "online")
                await seen.until(STATE, lambda body: body["power_w"] == 59)
                heard = {body["power_w"] for body in seen.all(STATE)}
                assert len(heard - {1, 59}) <= 1, "at most one that was on its way, and the newest"

    asyncio.run(main())


def test_a_zone_that_is_away_or_strange_is_unknown(mosquitto: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradelane.gateway.homeassistant.ASK_S", 0.01)

    async def main() -> None:
        zone = Zone()
        async with linked(mosquitto, zone):
            for strange in (None, {"zones": 5}):
                zone.seen = SEEN
                await seen.until(STATE, lambda body: body["price"] == "61.5")
                zone.seen = strange
                await seen.until(STATE, lambda body: body["price"] is None)

    with home(mosquitto) as seen:
        asyncio.run(main())


EDGE = """
[edge]
[[edge.members]]
id = "rosa"
name = "Rosa"
zone = "NL"
sells = true
min_price = "10"
meter = "roof"
[[edge.meters]]
name = "roof"
transport = "mqtt"
topic = "meters/roof/state"
[edge.mqtt]
host = "127.0.0.1"
port = %d
[edge.homeassistant]
"""
SPEED = 50


def test_a_price_from_home_assistant_is_what_is_offered(tmp_path: Path, mosquitto: int) -> None:
    config = CONFIG + EDGE % mosquitto

    async def evening() -> None:
        async with open_market(tmp_path, config, START, SPEED):
            await seen.until(STATE, lambda body: body["next_gate"] is not None)
            seen.client.publish("tradelane/rosa/min_price/set", b"33.5", 1)
            await seen.until(STATE, lambda body: body["min_price"] == "33.5")

    async def morning() -> None:
        async with open_market(tmp_path, config, START, SPEED) as market:
            await seen.until(STATE, lambda body: body["min_price"] == "33.5")
            while market.now < GATE + 14 * MINUTE:
                market.now += 3 * MINUTE
                await metered(market)

            async def offered() -> bool:
                found = market.rows("SELECT product, side, price FROM orders")
                return (f"power/{SECOND}", "sell", 3350) in found

            await market.until(offered)
            seen.client.publish("tradelane/rosa/sells/set", b"OFF", 1)
            await seen.until(STATE, lambda body: body["sells"] == "OFF" and body["power_w"] == -4000)

    async def metered(market: Marketplace) -> None:
        """Publishes until the edge has it on disk: 4,000 W out."""
        at, wh = market.now, (market.now - START) // 900
        body = json.dumps({"power_w": -4000, "import_wh": 5, "export_wh": wh})

        async def there() -> bool:
            seen.client.publish("meters/roof/state", body, 1)
            await asyncio.sleep(0.05)
            answer = await market.http.get("/healthz")
            return answer.status_code == 200 and newest(tmp_path / "edge.sqlite") >= at

        await market.until(there)

    with home(mosquitto) as seen:
        asyncio.run(evening())
        asyncio.run(morning())


def newest(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT coalesce(max(at), 0) FROM readings").fetchone()[0])
