"""Which energy devices announce themselves on the local network by multicast DNS. It asks no device anything.

Always true: it ends after ``seconds``; at most ``MOST`` announcements are looked up; what services are looked
for is data (mdns.toml).
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

MOST = 256
RESOLVE_MS = 1_000


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of announcement; ``names``: how an instance's name must begin, where any of them is given;
    ``speaks``: modbus or mqtt at the announced port, or nothing that is read here."""

    type: str
    says: str
    names: tuple[str, ...] = ()
    speaks: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """One announcement: the instance's name, its addresses (IPv4 first) and port, and what it is likely to
    be."""

    name: str
    hosts: tuple[str, ...]
    port: int
    service: Service


@cache
def services() -> tuple[Service, ...]:
    """Those in mdns.toml."""
    tables = tomllib.loads((files(__package__) / "mdns.toml").read_text("utf-8"))["service"]
    return tuple(_service(table) for table in tables)


def _service(table: Mapping[str, Any]) -> Service:
    return Service(table["type"], table["is"], tuple(table.get("names", ())), table.get("speaks", ""))


async def browse(seconds: float, interfaces: Sequence[str] | None = None) -> list[Announced]:
    """All that is announced within ``seconds``, by name. ``interfaces``: our own addresses to ask from;
    all of them where none is named. OSError when multicast cannot be used."""
    from zeroconf import InterfaceChoice
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

    seen: dict[tuple[str, str], None] = {}

    def changed(*, service_type: str, name: str, **_: object) -> None:
        if len(seen) < MOST:
            seen[service_type, name] = None

    known = {one.type: one for one in services()}
    asking = AsyncZeroconf(interfaces=InterfaceChoice.All if interfaces is None else list(interfaces))
    try:
        browser = AsyncServiceBrowser(asking.zeroconf, list(known), handlers=[changed])
        await asyncio.sleep(seconds)
        await browser.async_cancel()
        wanted = [(known[kind], name) for kind, name in sorted(seen) if _meant(known[kind], name)]
        found = await asyncio.gather(*(_resolved(asking, service, name) for service, name in wanted))
    finally:
        await asking.async_close()
    return sorted((one for one in found if one is not None), key=lambda one: (one.name, one.port))


def _meant(service: Service, name: str) -> bool:
    return not service.names or name.lower().startswith(service.names)


async def _resolved(asking: AsyncZeroconf, service: Service, name: str) -> Announced | None:
    from zeroconf.asyncio import AsyncServiceInfo

    info: AsyncServiceInfo = AsyncServiceInfo(service.type, name)
    if not await info.async_request(asking.zeroconf, RESOLVE_MS) or info.port is None:
        return None
    hosts = tuple(info.parsed_scoped_addresses())
    return Announced(name.removesuffix(f".{service.type}"), hosts, info.port, service) if hosts else None
