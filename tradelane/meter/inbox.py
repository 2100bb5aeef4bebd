"""Messages on their way from the network's thread to ours: bounded, and fair between topics.

Always true: at most ``most`` wait. When it is full, the oldest waiting message of the same topic makes room,
since a newer one says it better; only where the topic has none waiting, the oldest of all does. Each one
given up is counted. ``put`` may be called from any thread.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import NamedTuple


class Message(NamedTuple):
    """``at``: Unix ms, when it arrived. ``retained``: the broker had kept it; nobody has just said it."""

    topic: str
    payload: bytes
    retained: bool
    at: int


class Inbox:
    def __init__(self, most: int) -> None:
        self.dropped = 0
        self._most = most
        self._waiting: list[Message] = []
        self._full: _Full | None = None
        self._lock = Lock()

    def put(self, message: Message) -> bool:
        """Whether it is the only one waiting: then somebody has to be woken."""
        with self._lock:
            waiting = self._waiting
            if len(waiting) < self._most:
                waiting.append(message)
                return len(waiting) == 1
            if self._full is None:
                self._full = _Full(waiting)
            self._full.replace(message)
            self.dropped += 1
            return self._most == 1

    def take(self) -> list[Message]:
        """All that wait, oldest first."""
        with self._lock:
            waiting = self._waiting if self._full is None else self._full.messages()
            self._waiting, self._full = [], None
            return waiting


class _Full:
    """A full inbox: numbered messages, and each topic's numbers, oldest first."""

    def __init__(self, waiting: list[Message]) -> None:
        self._waiting: dict[int, Message] = {}
        self._of: dict[str, deque[int]] = {}
        self._next = 0
        for message in waiting:
            self._add(message)

    def messages(self) -> list[Message]:
        return list(self._waiting.values())

    def replace(self, message: Message) -> None:
        """Takes ``message`` in the place of an older one."""
        mine = self._of.get(message.topic)
        number = mine[0] if mine else next(iter(self._waiting))
        topic = self._waiting.pop(number).topic
        self._of[topic].popleft()
        if not self._of[topic]:
            del self._of[topic]
        self._add(message)

    def _add(self, message: Message) -> None:
        self._of.setdefault(message.topic, deque()).append(self._next)
        self._waiting[self._next] = message
        self._next += 1
