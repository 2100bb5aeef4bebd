"""Where meters are looked for, and how fast: only at what somebody named. Pure.

Always true: no more than ``MOST_ADDRESSES`` addresses and ``MOST_PORTS`` ports are ever asked, and none that
were not named; a network is refused when it is wider than a /24.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from tradelane.meter.modbus_url import TcpAddress

MOST_ADDRESSES = 256
MOST_PORTS = 8
PORTS = (502, 1502)
TCP_UNITS = (1, 2, 3, 100, 126, 240, 247)
"""Units that makers of inverters and gateways set: 126 SMA, 240 Fronius' meter, 247 GoodWe, 100 Victron."""
SERIAL_UNITS = tuple(range(1, 248))


def hosts_in(network: str) -> tuple[str, ...]:
    """The hosts of ``192.168.1.0/24``. ValueError when it is none, or wider than /24."""
    try:
        named = ip_network(network, strict=False)
    except ValueError:
        raise ValueError(f"{network!r} is not a network such as 192.168.1.0/24") from None
    if named.num_addresses > MOST_ADDRESSES:
        raise ValueError(f"{network} is too wide: at most a /24 (256 addresses) is searched")
    return tuple(str(host) for host in named.hosts())


def targets(hosts: Iterable[str], ports: Iterable[int], rtu: bool = False) -> tuple[TcpAddress, ...]:
    """Each host at each port, once. ValueError when that is more than is ever asked."""
    each, at = tuple(dict.fromkeys(hosts)), tuple(dict.fromkeys(ports))
    if len(each) > MOST_ADDRESSES:
        raise ValueError(f"{len(each)} hosts are too many: at most {MOST_ADDRESSES} are searched")
    if len(at) > MOST_PORTS:
        raise ValueError(f"{len(at)} ports are too many: at most {MOST_PORTS} are searched")
    return tuple(TcpAddress(host, port, rtu) for host in each for port in at)


def units_in(text: str) -> tuple[int, ...]:
    """``1,3,100-110`` → those units, in that order. ValueError."""
    units: dict[int, None] = {}
    for part in text.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,3})\s*(?:-\s*([0-9]{1,3})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= 247:
            raise ValueError(f"{part.strip()!r} is not a unit from 1 to 247, or a range of them such as 1-10")
        units.update(dict.fromkeys(range(first, last + 1)))
    return tuple(units)


class Pace:
    """At most ``per_second`` steps a second, evenly spread; by any clock of seconds that never steps."""

    def __init__(self, per_second: float) -> None:
        self._gap_s = 1 / per_second
        self._next = float("-inf")

    def wait_s(self, now: float) -> float:
        """Seconds to wait before the next step, which is thereby taken."""
        at = max(now, self._next)
        self._next = at + self._gap_s
        return at - now
