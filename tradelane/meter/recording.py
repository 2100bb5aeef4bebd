"""What a device said, word by word: a Modbus line and an MQTT router that remember it.

Always true: what passes through is not changed; at most ``MOST`` answers or messages are kept, the newest.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from tradelane.meter.device import Bus
from tradelane.meter.inbox import Message
from tradelane.meter.reading import MeterError

MOST = 1_000


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and its registers; ``error`` says why there are none."""

    unit: int
    function: int
    address: int
    count: int
    words: tuple[int, ...] = ()
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Words as four hexadecimal digits each, in the device's order."""
        body: dict[str, Any] = {
            "unit": self.unit,
            "function": self.function,
            "address": self.address,
            "count": self.count,
            "words": [f"{word:04X}" for word in self.words],
        }
        return body | ({"error": self.error} if self.error else {})


class RecordingBus:
    """A line whose answers are kept until they are taken."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._kept: deque[Answered] = deque(maxlen=MOST)

    async def read(
        self, unit: int, function: int, address: int, count: int, patience_s: float | None = None
    ) -> list[int]:
        try:
            words = await self._bus.read(unit, function, address, count, patience_s)
        except MeterError as error:
            self._kept.append(Answered(unit, function, address, count, error=str(error)))
            raise
        self._kept.append(Answered(unit, function, address, count, tuple(words)))
        return words

    async def close(self) -> None:
        await self._bus.close()

    def take(self) -> list[Answered]:
        """What was answered since the last time."""
        kept = list(self._kept)
        self._kept.clear()
        return kept


def message_json(message: Message) -> dict[str, Any]:
    """Its payload as text, or as ``payload_hex`` where it is none."""
    body: dict[str, Any] = {"topic": message.topic, "retained": message.retained}
    try:
        return body | {"payload": message.payload.decode()}
    except UnicodeDecodeError:
        return body | {"payload_hex": message.payload.hex()}
