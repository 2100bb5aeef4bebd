"""What an edge says to Home Assistant, one device a member, and what it is told. Pure.

After Home Assistant's MQTT discovery: a device message on ``PREFIX/device/ID/config`` describes sensors and
controls; all of a member's state is one JSON object, in which what is not known is null.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zlib import crc32

from tradelane.gateway.choices import Key
from tradelane.gateway.overview import OwnView
from tradelane.gateway.sections import HomeAssistant, Member
from tradelane.market.units import MINUTE, Interval, instant, iso, plain

Json = dict[str, Any]
ONLINE, OFFLINE = "online", "offline"
SWITCH = {"ON": "true", "OFF": "false"}
DAY = 24 * 60 * MINUTE
STEP = 0.01
"""Of the minimum price, in currency per MWh."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where a gateway speaks. ``section.topic`` has to be its own on the broker."""

    section: HomeAssistant

    @property
    def availability(self) -> str:
        return f"{self.section.topic}/availability"

    @property
    def commands(self) -> str:
        """A filter for all that Home Assistant may say."""
        return f"{self.section.topic}/+/+/set"

    def state(self, member: str) -> str:
        return f"{self.section.topic}/{member}/state"

    def command(self, member: str, key: Key) -> str:
        return f"{self.section.topic}/{member}/{key}/set"

    def config(self, member: str) -> str:
        return f"{self.section.prefix}/device/{self.device(member)}/config"

    def device(self, member: str) -> str:
        """An id of the letters Home Assistant takes, another one for every member."""
        name = f"{self.section.topic}-{member}"
        plain_name = re.sub(r"[^A-Za-z0-9_-]", "_", name)
        return name if name == plain_name else f"{plain_name}-{crc32(name.encode()):08x}"


def asked(topic: str, payload: bytes) -> tuple[str, str, str]:
    """Member, key and value of a command; what it means is for ``Choices`` to check."""
    _, member, key, _ = topic.rsplit("/", 3)
    text = payload.decode("utf-8", "replace").strip()
    return member, key, SWITCH.get(text, text) if key == "sells" else text


def discovery(
    topics: Topics, member: Member, currency: str, prices: tuple[Decimal, Decimal], version: str
) -> Json:
    """The device message of a member whose zone trades in ``currency``."""
    id = topics.device(member.id)
    components = _sensors(currency)
    if member.meter is None:
        del components["power"]
    elif topics.section.controls:
        components |= _controls(topics, member.id, currency, prices)
    return {
        "device": {
            "identifiers": [id],
            "name": f"{member.name} ({topics.section.topic})",
            "manufacturer": "Tradelane",
            "sw_version": version,
        },
        "origin": {"name": "tradelane", "sw_version": version},
        "components": {
            key: {**one, "unique_id": f"{id}-{key}", "object_id": f"{id}-{key}"}
            for key, one in components.items()
        },
        "state_topic": topics.state(member.id),
        "availability_topic": topics.availability,
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "qos": 1,
    }


def _sensors(currency: str) -> dict[str, Json]:
    energy = {"device_class": "energy", "unit_of_measurement": "Wh", "state_class": "total_increasing"}
    earned = {"device_class": "monetary", "unit_of_measurement": currency, "state_class": "total"}
    power = {"device_class": "power", "unit_of_measurement": "W", "state_class": "measurement"}
    return {
        "power": _sensor("Grid power", "power_w", **power),
        "energy": _sensor("Sold today", "energy_today_wh", **energy),
        "earned": _sensor(
            "Earned today", "earned_today", **earned, last_reset_value_template="{{ value_json.day }}"
        ),
        "price": _sensor("Price now", "price", unit_of_measurement=f"{currency}/MWh"),
        "gate": _sensor("Next gate", "next_gate", device_class="timestamp"),
    }


def _sensor(name: str, key: str, **more: str) -> Json:
    return {"platform": "sensor", "name": name, "value_template": f"{{{{ value_json.{key} }}}}", **more}


def _controls(topics: Topics, member: str, currency: str, prices: tuple[Decimal, Decimal]) -> dict[str, Json]:
    least, most = prices
    return {
        "sells": {
            "platform": "switch",
            "name": "Sell",
            "value_template": "{{ value_json.sells }}",
            "command_topic": topics.command(member, "sells"),
        },
        "min_price": {
            "platform": "number",
            "name": "Minimum price",
            "value_template": "{{ value_json.min_price }}",
            "command_topic": topics.command(member, "min_price"),
            "unit_of_measurement": f"{currency}/MWh",
            "mode": "box",
            "min": float(least),
            "max": float(most),
            "step": STEP,
        },
    }


def state(member: Member, power_w: float | None, overview: OwnView | None) -> Json:
    """All of a member's values; what the zone knows is null while it does not answer."""
    found: Json = {
        "power_w": power_w,
        "sells": "ON" if member.sells else "OFF",
        "min_price": plain(member.min_price),
        **dict.fromkeys(("energy_today_wh", "earned_today", "price", "next_gate", "day")),
    }
    if overview is None:
        return found
    found["next_gate"] = overview["next_gate"]
    found["day"] = iso(Interval.at(instant(overview["now"]), DAY).start)
    found["price"] = next((zone["price"] for zone in overview["zones"] if zone["id"] == member.zone), None)
    found["energy_today_wh"] = overview["member"]["energy_today_wh"]
    found["earned_today"] = overview["member"]["earned_today"]["value"]
    return found


def currency_of(member: Member, overview: OwnView) -> str | None:
    """Of the member's zone; None when the market has no such zone."""
    return next((zone["currency"] for zone in overview["zones"] if zone["id"] == member.zone), None)
