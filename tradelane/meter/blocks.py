"""Which registers to ask for together.

Always true: a value, all its registers and its scale factor stand in one block; no block is longer than the
device allows; a block of several values can be cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradelane.meter.registers import Register

MODBUS_LIMIT = 125


@dataclass(frozen=True, slots=True)
class Block:
    """One request: the registers from the lowest to the highest address its values need."""

    registers: tuple[Register, ...]

    @property
    def address(self) -> int:
        return min(register.low for register in self.registers)

    @property
    def end(self) -> int:
        return max(register.high for register in self.registers)

    @property
    def count(self) -> int:
        return self.end - self.address

    def halves(self) -> tuple[Block, ...]:
        """Two smaller blocks, or none when one value is all there is."""
        middle = len(self.registers) // 2
        if middle == 0:
            return ()
        return Block(self.registers[:middle]), Block(self.registers[middle:])


def plan(registers: Iterable[Register], limit: int = MODBUS_LIMIT, gap: int = 0) -> tuple[Block, ...]:
    """Few blocks that cover ``registers``: at most ``limit`` long, skipping no more than ``gap`` unused."""
    blocks: list[Block] = []
    for register in sorted(registers, key=lambda one: (one.low, one.high)):
        if blocks:
            wider = Block((*blocks[-1].registers, register))
            if wider.count <= limit and register.low - blocks[-1].end <= gap:
                blocks[-1] = wider
                continue
        blocks.append(Block((register,)))
    return tuple(blocks)
