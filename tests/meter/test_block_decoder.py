"""Planning requests and taking their answers apart, against naive twins."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradelane.meter.block_decoder import BlockDecoder
from tradelane.meter.blocks import Block, plan
from tradelane.meter.reading import Value
from tradelane.meter.registers import WORDS, Register, decode

ROOM = 24
SCALES = [Fraction(1), Fraction(-1), Fraction(1, 10), Fraction(-1, 1000), Fraction(1000), Fraction(1, 3)]
EDGES = [0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7F80, 0x7FC0, 0xFF80, 10, 0xFFF6, 11]


@st.composite
def registers(draw: st.DrawFn, name: str) -> Register:
    kind = draw(st.sampled_from(sorted(WORDS)))
    room = st.integers(0, ROOM - WORDS[kind])
    apart: tuple[int, ...] = ()
    if WORDS[kind] > 1 and draw(st.booleans()):
        apart = tuple(draw(st.lists(room, min_size=WORDS[kind] - 1, max_size=WORDS[kind] - 1)))
    absent = st.sampled_from([0, 0xFFFF, 0x8000, 0x80000000, 0xFFFFFFFF, 0x7FC00000, 1 << 63])
    return Register(
        value=name,
        address=draw(room),
        type=kind,
        scale=draw(st.sampled_from(SCALES)),
        sf=draw(st.none() | room),
        not_available=tuple(draw(st.lists(absent, max_size=2))),
        word_order=draw(st.sampled_from(["big", "little"])),
        function=draw(st.sampled_from([3, 4])),
        apart=apart,
    )


NAMES = ["power_w", "import_wh", "export_wh", "frequency_hz", "status"]
SOME = st.integers(1, len(NAMES)).flatmap(lambda n: st.tuples(*(registers(name) for name in NAMES[:n])))
WORD_LISTS = st.lists(st.sampled_from(EDGES) | st.integers(0, 0xFFFF), min_size=ROOM, max_size=ROOM)


def same(one: Value, other: Value) -> bool:
    """Also of the same type, and of the same sign where it is 0."""
    return repr(one) == repr(other)


@given(SOME, WORD_LISTS)
@example((Register("power_w", 0, "float32", word_order="little"),), [0x7F80, 0, *[0] * 22])
@example((Register("import_wh", 0, "uint16", Fraction(1, 2)),), [3, *[0] * 23])
@example((Register("power_w", 0, "int16", Fraction(1, 100000)),), [0xFFFF, *[0] * 23])
def test_a_block_decodes_as_its_values_do_one_by_one(some: tuple[Register, ...], words: list[int]) -> None:
    block = Block(some)
    fast = BlockDecoder(block)(words[block.address : block.end])
    naive = decode(some, dict(enumerate(words)))
    assert fast.keys() == naive.keys()
    assert all(same(fast[name], naive[name]) for name in naive), (fast, naive)


@given(st.floats(width=32), st.sampled_from(["big", "little"]))
def test_a_float_is_rounded_once(number: float, order: str) -> None:
    high, low = struct.unpack(">HH", struct.pack(">f", number))
    register = Register("power_w", 0, "float32", word_order=order)
    words = [high, low] if order == "big" else [low, high]
    value = BlockDecoder(Block((register,)))(words)["power_w"]
    believed = math.isfinite(number) and abs(number) < 2**63
    assert value == (round(number, 4) if believed else None)


LIMITS = st.integers(ROOM, 125)
WALLS = st.lists(st.integers(0, ROOM), max_size=3)


@given(SOME, LIMITS, st.integers(0, 8), WALLS)
def test_a_plan_asks_for_every_value_once_and_breaks_no_rule(
    some: tuple[Register, ...], limit: int, gap: int, walls: list[int]
) -> None:
    blocks = plan(some, limit, gap, walls)
    assert sorted(r.value for block in blocks for r in block.registers) == sorted(r.value for r in some)
    for block in blocks:
        assert {register.function for register in block.registers} == {block.function}
        assert all(block.address <= register.low < register.high <= block.end for register in block.registers)
        if len(block.registers) == 1:
            continue
        assert block.count <= limit
        assert not any(block.address < wall < block.end for wall in walls)
        used = {at for register in block.registers for at in range(register.low, register.high)}
        unused = "".join("x" if at in used else " " for at in range(block.address, block.end))
        assert max(map(len, unused.split("x"))) <= gap


@given(SOME, LIMITS, st.integers(0, 8), WALLS)
def test_no_two_neighbours_in_a_plan_could_have_been_one(
    some: tuple[Register, ...], limit: int, gap: int, walls: list[int]
) -> None:
    blocks = plan(some, limit, gap, walls)
    for one, other in pairwise(blocks):
        first = other.registers[0]
        both = Block((*one.registers, first))
        assert (
            first.function != one.function
            or both.count > limit
            or first.low - one.end > gap
            or any(both.address < wall < both.end for wall in walls)
        )


def test_a_block_of_one_value_cannot_be_cut() -> None:
    one, other = Register("power_w", 0, "int16"), Register("import_wh", 1, "uint32")
    assert Block((one,)).halves() == ()
    assert Block((one, other)).halves() == (Block((one,)), Block((other,)))


@pytest.mark.parametrize("barrier", [0, 1, 2, 3, 4])
def test_a_barrier_parts_requests_that_go_on_from_below_it(barrier: int) -> None:
    some = [Register("power_w", 0, "int32"), Register("frequency_hz", 2, "int32")]
    assert len(plan(some, barriers=[barrier])) == (2 if barrier in (1, 2, 3) else 1)
