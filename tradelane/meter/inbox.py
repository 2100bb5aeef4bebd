"""Messages on their way from the network's thread to ours: bounded, and fair between topics.

Always true: at most ``most`` wait. When it is full, the oldest waiting message of the same topic makes room,
since a newer one says it better; only where the topic has none waiting, the oldest of all does. Each one
given up is counted. ``put`` may be called from any thread.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Message:
    """``at``: Unix ms, when it arrived. ``retained``: the broker had kept it; nobody has just said it."""

    topic: str
    payload: bytes
    retained: bool
    at: int


class Inbox:
    def __init__(self, most: int) -> None:
        self.dropped = 0
        self._most = most
        self._waiting: dict[int, Message] = {}
        self._of: dict[str, deque[int]] = {}
        self._next = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> bool:
        """Whether it is the only one waiting: then somebody has to be woken."""
        with self._lock:
            mine = self._of.setdefault(message.topic, deque())
            if len(self._waiting) >= self._most:
                self._give_up(mine)
            mine.append(self._next)
            self._waiting[self._next] = message
            self._next += 1
            return len(self._waiting) == 1

    def take(self) -> list[Message]:
        """All that wait, oldest first."""
        with self._lock:
            taken = list(self._waiting.values())
            self._waiting.clear()
            self._of.clear()
            return taken

    def _give_up(self, mine: deque[int]) -> None:
        self.dropped += 1
        if mine:
            del self._waiting[mine.popleft()]
            return
        oldest = next(iter(self._waiting))
        message = self._waiting.pop(oldest)
        others = self._of[message.topic]
        others.popleft()
        if not others:
            del self._of[message.topic]
