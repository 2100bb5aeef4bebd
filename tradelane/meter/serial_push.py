"""Meters that speak by themselves as a source of readings: SML, P1 and HAN, on a serial line or over TCP.

Always true: only whole frames with their checks right become readings; a line that breaks or falls silent
shows its meters once as stale, all values unknown, and is opened again after growing, capped, jittered
pauses. A meter named without its device's id is the first device heard, until that is
silent; another one is told of, not read.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from tradelane.meter import han, hdlc, p1, sml
from tradelane.meter.framer import Cut, Framer
from tradelane.meter.push_port import Port, open_port
from tradelane.meter.push_url import PushAddress
from tradelane.meter.reading import BadAnswer, MeterError, Reading, Unreachable, lost
from tradelane.meter.telegram import Telegram

SILENCE_S = 60.0
"""Several times the longest interval at which meters speak."""
OPEN_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
CHUNK = 4096

Sleep = Callable[[float], Awaitable[None]]
Now = Callable[[], int]
Failure = Callable[[str, MeterError], None]
"""Told of each line that failed and each frame refused: meter or line, and why."""
Decode = Callable[[bytes], Telegram | None]

SPEECH: dict[str, tuple[Cut, Decode]] = {
    "sml": (sml.cut, sml.decode),
    "p1": (p1.cut, p1.decode),
    "han": (hdlc.cut, han.decode),
}


@dataclass(frozen=True, slots=True)
class PushMeter:
    """A meter's name in readings, and its device's id in frames (None: the only one on its line)."""

    meter: str
    device: str | None = None


class Ear:
    """Telegrams out of one line's bytes; ``refused`` counts what was none, ``fault`` says why of the last."""

    def __init__(self, protocol: str) -> None:
        cut, self._decode = SPEECH[protocol]
        self._framer = Framer(cut)
        self._unread = 0
        self.fault = ""

    @property
    def refused(self) -> int:
        return self._framer.refused + self._unread

    def hear(self, data: bytes) -> Iterator[Telegram]:
        """Those that ``data`` completes."""
        before = self._framer.refused
        frames = self._framer.feed(data)
        if self._framer.refused > before:
            self.fault = self._framer.fault
        for frame in frames:
            try:
                telegram = self._decode(frame)
            except BadAnswer as error:
                self._unread += 1
                self.fault = str(error)
            else:
                if telegram is not None:
                    yield telegram


class PushSource:
    """Endless readings of the meters on one line.

    ``sleep`` (seconds), ``now`` (ms stamped on readings) and ``seed`` (of the pauses) are the caller's.
    ``failed`` hears of a broken line, of each device that nobody named, and, doubling, of refused frames.
    """

    def __init__(
        self,
        address: PushAddress,
        meters: Sequence[PushMeter],
        *,
        now: Now,
        sleep: Sleep,
        seed: int,
        silence_s: float = SILENCE_S,
        failed: Failure = lambda subject, error: None,
    ) -> None:
        self._address, self._silence_s = address, silence_s
        self._now, self._sleep, self._failed = now, sleep, failed
        self._chance = random.Random(seed)
        self._names = {one.device: one.meter for one in meters if one.device is not None}
        self._unnamed = next((one.meter for one in meters if one.device is None), None)
        self._bound: str | None = None
        self._last: dict[str, tuple[Reading, float]] = {}
        self._strangers: set[str] = set()
        self._told_refused = 0
        self._port: Port | None = None

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Endless; closing the iterator or cancelling its task closes the line."""
        failures = 0
        try:
            while True:
                try:
                    self._port = await open_port(self._address, OPEN_S)
                    async with aclosing(self._heard(self._port.bytes)) as heard:
                        async for reading in heard:
                            failures = 0
                            yield reading
                except MeterError as error:
                    self._failed(str(self._address), error)
                await self.close()
                for reading in self._gone(float("inf")):
                    yield reading
                pause = min(FIRST_PAUSE_S * 2.0 ** min(failures, 16), LONGEST_PAUSE_S)
                failures += 1
                await self._sleep(self._chance.uniform(pause / 2, pause))
        finally:
            await self.close()

    async def close(self) -> None:
        """Safe to call at any time."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    async def _heard(self, line: asyncio.StreamReader) -> AsyncGenerator[Reading, None]:
        """Until the line ends or is silent, which is Unreachable."""
        loop = asyncio.get_running_loop()
        ear = Ear(self._address.protocol)
        self._told_refused = 0
        since = loop.time()
        while True:
            data = await _chunk(line, self._address, since + self._silence_s - loop.time())
            for telegram in ear.hear(data):
                since = loop.time()
                meter = self._name_of(telegram.device)
                if meter is not None:
                    reading = telegram.reading(meter, self._now())
                    self._last[meter] = reading, since
                    yield reading
            self._tell_refused(ear)
            for reading in self._gone(loop.time() - self._silence_s):
                yield reading

    def _name_of(self, device: str) -> str | None:
        named = self._names.get(device)
        if named is not None:
            return named
        if self._unnamed is not None and self._bound in (None, device):
            self._bound = device
            return self._unnamed
        if device not in self._strangers and len(self._strangers) < CHUNK:
            self._strangers.add(device)
            self._failed(str(self._address), MeterError(f"{self._address}: nobody named device {device!r}"))
        return None

    def _gone(self, before: float) -> list[Reading]:
        """One stale reading for each meter not heard since ``before`` (the loop's seconds)."""
        silent = [meter for meter, (_, heard) in self._last.items() if heard < before]
        if self._unnamed in silent:
            self._bound = None
        return [lost(self._last.pop(meter)[0], self._now()) for meter in silent]

    def _tell_refused(self, ear: Ear) -> None:
        if ear.refused >= max(1, 2 * self._told_refused):
            self._told_refused = ear.refused
            why = f"{self._address}: {ear.refused} frames refused so far, the last: {ear.fault}"
            self._failed(str(self._address), BadAnswer(why))


async def _chunk(line: asyncio.StreamReader, address: PushAddress, patience_s: float) -> bytes:
    try:
        data = await asyncio.wait_for(line.read(CHUNK), max(patience_s, 0))
    except TimeoutError:
        raise Unreachable(f"{address}: no whole frame came in time") from None
    except OSError:
        data = b""
    if not data:
        raise Unreachable(f"{address}: the line was lost")
    return data


async def hear_once(address: PushAddress, timeout_s: float, now: Now) -> list[Reading]:
    """The next whole frame's reading, the meter named as the frame does.

    Unreachable when nothing came in ``timeout_s`` seconds, BadAnswer when nothing of it was a frame.
    """
    port = await open_port(address, timeout_s)
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    ear = Ear(address.protocol)
    try:
        while True:
            data = await _chunk(port.bytes, address, until - loop.time())
            for telegram in ear.hear(data):
                return [telegram.reading(telegram.device or str(address), now())]
    except Unreachable:
        if ear.refused:
            raise BadAnswer(f"{address}: {ear.refused} frames refused, the last: {ear.fault}") from None
        raise
    finally:
        port.close()
