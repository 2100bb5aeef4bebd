"""A real announcer on the loopback is found, by what it is; what is no energy device is not."""

from __future__ import annotations

import asyncio
import socket

from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from tests.meter.servers import HOST
from tradelane.meter.mdns_scan import Announced, browse, services

ANNOUNCED = [
    ("_modbus._tcp.local.", "inverter", 1502),
    ("_mqtt._tcp.local.", "broker", 1883),
    ("_http._tcp.local.", "ShellyPro3EM-abc", 80),
    ("_http._tcp.local.", "printer", 80),
]


def info(kind: str, name: str, port: int) -> ServiceInfo:
    address = socket.inet_aton(HOST)
    return ServiceInfo(kind, f"{name}.{kind}", port, addresses=[address], server=f"{name}.local.")


async def announced() -> list[Announced]:
    announcer = AsyncZeroconf(interfaces=[HOST])
    try:
        for one in ANNOUNCED:
            await (await announcer.async_register_service(info(*one)))
        return await browse(2, [HOST])
    finally:
        await announcer.async_close()


def test_devices_are_found_by_what_they_announce() -> None:
    found = {(one.name, one.hosts, one.port, one.service.speaks) for one in asyncio.run(announced())}
    assert found >= {
        ("inverter", (HOST,), 1502, "modbus"),
        ("broker", (HOST,), 1883, "mqtt"),
        ("ShellyPro3EM-abc", (HOST,), 80, ""),
    }
    assert "printer" not in {one[0] for one in found}


def test_every_service_is_a_type_that_can_be_browsed() -> None:
    assert all(one.type.endswith("._tcp.local.") and one.says for one in services())
    assert {one.speaks for one in services()} == {"", "modbus", "mqtt"}
