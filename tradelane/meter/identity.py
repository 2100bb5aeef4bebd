"""What a device says of itself: its model, and how its owner set its word order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tradelane.meter.reading import IllegalAddress

Ask = Callable[[int, int, int], Awaitable[list[int]]]
"""(function, address, count) → registers; raises IllegalAddress where the device has none."""


@dataclass(frozen=True, slots=True)
class Clue:
    """``words`` registers that hold the model: a text that starts with one of ``texts``, or one of
    ``numbers`` (most significant word first)."""

    address: int
    words: int
    function: int
    texts: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    def fits(self, words: list[int]) -> bool:
        packed = b"".join(word.to_bytes(2, "big") for word in words)
        text = packed.split(b"\0")[0].decode("utf-8", "replace").strip()
        return text.startswith(self.texts) if self.texts else int.from_bytes(packed, "big") in self.numbers


@dataclass(frozen=True, slots=True)
class OrderAt:
    """The register in which the owner chose the word order, and what it holds for each."""

    address: int
    function: int
    big: int
    little: int


async def fits(clues: tuple[Clue, ...], ask: Ask) -> bool | None:
    """Whether the device is what the clues describe; None when it does not say."""
    answers = [clue.fits(words) for clue in clues if (words := await _answer(clue, clue.words, ask))]
    return all(answers) if answers else None


async def word_order(at: OrderAt, ask: Ask) -> str | None:
    """The word order the owner chose; None when the device does not say."""
    words = await _answer(at, 1, ask)
    return {at.big: "big", at.little: "little"}.get(words[0]) if words else None


async def _answer(what: Clue | OrderAt, count: int, ask: Ask) -> list[int] | None:
    try:
        return await ask(what.function, what.address, count)
    except IllegalAddress:
        return None
