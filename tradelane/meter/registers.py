"""Sixteen-bit registers → numbers.

Always true: a "not available" pattern becomes None before any scaling; a missing register makes its value
None; a scale factor outside −10…10 (or "not available") makes its value None; so does a size of 2⁶³ or more.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tradelane.meter.derived import Derived
from tradelane.meter.reading import LARGEST, Role, Value, at_the_door

HOLDING, INPUT = 3, 4
"""The functions that read: holding registers, input registers."""

WORDS = {
    "uint16": 1, "int16": 1, "acc16": 1, "enum16": 1, "bitfield16": 1, "sunssf": 1,
    "uint32": 2, "int32": 2, "acc32": 2, "enum32": 2, "bitfield32": 2, "magnitude32": 2, "float32": 2,
    "uint64": 4, "int64": 4, "acc64": 4, "float64": 4,
}  # fmt: skip
"""Registers per type. magnitude32 is a counter some firmware stores negated: the size of an int32."""

SUNSPEC_NOT_AVAILABLE = {
    "int16": 0x8000, "uint16": 0xFFFF, "enum16": 0xFFFF, "bitfield16": 0xFFFF, "sunssf": 0x8000,
    "int32": 0x80000000, "uint32": 0xFFFFFFFF, "enum32": 0xFFFFFFFF, "bitfield32": 0xFFFFFFFF,
    "magnitude32": 0x80000000, "int64": 0x8000000000000000, "uint64": 0xFFFFFFFFFFFFFFFF,
}  # fmt: skip
"""SunSpec's own patterns. An accumulator has none: 0 with a valid scale factor is nothing counted yet."""

_SIGNED = {"int16", "sunssf", "int32", "int64", "magnitude32"}
_FLOATS = {"float32": ">f", "float64": ">d"}
_MAX_SCALE_FACTOR = 10


@dataclass(frozen=True, slots=True)
class Register:
    """Where one value stands and how it is read.

    ``scale`` (signed) brings the raw number to the value's unit; ``sf`` is the address of a register that
    holds a further power of ten; ``not_available`` are raw unsigned patterns; ``word_order`` is big when
    the most significant register comes first; ``function`` 3 or 4 asks for it; ``apart`` are the addresses of
    the words after the first, where they do not simply follow it.
    """

    value: str
    address: int
    type: str
    scale: Fraction = Fraction(1)
    sf: int | None = None
    not_available: tuple[int, ...] = ()
    word_order: str = "big"
    function: int = HOLDING
    apart: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return WORDS[self.type]

    @property
    def places(self) -> Sequence[int]:
        """The addresses of its words, in the device's order."""
        if self.apart:
            return (self.address, *self.apart)
        return range(self.address, self.address + self.count)

    @property
    def low(self) -> int:
        """First address that must come with the same request."""
        low = min(self.places)
        return low if self.sf is None else min(low, self.sf)

    @property
    def high(self) -> int:
        """First address after those that must come with the same request."""
        end = max(self.places) + 1
        return end if self.sf is None else max(end, self.sf + 1)


@dataclass(frozen=True, slots=True)
class Section:
    """The registers that make one reading, and the values that are worked out from several of them.

    ``header``: where a SunSpec model's id stands, if it has one.
    """

    profile: str
    role: Role
    registers: tuple[Register, ...]
    header: Register | None = None
    model: int | None = None
    derived: tuple[Derived, ...] = ()

    def values(self, answered: Mapping[str, Value]) -> dict[str, Value]:
        """The reading's values from what its registers said; unknown where they said nothing."""
        parts = {part for one in self.derived for part in one.parts}
        plain = (one.value for one in self.registers if one.value not in parts)
        return {name: answered.get(name) for name in plain} | {
            one.value: one.of(answered) for one in self.derived
        }


def raw_number(register: Register, words: Mapping[int, int]) -> int | float | None:
    """The unscaled number; None when a register is missing, or the pattern says "not available"."""
    count = register.count
    try:
        parts = [words[address] for address in register.places]
    except KeyError:
        return None
    if register.word_order == "little":
        parts.reverse()
    unsigned = 0
    for part in parts:
        unsigned = unsigned << 16 | part
    if unsigned in register.not_available:
        return None
    if register.type in _FLOATS:
        number: float = struct.unpack(_FLOATS[register.type], unsigned.to_bytes(2 * count, "big"))[0]
        return number if math.isfinite(number) else None
    if register.type in _SIGNED and unsigned >> (16 * count - 1):
        unsigned -= 1 << 16 * count
    return abs(unsigned) if register.type == "magnitude32" else unsigned


def exponent_at(address: int, words: Mapping[int, int]) -> int | None:
    """The power of ten held at ``address``; None when missing, not available or out of range."""
    word = words.get(address)
    if word is None:
        return None
    exponent = word - 0x10000 if word & 0x8000 else word
    return exponent if abs(exponent) <= _MAX_SCALE_FACTOR else None


def decode_one(register: Register, words: Mapping[int, int]) -> Value:
    """The value in its own unit, rounded once; None when unknown."""
    number = raw_number(register, words)
    exponent = 0 if register.sf is None else exponent_at(register.sf, words)
    if number is None or exponent is None:
        return None
    # whole numbers, not Fractions: a third of the time for a whole meter
    above, below = number.as_integer_ratio()
    above *= register.scale.numerator * 10 ** max(exponent, 0)
    below *= register.scale.denominator * 10 ** max(-exponent, 0)
    if abs(above) >= LARGEST * below:
        return None
    return at_the_door(register.value, above, below)


def decode(registers: Iterable[Register], words: Mapping[int, int]) -> dict[str, Value]:
    """Address → register words in, value name → value out."""
    return {register.value: decode_one(register, words) for register in registers}
