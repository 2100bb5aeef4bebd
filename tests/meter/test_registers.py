"""Registers → numbers, beside a second decoder that is written from the types' definitions alone."""

from __future__ import annotations

import math
import struct
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.meter import profile
from tradelane.meter.derived import First, Signed, Sum
from tradelane.meter.reading import LARGEST
from tradelane.meter.registers import SUNSPEC_NOT_AVAILABLE, WORDS, Register, decode_one

CODES = {
    **dict.fromkeys(("uint16", "acc16", "enum16", "bitfield16"), "H"),
    **dict.fromkeys(("int16", "sunssf"), "h"),
    **dict.fromkeys(("uint32", "acc32", "enum32", "bitfield32"), "I"),
    **dict.fromkeys(("int32", "magnitude32"), "i"),
    **dict.fromkeys(("uint64", "acc64"), "Q"),
    **{"int64": "q", "float32": "f", "float64": "d"},
}
SCALES = [Fraction(1), Fraction(-1), Fraction(1, 10), Fraction(1, 1000), Fraction(1000), Fraction(-7, 2)]


def spelt(register: Register, raw: bytes) -> dict[int, int]:
    """The words of a big-endian number as the device holds them."""
    words = list(struct.unpack(f">{len(raw) // 2}H", raw))
    if register.word_order == "little":
        words.reverse()
    return dict(zip(register.places, words, strict=True))


def by_hand(register: Register, raw: bytes) -> Decimal | None:
    """The value in its unit, exactly, as a decimal number; None when it is none."""
    if int.from_bytes(raw, "big") in register.not_available:
        return None
    (number,) = struct.unpack(f">{CODES[register.type]}", raw)
    if isinstance(number, float) and not math.isfinite(number):
        return None
    if register.type == "magnitude32":
        number = abs(number)
    with localcontext() as context:
        context.prec = 2000
        scale = Decimal(register.scale.numerator) / Decimal(register.scale.denominator)
        value = Decimal(number) * scale
        return value if abs(value) < LARGEST else None


@st.composite
def held(draw: st.DrawFn) -> tuple[Register, bytes]:
    """A register and the big-endian bytes of what it holds."""
    kind = draw(st.sampled_from(sorted(WORDS)))
    count = WORDS[kind]
    raw = draw(st.binary(min_size=2 * count, max_size=2 * count))
    first, *apart = draw(
        st.one_of(
            st.just([7]),
            st.lists(st.integers(0, 99), min_size=count, max_size=count, unique=True),
        )
    )
    absent = draw(st.sampled_from([(), (int.from_bytes(raw, "big"),), (SUNSPEC_NOT_AVAILABLE.get(kind, 1),)]))
    register = Register(
        draw(st.sampled_from(["power_w", "import_wh"])),
        first,
        kind,
        draw(st.sampled_from(SCALES)),
        not_available=absent,
        word_order=draw(st.sampled_from(["big", "little"])),
        apart=tuple(apart),
    )
    return register, raw


@given(held())
def test_every_type_order_and_scale_decodes_as_by_hand(one: tuple[Register, bytes]) -> None:
    register, raw = one
    mine, expected = decode_one(register, spelt(register, raw)), by_hand(register, raw)
    if expected is None:
        assert mine is None
        return
    assert mine is not None
    if register.value.endswith("_wh"):
        assert isinstance(mine, int)
        assert abs(mine - expected) <= Decimal("0.5")
    else:
        assert abs(Decimal(mine) - expected) <= Decimal("0.00005") + abs(expected) * Decimal(2) ** -52


@given(held(), st.data())
def test_a_word_that_is_missing_makes_the_value_unknown(
    one: tuple[Register, bytes], data: st.DataObject
) -> None:
    register, raw = one
    words = spelt(register, raw)
    del words[data.draw(st.sampled_from(sorted(words)))]
    assert decode_one(register, words) is None


PATTERNS = [
    (name, one, pattern)
    for name in profile.names()
    for section in profile.load(name).sections
    for one in section.registers
    for pattern in one.not_available
]


def test_no_pattern_of_any_profile_ever_becomes_a_number() -> None:
    assert len(PATTERNS) > 200
    for name, register, pattern in PATTERNS:
        words = spelt(register, pattern.to_bytes(2 * register.count, "big"))
        if register.sf is not None:
            words[register.sf] = 0
        assert decode_one(register, words) is None, (name, register.value, hex(pattern))


@pytest.mark.parametrize("name", profile.names())
def test_every_register_of_a_profile_gives_back_what_was_put_in(name: str) -> None:
    for section in profile.load(name).sections:
        for register in section.registers:
            number = 1 if register.count == 1 and abs(register.scale) > 1 else 4
            words = spelt(register, struct.pack(f">{CODES[register.type]}", number))
            if register.sf is not None:
                words[register.sf] = 0
            exact = number * register.scale
            expected = abs(exact) if register.type == "magnitude32" else exact
            assert decode_one(register, words) == pytest.approx(float(expected)), register


answers = st.dictionaries(
    st.sampled_from("abc"),
    st.one_of(st.none(), st.integers(-9, 9), st.floats(-9, 9).map(lambda x: round(x, 4))),
)


@given(answers, st.frozensets(st.sampled_from("abc")))
def test_a_sum_is_of_all_that_must_be_there(
    answered: dict[str, float | None], absent: frozenset[str]
) -> None:
    total = Sum("power_w", ("a", "b", "c"), absent).of(answered)
    known = {part: number for part, number in answered.items() if number is not None}
    missing = {"a", "b", "c"} - known.keys()
    if missing - absent or not known:
        assert total is None
    else:
        assert total == pytest.approx(sum(known.values()), abs=1e-4)


@given(answers)
def test_the_first_known_counts(answered: dict[str, float | None]) -> None:
    known = [answered[part] for part in "abc" if answered.get(part) is not None]
    assert First("power_w", ("a", "b", "c")).of(answered) == (known[0] if known else None)


@given(answers, st.integers(1, 15))
def test_only_the_status_says_the_sign(answered: dict[str, float | None], mask: int) -> None:
    size, status = answered.get("a"), answered.get("b")
    signed = Signed("power_w", ("a", "b"), mask).of(answered)
    if size is None or status is None:
        assert signed is None
    else:
        assert signed == (-abs(size) if int(status) & mask else abs(size))
