"""Where a meter speaks by itself: ``sml:///dev/ttyUSB0``, ``p1:///dev/ttyUSB0?baud=9600&bits=7&parity=E``, or
``han+tcp://host:port`` for a converter that passes the same bytes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from tradelane.meter.modbus_url import SerialAddress, TcpAddress
from tradelane.meter.modbus_url import address as line_address

BAUDS = {"sml": 9600, "p1": 115_200, "han": 2400}
"""Of each protocol, in bits per second, where the URL does not say."""


@dataclass(frozen=True, slots=True)
class PushAddress:
    """What is spoken, and on which line. ``bits``: of a character on a serial line; DSMR 2.2 has 7."""

    protocol: str
    line: SerialAddress | TcpAddress
    bits: int = 8

    def __str__(self) -> str:
        if isinstance(self.line, SerialAddress):
            return f"{self.protocol}://{self.line}"
        return f"{self.protocol}+tcp://{self.line}"


def speaks_by_itself(url: str) -> bool:
    """Whether a meter's URL is one of these, rather than of a Modbus line."""
    return url.partition(":")[0].partition("+")[0] in BAUDS


def push_address(url: str) -> PushAddress:
    """ValueError says what is wrong with ``url``."""
    scheme, _, rest = url.partition("://")
    protocol, _, carrier = scheme.partition("+")
    if protocol not in BAUDS or carrier not in ("", "tcp"):
        shown = ", ".join(f"{one}:///dev/… or {one}+tcp://host:port" for one in BAUDS)
        raise ValueError(f"{url!r} is not {shown}")
    if carrier:
        return PushAddress(protocol, _tcp(url, rest))
    path, _, query = rest.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    bits = [value for name, value in options if name == "bits"] or ["8"]
    if bits not in (["7"], ["8"]):
        raise ValueError(f"bits {bits[-1]!r} is not 7 or 8")
    others = [(name, value) for name, value in options if name != "bits"]
    if "baud" not in dict(others):
        others.append(("baud", str(BAUDS[protocol])))
    line = line_address(f"serial://{path}?{urlencode(others)}")
    assert isinstance(line, SerialAddress)
    return PushAddress(protocol, line, int(bits[0]))


def _tcp(url: str, rest: str) -> TcpAddress:
    line = line_address(f"tcp://{rest}")
    assert isinstance(line, TcpAddress)
    if urlsplit(f"tcp://{rest}").port is None:
        raise ValueError(f"{url!r} has no port")
    return line
