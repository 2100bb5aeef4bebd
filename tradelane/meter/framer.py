"""Frames out of a stream of bytes that nobody asked for. Pure.

Always true: how the stream is cut into pieces changes nothing; what is refused gives up no more than a frame
that cannot be, so that a whole one behind it, or inside it, is still found; at most ``most`` bytes wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MOST = 8192
"""Bytes: several times the longest telegram in use."""


class Step(NamedTuple):
    """``used``: bytes at the head that are done with, at least one. ``frame``: a whole one, its check right.
    ``fault``: why one was refused; None for noise between frames."""

    used: int
    frame: bytes | None = None
    fault: str | None = None


Cut = Callable[[bytes], Step | None]
"""The next step at the head of what is held; None: more bytes are needed."""


class Framer:
    """``refused`` counts the frames given up, ``fault`` says why of the last."""

    def __init__(self, cut: Cut, most: int = MOST) -> None:
        self.refused = 0
        self.fault = ""
        self._cut, self._most = cut, most
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes."""
        self._held += data
        frames = []
        while (step := self._next()) is not None:
            self._held = self._held[step.used :]
            if step.frame is not None:
                frames.append(step.frame)
            if step.fault is not None:
                self.refused += 1
                self.fault = step.fault
        return frames

    def _next(self) -> Step | None:
        step = self._cut(self._held)
        if step is None and len(self._held) > self._most:
            return Step(1, fault="longer than any frame")
        return step


def to_start(held: bytes, start: bytes) -> Step | None:
    """The step over noise before ``start``; None when it stands at the head, or may be about to."""
    at = held.find(start)
    noise = at if at >= 0 else len(held) - len(start) + 1
    return Step(noise) if noise > 0 else None
