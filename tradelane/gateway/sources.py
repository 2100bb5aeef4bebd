"""The meters of a configuration → sources of readings: one per Modbus connection, one for the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby

import structlog

from tradelane.gateway.clock import Clock
from tradelane.gateway.sections import EdgeSection, Meter
from tradelane.meter.reading import MeterError, Source

log = structlog.get_logger(__name__)
SEED = 1
"""Of the jitter between polls: it spreads requests, nothing depends on it."""


def sources(section: EdgeSection, clock: Clock) -> Iterator[Source]:
    """Raises UnknownProfile or BadProfile."""
    modbus = [meter for meter in section.meters if meter.transport == "modbus"]
    for (host, port), group in groupby(sorted(modbus, key=_bus), key=_bus):
        yield _modbus(host, port, list(group), section.poll_seconds / clock.speed, clock)
    mqtt = [meter for meter in section.meters if meter.transport == "mqtt"]
    if mqtt:
        yield _mqtt(section, mqtt, clock)


def _bus(meter: Meter) -> tuple[str, int]:
    return meter.host or "", meter.port


def _failed(meter: str, error: MeterError) -> None:
    log.warning("meter not read", meter=meter, reason=str(error))


def _modbus(host: str, port: int, meters: list[Meter], period_s: float, clock: Clock) -> Source:
    from tradelane.meter import profile
    from tradelane.meter.modbus import ModbusConnection, ModbusMeter, ModbusSource

    return ModbusSource(
        ModbusConnection(host, port),
        [ModbusMeter(m.name, m.unit, profile.load(m.profile) if m.profile else None) for m in meters],
        period_s=period_s,
        now=clock.now,
        sleep=asyncio.sleep,
        seed=SEED,
        failed=_failed,
    )


def _mqtt(section: EdgeSection, meters: list[Meter], clock: Clock) -> Source:
    from tradelane.meter import dialect
    from tradelane.meter.mqtt import Broker, MqttMeter, MqttSource

    assert section.mqtt is not None
    password = section.mqtt.password_file
    return MqttSource(
        Broker(
            section.mqtt.host,
            section.mqtt.port,
            section.mqtt.user,
            None if password is None else password.read_text("utf-8").strip(),
        ),
        [MqttMeter(m.topic or "", dialect.load(m.dialect or "json"), m.name) for m in meters],
        now=clock.now,
        failed=_failed,
    )
