"""An open line that is only listened to: the only module that knows pyserial."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from tradelane.meter.modbus_url import SerialAddress
from tradelane.meter.push_url import PushAddress
from tradelane.meter.reading import LinkDown

BUFFER = 16_384
"""Bytes that wait at most to be read; a TCP sender is then held up, and a serial line loses what comes."""


class Port(NamedTuple):
    """``bytes`` ends when the line does."""

    bytes: asyncio.StreamReader
    close: Callable[[], None]


async def open_port(address: PushAddress, timeout_s: float) -> Port:
    """LinkDown when it cannot be opened within ``timeout_s`` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            if isinstance(address.line, SerialAddress):
                return await _serial(address, address.line)
            reader, writer = await asyncio.open_connection(address.line.host, address.line.port, limit=BUFFER)
            return Port(reader, writer.close)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error).partition("\n")[0] or "no connection"
        raise LinkDown(f"{address}: {why}") from None


async def _serial(address: PushAddress, line: SerialAddress) -> Port:
    from serial import Serial  # type: ignore[import-untyped]  # pyserial has no types

    port = Serial(line.device, line.baud, address.bits, line.parity, line.stopbits, timeout=0, exclusive=True)
    reader = asyncio.StreamReader(BUFFER)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), port
    )
    return Port(reader, transport.close)
