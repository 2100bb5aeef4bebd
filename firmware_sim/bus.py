"""Rooftops on one serial line: RTU frames on a pseudo-terminal, or over TCP as a converter passes them on.

All units hear every request and the one that is meant answers. Writing is refused. A late answer goes out
when its time has come, whatever was asked meanwhile, to whoever listens then.
"""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from firmware_sim import eastron, rtu
from firmware_sim.device import HERTZ, registers
from firmware_sim.faults import LATE_S, Kind, down
from firmware_sim.models import BASE
from firmware_sim.rooftop import Rooftop

_CHUNK = 256
Write = Callable[[bytes], None]


def answer(rooftop: Rooftop, request: rtu.Request, instant: int) -> bytes:
    """The frame ``rooftop`` sends at ``instant`` (ms), empty while it sends nothing."""
    kind = rooftop.fault(instant)
    if down(kind, instant):
        return b""
    body = _refused(rooftop, request, kind) or _read(rooftop, request, instant)
    return rtu.frame(request.unit + (kind is Kind.WRONG_UNIT), body)


def _refused(rooftop: Rooftop, request: rtu.Request, kind: Kind | None) -> bytes:
    hertz = eastron.FREQUENCY if rooftop.spec.map == "eastron" else HERTZ
    touched = request.address <= hertz < request.address + request.count
    if kind is Kind.EXCEPTION2 or (kind is Kind.HOLE and touched):
        return rtu.refusal(request, rtu.ILLEGAL_ADDRESS)
    return b""


def _read(rooftop: Rooftop, request: rtu.Request, instant: int) -> bytes:
    if rooftop.spec.map == "sunspec":
        return rtu.answer(request, rtu.HOLDING, registers(rooftop, instant), BASE)
    if request.count > eastron.MOST_REGISTERS:
        return rtu.refusal(request, rtu.ILLEGAL_ADDRESS)
    return rtu.answer(request, rtu.INPUT, eastron.input_registers(rooftop, instant))


class Bus:
    """The serial line of ``rooftops``. ``now`` gives market time in ms."""

    def __init__(self, rooftops: Sequence[Rooftop], now: Callable[[], int]) -> None:
        self._rooftops = {one.spec.unit: one for one in rooftops}
        self._now = now
        self._pending = bytearray()
        self._listeners: list[Write] = []
        self._clients: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._ours = self._theirs = -1
        self._link: Path | None = None

    def open_port(self, link: Path | None) -> str:
        """Opens a pseudo-terminal; ``link``, if given, becomes a symbolic link to it. The path to open.

        Raises ``OSError``, also when something other than a link stands at ``link``.
        """
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._ours)
        tty.setraw(self._theirs)
        path = os.ttyname(self._theirs)
        if link:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(path)
            self._link = link
        self._listeners.append(self._to_port)
        asyncio.get_running_loop().add_reader(self._ours, self._from_port)
        return str(link or path)

    async def listen(self, host: str, port: int) -> int:
        """RTU over TCP; port 0 is any free one. The port. Raises ``OSError``."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Closes port and connections, and takes the link away."""
        if self._server:
            self._server.close()
            for client in self._clients:
                client.close()
        if self._ours >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = -1
        self._listeners.clear()
        if self._link:
            self._link.unlink(missing_ok=True)

    def _to_port(self, data: bytes) -> None:
        with suppress(BlockingIOError):
            os.write(self._ours, data)

    def _from_port(self) -> None:
        self._hear(os.read(self._ours, _CHUNK))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.append(writer)
        self._listeners.append(writer.write)
        try:
            while data := await reader.read(_CHUNK):
                if self._cut():
                    break
                self._hear(data)
        except ConnectionError:
            pass
        finally:
            self._clients.remove(writer)
            if writer.write in self._listeners:
                self._listeners.remove(writer.write)
            writer.close()

    def _cut(self) -> bool:
        """A converter whose link flaps drops its connection: all its rooftops have that fault."""
        instant = self._now()
        kinds = [one.fault(instant) for one in self._rooftops.values()]
        return all(kind is Kind.FLAP and down(kind, instant) for kind in kinds)

    def _hear(self, data: bytes) -> None:
        self._pending += data
        for request in rtu.requests(self._pending):
            if rooftop := self._rooftops.get(request.unit):
                self._answer(rooftop, request)

    def _answer(self, rooftop: Rooftop, request: rtu.Request) -> None:
        instant = self._now()
        said = answer(rooftop, request, instant)
        if rooftop.fault(instant) is Kind.LATE:
            asyncio.get_running_loop().call_later(LATE_S, self._say, said)
        else:
            self._say(said)

    def _say(self, data: bytes) -> None:
        for write in self._listeners:
            write(data)
