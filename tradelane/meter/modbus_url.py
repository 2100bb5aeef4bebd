"""Where a Modbus line is: ``tcp://host:502``, ``rtu+tcp://host:8899`` or ``serial:///dev/ttyUSB0?baud=9600``.

``rtu+tcp`` is a transparent gateway: serial frames, checksum and all, over a TCP connection. The query of a
serial line may hold ``baud``, ``parity`` (N, E, O) and ``stopbits`` (1, 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

PORT = 502
RTU_PORT = 8899
"""What most serial-to-Ethernet converters listen on."""
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200)
_BITS_PER_CHARACTER = 11
_QUESTION_BYTES, _ANSWER_BYTES = 8, 5
_SHORTEST_SILENCE_S = 0.00175


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A Modbus TCP device or gateway; ``rtu``: it passes serial frames through instead."""

    host: str
    port: int = PORT
    rtu: bool = False

    @property
    def silence_s(self) -> float:
        """Seconds a frame must follow the one before; a gateway sees to that itself."""
        return 0.0

    def transfer_s(self, registers: int) -> float:
        """Seconds that a question for ``registers`` and its answer are under way."""
        return 0.0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtu+tcp://{host}:{self.port}" if self.rtu else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial port, eight data bits; ``baud`` in bits per second."""

    device: str
    baud: int = 9600
    parity: str = "N"
    stopbits: int = 1

    @property
    def rtu(self) -> bool:
        return True

    @property
    def silence_s(self) -> float:
        """Seconds of silence that end a frame: 3.5 characters, at least 1.75 ms."""
        return max(3.5 * _BITS_PER_CHARACTER / self.baud, _SHORTEST_SILENCE_S)

    def transfer_s(self, registers: int) -> float:
        """Seconds that a question for ``registers`` and its answer are under way."""
        return (_QUESTION_BYTES + _ANSWER_BYTES + 2 * registers) * _BITS_PER_CHARACTER / self.baud

    def __str__(self) -> str:
        return self.device


Address = TcpAddress | SerialAddress


def address(url: str) -> Address:
    """ValueError says what is wrong with ``url``."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL ({error})") from None
    if parts.scheme == "serial":
        return _serial(url, parts.path, parts.query, parts.netloc)
    if parts.scheme not in ("tcp", "rtu+tcp"):
        raise ValueError(f"{url!r} does not start with tcp://, rtu+tcp:// or serial:///")
    rtu = parts.scheme == "rtu+tcp"
    if not parts.hostname:
        raise ValueError(f"{url!r} has no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{url!r} has more than a host and a port")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r} has no port from 1 to 65535") from None
    if port == 0:
        raise ValueError(f"{url!r} has no port from 1 to 65535")
    return TcpAddress(parts.hostname, port or (RTU_PORT if rtu else PORT), rtu)


def _serial(url: str, device: str, query: str, host: str) -> SerialAddress:
    if host or not device.startswith("/") or device.endswith("/"):
        raise ValueError(f"{url!r} has no device: serial:///dev/ttyUSB0 has three strokes")
    found = parse_qsl(query, keep_blank_values=True)
    options = dict(found)
    if len(options) < len(found):
        raise ValueError(f"{url!r} says the same thing twice")
    for name in options.keys() - {"baud", "parity", "stopbits"}:
        raise ValueError(f"{name!r} in {url!r} is not baud, parity or stopbits")
    baud, stopbits = options.get("baud", "9600"), options.get("stopbits", "1")
    parity = options.get("parity", "N").upper()
    if baud not in map(str, BAUDS):
        raise ValueError(f"baud {baud!r} is not one of {', '.join(map(str, BAUDS))}")
    if parity not in ("N", "E", "O"):
        raise ValueError(f"parity {parity!r} is not N, E or O")
    if stopbits not in ("1", "2"):
        raise ValueError(f"stopbits {stopbits!r} is not 1 or 2")
    return SerialAddress(device, int(baud), parity, int(stopbits))
