"""Profiles as data: what comes with Tradelane loads, and what is wrong is named by file and key."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.meter import profile
from tradelane.meter.blocks import plan
from tradelane.meter.reading import BadProfile, UnknownProfile
from tradelane.meter.registers import WORDS, Register, decode_one

GOOD = """
name = "mine"
vendor = "Me"
model = "One"
role = "grid"
[modbus]
function = 4
word_order = "little"
[[register]]
value = "power_w"
address = 1
type = "int32"
scale = 0.1
sign = -1
not_available = [0x80000000]
"""


def test_all_that_come_with_tradelane_load_under_their_own_names() -> None:
    for name in profile.names():
        assert profile.load(name).name == name
    assert {"solaredge-inverter", "kostal-plenticore", "eastron-sdm630"} <= set(profile.names())


def test_a_profile_is_read_as_written() -> None:
    mine = profile.parse(GOOD, "mine.toml")
    (power,) = mine.sections[0].registers
    assert mine.function == 4
    assert decode_one(power, {1: 1234, 2: 0}) == -123.4
    assert decode_one(power, {1: 0, 2: 0x8000}) is None
    assert decode_one(power, {1: 1234}) is None


def test_ones_own_profile_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert profile.load(str(path)).name == "mine"
    with pytest.raises(UnknownProfile, match=r"nothing\.toml"):
        profile.load(str(tmp_path / "nothing.toml"))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "mine"', "", "name"),
        ("function = 4", "function = 6", "modbus.function"),
        ('"little"', '"middle"', "modbus.word_order"),
        ("function = 4", "functoin = 4", "modbus.functoin"),
        ("[modbus]", "modbus = 3\n[nothing]", "nothing"),
        ('"power_w"', '"power"', "register[0].value"),
        ("address = 1", "address = -1", "register[0].address"),
        ("address = 1", 'address = "1"', "register[0].address"),
        ("address = 1", "", "register[0].address"),
        ('"int32"', '"int33"', "register[0].type"),
        ("scale = 0.1", "scale = 0", "register[0].scale"),
        ("scale = 0.1", 'scale = "0.1"', "register[0].scale"),
        ("sign = -1", "sign = 0", "register[0].sign"),
        ("[0x80000000]", "0x80000000", "register[0].not_available"),
        ('role = "grid"', 'role = "moon"', "register[0].role"),
        ("[[register]]", "[[sunspec]]\nmodel = 1\naddress = 2\n[[register]]", "sunspec[0].model"),
        ('"grid"', '"grid', "syntax"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(old: str, new: str, key: str) -> None:
    assert old in GOOD
    with pytest.raises(BadProfile, match=r"mine\.toml") as caught:
        profile.parse(GOOD.replace(old, new, 1), "mine.toml")
    assert caught.value.key == key
    assert key in str(caught.value)


def test_a_value_given_twice_and_a_profile_of_nothing_are_refused() -> None:
    twice = GOOD + GOOD[GOOD.index("[[register]]") :]
    with pytest.raises(BadProfile, match="given twice"):
        profile.parse(twice, "mine.toml")
    with pytest.raises(BadProfile, match="at least one"):
        profile.parse(GOOD[: GOOD.index("[[register]]")], "mine.toml")


def test_unknown_names_list_what_there_is() -> None:
    with pytest.raises(UnknownProfile, match="kostal-plenticore"):
        profile.load("no-such-meter")


registers = st.builds(
    Register,
    value=st.just("power_w"),
    address=st.integers(0, 400),
    type=st.sampled_from(sorted(WORDS)),
    sf=st.one_of(st.none(), st.integers(0, 400)),
)


@given(st.lists(registers, max_size=30), st.integers(50, 125), st.integers(0, 20))
def test_a_plan_covers_every_value_whole_and_never_asks_for_too_much(
    wanted: list[Register], limit: int, gap: int
) -> None:
    wanted = [one for one in wanted if one.high - one.low <= limit]
    blocks = plan(wanted, limit, gap)
    planned = [one for block in blocks for one in block.registers]
    assert sorted(planned, key=repr) == sorted(wanted, key=repr)
    for block in blocks:
        assert block.count <= limit
        assert all(block.address <= one.low and one.high <= block.end for one in block.registers)


@given(st.integers(-(2**31), 2**31 - 1), st.sampled_from(["big", "little"]), st.integers(-10, 10))
def test_signed_numbers_and_powers_of_ten_come_back(number: int, order: str, exponent: int) -> None:
    high, low = struct.unpack(">HH", struct.pack(">i", number))
    words = {0: high, 1: low} if order == "big" else {0: low, 1: high}
    words[2] = exponent & 0xFFFF
    register = Register("power_w", 0, "int32", sf=2, word_order=order)
    exact = number * 10**exponent if exponent >= 0 else round(number / 10**-exponent, 4)
    assert decode_one(register, words) == exact


@pytest.mark.parametrize("pattern", [0x7FC00000, 0x7F800000, 0xFF800000, 0xFFFFFFFF])
def test_a_float_that_is_no_number_is_unknown(pattern: int) -> None:
    words = {0: pattern >> 16, 1: pattern & 0xFFFF}
    assert decode_one(Register("power_w", 0, "float32"), words) is None


def test_a_size_no_meter_reaches_is_unknown() -> None:
    assert decode_one(Register("import_wh", 0, "uint64"), dict.fromkeys(range(4), 0xFFFF)) is None
    assert decode_one(Register("import_wh", 0, "uint64"), {0: 0x7FFF, 1: 0, 2: 0, 3: 1}) is not None
