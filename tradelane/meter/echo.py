"""A serial line's own echo: some RS485 adapters hear what they send, and the answer follows our own bytes.

No answer equals its question (an answer to 3 or 4 has an odd number of bytes, a question eight), so what
holds the question is an echo. On a line that echoes, what comes before the echo answers no question of ours.
"""

from __future__ import annotations


class Echo:
    """Of one connection. ``seen``: it echoes; ``alone``: only the echo has come since the last question."""

    def __init__(self) -> None:
        self.seen = False
        self.alone = False
        self._sent = b""

    def asked(self, question: bytes) -> None:
        self._sent, self.alone = question, False

    def passed(self) -> None:
        """What comes from now on, until the next question, is no echo."""
        self._sent = b""

    def length(self, heard: bytes) -> int | None:
        """How many bytes of what was heard since the question end with its echo; None: too few to tell."""
        if not self._sent:
            return 0
        end = heard.find(self._sent) + len(self._sent)
        if end >= len(self._sent):
            self.seen, self.alone = True, end == len(heard)
            return end
        self.alone = False
        return None if self.seen or self._sent.startswith(heard) else 0
