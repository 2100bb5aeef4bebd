"""A block's registers → values, by one ``struct`` for the whole block.

Always true: what it gives is what ``registers.decode`` gives, value by value; that one is its naive twin.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from math import isfinite
from operator import itemgetter
from typing import NamedTuple

from tradelane.meter.blocks import Block
from tradelane.meter.reading import LARGEST, Value, at_the_door
from tradelane.meter.registers import Register, exponent_at

_SIGNED = {"int16": "h", "sunssf": "h", "int32": "i", "magnitude32": "i", "int64": "q"}
_FLOATS = {"float32": "f", "float64": "d"}
_UNSIGNED = {1: "H", 2: "I", 4: "Q"}


class Factor(NamedTuple):
    """A number is multiplied by ``above / below``, both whole; ``limit`` is the first that is too large."""

    above: int
    below: int
    limit: int


class BlockDecoder:
    """Made once for a block, used at every read of it."""

    def __init__(self, block: Block) -> None:
        places: list[int] = []
        codes: list[str] = []

        def number_at(addresses: Sequence[int], code: str) -> int:
            places.extend(address - block.address for address in addresses)
            codes.append(code)
            return len(codes) - 1

        sfs = sorted({register.sf for register in block.registers if register.sf is not None})
        exponents = {sf: number_at((sf,), "H") for sf in sfs}
        self._fields = []
        for register in block.registers:
            addresses = register.places if register.word_order == "big" else register.places[::-1]
            raw = number_at(addresses, _UNSIGNED[register.count])
            code = _SIGNED.get(register.type) or _FLOATS.get(register.type)
            number = raw if code is None else number_at(addresses, code)
            sf = None if register.sf is None else exponents[register.sf]
            self._fields.append(_Field(register, raw, number, sf))
        # one place more than needed: of a single place itemgetter gives no tuple
        self._in_order = itemgetter(*places, 0)
        self._pack = struct.Struct(f">{len(places) + 1}H").pack
        self._unpack = struct.Struct(f">{''.join(codes)}H").unpack

    def __call__(self, words: Sequence[int]) -> dict[str, Value]:
        """The block's words, from its address on → value name → value."""
        numbers = self._unpack(self._pack(*self._in_order(words)))
        values: dict[str, Value] = {}
        for field in self._fields:
            factor = field.plain if field.sf is None else field.factor(numbers[field.sf])
            if factor is None or numbers[field.raw] in field.absent:
                values[field.name] = None
            else:
                values[field.name] = field.scaled(numbers[field.number], factor)
        return values


class _Field:
    """Where a register's number stands among those unpacked, and how it becomes a value."""

    __slots__ = ("_factors", "_register", "absent", "name", "number", "plain", "raw", "scaled", "sf")

    def __init__(self, register: Register, raw: int, number: int, sf: int | None) -> None:
        self.name, self.raw, self.number, self.sf = register.value, raw, number, sf
        self.absent = frozenset(register.not_available)
        self.plain = self._times(register, 0)
        self.scaled = _scaling(register)
        self._register = register
        self._factors: dict[int, Factor | None] = {}

    def factor(self, word: int) -> Factor | None:
        """By the scale factor a register holds: there are few, and each is worked out once."""
        if word not in self._factors:
            exponent = exponent_at(0, {0: word})
            self._factors[word] = None if exponent is None else self._times(self._register, exponent)
        return self._factors[word]

    @staticmethod
    def _times(register: Register, exponent: int) -> Factor:
        above = register.scale.numerator * 10 ** max(exponent, 0)
        below = register.scale.denominator * 10 ** max(-exponent, 0)
        return Factor(above, below, LARGEST * below)


def _scaling(register: Register) -> Callable[[int | float, Factor], Value]:
    name, magnitude = register.value, register.type == "magnitude32"

    def whole(number: int | float, factor: Factor) -> Value:
        product = int(number) * factor.above
        if magnitude:
            product = abs(int(number)) * factor.above
        if abs(product) >= factor.limit:
            return None
        return product if factor.below == 1 else at_the_door(name, product, factor.below)

    def fractional(number: int | float, factor: Factor) -> Value:
        if not isfinite(number):
            return None
        above, below = number.as_integer_ratio()
        above, below = above * factor.above, below * factor.below
        return None if abs(above) >= LARGEST * below else at_the_door(name, above, below)

    return fractional if register.type in _FLOATS else whole
