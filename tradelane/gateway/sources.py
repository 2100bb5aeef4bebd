"""The meters of a configuration → sources of readings: one per Modbus connection and per line that speaks
by itself, one for the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING
from zlib import crc32

import structlog

from tradelane.gateway.clock import Clock
from tradelane.gateway.sections import EdgeSection, Meter, Mqtt, MqttValue
from tradelane.meter import dialect as dialects
from tradelane.meter.modbus_url import Address, TcpAddress, address
from tradelane.meter.push_url import push_address
from tradelane.meter.reading import MeterError, Role, Source
from tradelane.meter.router import MqttMeter
from tradelane.meter.sun import sun_elevation

if TYPE_CHECKING:
    from tradelane.meter.mqtt import Broker

log = structlog.get_logger(__name__)
DUSK = 5.0
"""Degrees of the sun's height below which an inverter may have gone to sleep."""


def sources(section: EdgeSection, clock: Clock) -> Iterator[Source]:
    """Raises UnknownProfile, BadProfile, or MeterError when the broker's files cannot be used."""
    modbus = [meter for meter in section.meters if meter.transport == "modbus"]
    for _, group in groupby(sorted(modbus, key=_line), key=_line):
        yield _modbus(section, list(group), clock)
    push = [meter for meter in section.meters if meter.transport == "push"]
    for _, group in groupby(sorted(push, key=_speaker), key=_speaker):
        yield _push(list(group), clock)
    mqtt = [meter for meter in section.meters if meter.transport == "mqtt"]
    if mqtt:
        yield _mqtt(section, mqtt, clock)


def address_of(meter: Meter) -> Address:
    """Where a Modbus meter is reached."""
    return address(meter.url) if meter.url else TcpAddress(meter.host or "", meter.port)


def _line(meter: Meter) -> str:
    return str(address_of(meter))


def dark_at(meter: Meter) -> Callable[[int], bool]:
    """Whether the sun is too low at the meter's place for an inverter to wake; not, when nobody knows."""
    lat, lon = meter.lat, meter.lon
    if lat is None or lon is None:
        return lambda instant: False
    return lambda instant: sun_elevation(lat, lon, instant) < DUSK


def _failed(meter: str, error: MeterError) -> None:
    log.warning("meter not read", meter=meter, reason=str(error))


def _modbus(section: EdgeSection, meters: list[Meter], clock: Clock) -> Source:
    from tradelane.meter import profile
    from tradelane.meter.modbus import ModbusMeter, ModbusSource
    from tradelane.meter.modbus_line import ModbusLine

    at = address_of(meters[0])
    known = [profile.load(m.profile, section.profiles) if m.profile else None for m in meters]
    return ModbusSource(
        ModbusLine.to(at, known),
        [
            ModbusMeter(m.name, m.unit, profile, dark=dark_at(m))
            for m, profile in zip(meters, known, strict=True)
        ],
        period_s=section.poll_seconds / clock.speed,
        now=clock.now,
        sleep=asyncio.sleep,
        seed=crc32(str(at).encode()),
        failed=_failed,
    )


def _speaker(meter: Meter) -> str:
    return str(push_address(meter.url or ""))


def _push(meters: list[Meter], clock: Clock) -> Source:
    from tradelane.meter.serial_push import PushMeter, PushSource

    at = push_address(meters[0].url or "")
    return PushSource(
        at,
        [PushMeter(m.name, m.device) for m in meters],
        now=clock.now,
        sleep=asyncio.sleep,
        seed=crc32(str(at).encode()),
        failed=_failed,
    )


def broker_of(mqtt: Mqtt) -> Broker:
    """Raises MeterError when the password's file cannot be read."""
    from tradelane.meter.mqtt import Broker

    password = None
    if mqtt.password_file is not None:
        try:
            password = mqtt.password_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8 text"
            raise MeterError(f"{mqtt.password_file}: {why}") from None
    return Broker(
        mqtt.host, mqtt.port, mqtt.user, password, mqtt.tls, mqtt.ca_file, mqtt.cert_file, mqtt.key_file
    )


def _mqtt(section: EdgeSection, meters: list[Meter], clock: Clock) -> Source:
    from tradelane.meter.mqtt import MqttSource

    assert section.mqtt is not None
    heard = [one for meter in meters for one in _heard(meter)]
    subscriptions = section.mqtt.subscriptions
    heard += [MqttMeter(one.topic, dialects.load(one.dialect)) for one in subscriptions]
    seed = crc32(" ".join(meter.name for meter in meters).encode())
    return MqttSource(broker_of(section.mqtt), heard, now=clock.now, seed=seed, failed=_failed)


def _heard(meter: Meter) -> Iterator[MqttMeter]:
    """What a meter listens to; nothing, when it is heard by a subscription that many share."""
    topics = dict.fromkeys(f.topic or meter.topic or "" for f in meter.fields)
    if meter.fields:
        mapping = dialects.of_mapping([_mapped(f, meter) for f in meter.fields], meter.dialect or "mapping")
        for topic in topics:
            yield MqttMeter(topic, mapping, meter.name)
    elif meter.topic is not None:
        yield MqttMeter(meter.topic, dialects.load(meter.dialect or "json"), meter.name)


def _mapped(field: MqttValue, meter: Meter) -> dialects.Mapped:
    topic, scale = field.topic or meter.topic or "", Fraction(field.scale)
    return dialects.Mapped(topic, field.path, field.value, Role(field.role), field.unit, scale)
