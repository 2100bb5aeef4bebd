"""Which registers to ask for together.

Always true: a value, all its registers and its scale factor stand in one block; no block is longer than the
device allows, or spans an address it must not; a block of several values can be cut in two; all registers of
a block are asked for by the same function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tradelane.meter.registers import Register

MODBUS_LIMIT = 125


@dataclass(frozen=True, slots=True)
class Block:
    """One request: the registers from the lowest to the highest address its values need, ``end`` not
    included."""

    registers: tuple[Register, ...]
    address: int = field(init=False)
    end: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", min(register.low for register in self.registers))
        object.__setattr__(self, "end", max(register.high for register in self.registers))

    @property
    def count(self) -> int:
        return self.end - self.address

    @property
    def function(self) -> int:
        return self.registers[0].function

    def halves(self) -> tuple[Block, ...]:
        """Two smaller blocks, or none when one value is all there is."""
        middle = len(self.registers) // 2
        if middle == 0:
            return ()
        return Block(self.registers[:middle]), Block(self.registers[middle:])


def plan(
    registers: Iterable[Register],
    limit: int = MODBUS_LIMIT,
    gap: int = 0,
    barriers: Iterable[int] = (),
) -> tuple[Block, ...]:
    """Few blocks that cover ``registers``: at most ``limit`` long, skipping no more than ``gap`` unused.

    ``barriers``: addresses that begin a new request; none reads on from below one to above it.
    """
    walls = tuple(barriers)
    groups: list[list[Register]] = []
    start = end = 0
    for register in sorted(registers, key=lambda one: (one.function, one.low, one.high)):
        wider = max(end, register.high)
        if (
            groups
            and groups[-1][0].function == register.function
            and wider - start <= limit
            and register.low - end <= gap
            and not any(start < wall < wider for wall in walls)
        ):
            groups[-1].append(register)
            end = wider
        else:
            groups.append([register])
            start, end = register.low, register.high
    return tuple(Block(tuple(group)) for group in groups)
