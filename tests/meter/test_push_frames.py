"""Smart meters' frames: found in noise however they are cut, checked, bounded; and what they say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.meter import push_frames as frames
from tests.meter.servers import capture
from tradelane.meter import cosem, crc16, han, hdlc, p1, sml
from tradelane.meter.framer import MOST, Framer
from tradelane.meter.obis import Obis, Quantity, values
from tradelane.meter.reading import VALUE_NAMES, BadAnswer
from tradelane.meter.serial_push import SPEECH, Ear
from tradelane.meter.telegram import Telegram

W, WH, V, A = 27, 30, 35, 33
SERVER = bytes.fromhex("0a01454d480001234567")
ESCAPED = frames.sml_frame(b"\x1b" * 4 + b"ab", [frames.sml_entry("1.0.16.7.0.255", -5, 0, W)])


def sml_frame(power: int) -> bytes:
    entries = [
        frames.sml_entry("1.0.1.8.0.255", 123_456, -1, WH),
        frames.sml_entry("1.0.2.8.0.255", 777, 0, WH),
        frames.sml_entry("1.0.16.7.0.255", power, 0, W),
    ]
    return frames.sml_frame(SERVER, entries)


def p1_telegram(power: int) -> bytes:
    return frames.p1_telegram(
        "1-3:0.2.8(50)", "0-0:96.1.1(4142)", f"1-0:1.7.0({power / 1000:06.3f}*kW)", "1-0:2.7.0(00.000*kW)"
    )


def han_frame(power: int) -> bytes:
    return frames.hdlc_frame(frames.aidon(("1.0.1.7.0", power, 0, W), ("1.0.2.7.0", 0, 0, W)))


MADE: dict[str, Callable[[int], bytes]] = {"sml": sml_frame, "p1": p1_telegram, "han": han_frame}
SPOKEN = pytest.mark.parametrize("protocol", SPEECH)


def powers(protocol: str, *pieces: bytes) -> list[object]:
    ear = Ear(protocol)
    return [one.reading("m", 0).values.get("power_w") for piece in pieces for one in ear.hear(piece)]


@given(st.binary(max_size=200))
def test_a_table_s_check_is_the_bitwise_one(data: bytes) -> None:
    assert crc16.x25(data) == frames.bitwise(data, 0x8408, 0xFFFF) ^ 0xFFFF
    assert crc16.kermit(data) == frames.bitwise(data, 0x8408, 0)
    assert crc16.arc(data) == frames.bitwise(data, 0xA001, 0)


def test_the_checks_have_their_published_values() -> None:
    nine = b"123456789"
    assert (crc16.x25(nine), crc16.kermit(nine), crc16.arc(nine)) == (0x906E, 0x2189, 0xBB3D)


NOISE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\x1b" * 5, frames.octets(b"\x1b") * 3, b"\x1b" * 4 + b"\1" * 4, b"/x", b"\x7e\xa0\x20", b"!"]
    ),
)


@SPOKEN
@settings(max_examples=40)
@given(
    noise=st.lists(NOISE, min_size=3, max_size=3),
    cuts=st.lists(st.integers(0, 900)),
    power=st.integers(1, 9999),
)
def test_whole_frames_are_found_in_noise_however_the_stream_is_cut(
    protocol: str, noise: list[bytes], cuts: list[int], power: int
) -> None:
    made = MADE[protocol]
    stream = noise[0] + made(power) + noise[1] + made(power + 1) + noise[2]
    edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert powers(protocol, *pieces) == powers(protocol, stream)
    assert powers(protocol, stream, made(1) * 12)[:2] == [power, power + 1]


@SPOKEN
@settings(max_examples=60)
@given(data=st.data())
def test_no_value_comes_from_a_frame_with_a_flipped_bit(protocol: str, data: st.DataObject) -> None:
    whole = MADE[protocol](500)
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    hurt = bytearray(whole)
    hurt[bit // 8] ^= 1 << bit % 8
    found = powers(protocol, bytes(hurt))
    if found:
        assert found == [500]
        assert protocol == "p1" and bytes(hurt)[:-6] == whole[:-6]  # how its last line ends, or digits' case


@SPOKEN
@settings(max_examples=40)
@given(cut=st.integers(1, 10_000))
def test_half_a_frame_is_none_and_hides_no_whole_one(protocol: str, cut: int) -> None:
    whole = MADE[protocol](500)
    half = whole[: cut % (len(whole) - 2) + 1]
    assert powers(protocol, half) == []
    assert powers(protocol, half, MADE[protocol](501) * 12)[-1] == 501


@SPOKEN
@settings(max_examples=60)
@given(junk=st.binary(max_size=400))
@example(junk=b"\x1b\x1b\x1b\x1b\1\1\1\1" * 3)
def test_nothing_raises_but_bad_answers(protocol: str, junk: bytes) -> None:
    list(Ear(protocol).hear(junk))
    decode = SPEECH[protocol][1]
    try:
        said = decode(junk)
    except BadAnswer:
        return
    assert said is None or isinstance(said, Telegram)


@given(data=st.data())
def test_content_with_flipped_bits_raises_only_bad_answers(data: st.DataObject) -> None:
    """Behind the frame's check, which would catch them."""
    (body,) = Framer(hdlc.cut).feed(han_frame(5))
    hurt = bytearray(body)
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        hurt[at] = data.draw(st.integers(0, 255))
    try:
        said = han.decode(bytes(hurt))
    except BadAnswer:
        return
    assert said is None or said.reading("m", 0).values.keys() <= VALUE_NAMES


@SPOKEN
def test_what_waits_is_bounded(protocol: str) -> None:
    start = {"sml": sml.START, "p1": b"/", "han": b""}[protocol]
    framer = Framer(SPEECH[protocol][0])
    for _ in range(40):
        framer.feed(start + b"x" * 1000)
        assert len(framer._held) <= MOST


# What they say


@pytest.mark.parametrize(
    "name", ["sml_easymeter_q3a_a1064v1009", "sml_emh_ed300l_delivery", "sml_iskra_mt175_ehz"]
)
def test_captured_sml_says_what_another_reader_found(name: str) -> None:
    body = capture(name)
    found = [sml.decode(one) for one in Framer(sml.cut).feed(bytes.fromhex(body["hex"]))]
    assert any(one is not None and _agrees(one, body["expected_first_values"]) for one in found)


def _agrees(telegram: Telegram, expected: dict[str, list[object]]) -> bool:
    told = {str(obis): quantity for obis, quantity in telegram.told.items()}
    quantities = [(told.get(code), number, unit) for code, (number, unit) in expected.items()]
    return all(
        one is not None and one.value == Fraction(str(number)) and one.unit == unit
        for one, number, unit in quantities
    )


@pytest.mark.parametrize("name", ["dsmr_v4_2", "dsmr_v5"])
def test_a_captured_telegram_says_what_another_reader_found(name: str) -> None:
    body = capture(name)
    (frame,) = Framer(p1.cut).feed(body["telegram"].encode())
    reading = p1.decode(frame).reading("m", 0)
    expected = {key: value[0] for key, value in body["expected"].items()}
    assert reading.to_json()["device_time"] == expected["P1_MESSAGE_TIMESTAMP"].replace("+00:00", "Z")
    used = 1000 * (expected["CURRENT_ELECTRICITY_USAGE"] - expected["CURRENT_ELECTRICITY_DELIVERY"])
    assert reading.values["power_w"] == pytest.approx(used)
    for value, name in (("import_wh", "USED"), ("export_wh", "DELIVERED")):
        parts = (expected[f"ELECTRICITY_{name}_TARIFF_{tariff}"] for tariff in (1, 2))
        assert reading.values[value] == round(1000 * sum(parts))
    for phase in "123":
        assert reading.values[f"current_l{phase}_a"] == expected[f"INSTANTANEOUS_CURRENT_L{phase}"]
        volts = expected.get(f"INSTANTANEOUS_VOLTAGE_L{phase}")
        assert reading.values.get(f"voltage_l{phase}_v") == volts
        power = expected[f"INSTANTANEOUS_ACTIVE_POWER_L{phase}_POSITIVE"]
        assert reading.values[f"power_l{phase}_w"] == pytest.approx(1000 * power)


def test_a_captured_kamstrup_list_says_what_another_reader_found() -> None:
    body = capture("han_kamstrup_se_list_real_sample")
    expected = body["expected"]
    (information,) = Framer(hdlc.cut).feed(frames.hdlc_frame(bytes.fromhex(body["hex"])))
    telegram = han.decode(information)
    assert telegram is not None and telegram.device and telegram.at is None
    said = telegram.reading("m", 0).values
    assert said["power_w"] == expected["active_power_import"] - expected["active_power_export"]
    for phase in "123":
        assert said[f"current_l{phase}_a"] == expected[f"current_l{phase}"]
        assert said[f"voltage_l{phase}_v"] == expected[f"voltage_l{phase}"]


def sml_of(*entries: bytes, time: bytes = b"\x01", server: bytes = SERVER) -> Telegram:
    (body,) = Framer(sml.cut).feed(frames.sml_frame(server, entries, time))
    telegram = sml.decode(body)
    assert telegram is not None
    return telegram


def test_an_escape_within_sml_is_data() -> None:
    (body,) = Framer(sml.cut).feed(ESCAPED)
    telegram = sml.decode(body)
    assert telegram is not None and bytes.fromhex(telegram.device) == b"\x1b" * 4 + b"ab"
    assert telegram.reading("m", 0).values == {"power_w": -5}


def test_sml_s_time_counts_only_as_a_timestamp() -> None:
    stamp = frames.unsigned(1_700_000_000, 4)
    local = frames.listed(stamp, frames.signed(60, 2), frames.signed(0, 2))
    assert sml_of(time=frames.listed(frames.unsigned(1, 1), stamp)).at is None
    assert sml_of(time=frames.listed(frames.unsigned(2, 1), stamp)).at == 1_700_000_000_000
    assert sml_of(time=frames.listed(frames.unsigned(3, 1), local)).at == 1_700_000_000_000
    assert sml_of(time=stamp).at is None  # as a Holley DTZ541 writes seconds since its start


@pytest.mark.parametrize(
    ("maker", "status", "power"), [(b"EMH", 0x182, 300), (b"EMH", 0x1A2, -300), (b"XYZ", 0x1A2, None)]
)
def test_power_without_a_sign_counts_where_its_direction_is_known(
    maker: bytes, status: int, power: int | None
) -> None:
    name = frames.listed(
        frames.octets(bytes.fromhex("8181c78203ff")), *[b"\x01"] * 4, frames.octets(maker), b"\x01"
    )
    counter = frames.sml_entry("1.0.1.8.0.255", 5, 0, WH, frames.unsigned(status, 2))
    much = frames.sml_entry("1.0.15.7.0.255", 3000, -1, W)
    assert sml_of(name, counter, much).reading("m", 0).values.get("power_w") == power


def p1_values(*lines: str) -> dict[str, object]:
    (frame,) = Framer(p1.cut).feed(frames.p1_telegram(*lines))
    return dict(p1.decode(frame).reading("m", 0).values)


def test_an_import_of_nothing_alone_is_unknown() -> None:
    assert p1_values("1-0:1.7.0(00.000*kW)") == {"power_w": None}
    assert p1_values("1-0:1.7.0(00.100*kW)") == {"power_w": 100}
    assert p1_values("1-0:2.7.0(00.100*kW)") == {"power_w": -100}
    assert p1_values("1-0:1.7.0(00.000*kW)", "1-0:2.7.0(00.000*kW)") == {"power_w": 0}


def test_what_cannot_be_read_is_unknown_and_spoils_its_sum() -> None:
    assert p1_values("1-0:1.8.1(000001.000*kWh)", "1-0:1.8.2(-)") == {"import_wh": None}
    assert p1_values("1-0:1.8.1(1.0*kWh)", "1-0:1.8.2(2.5*kWh)") == {"import_wh": 3500}
    assert p1_values("1-0:32.7.0(230.0*A)") == {"voltage_l1_v": None}
    assert p1_values("1-0:32.7.0(230.0*V)", "1-0:32.7.0(231.0*V)") == {"voltage_l1_v": None}


def test_a_telegram_without_a_checksum_counts_only_in_the_old_versions() -> None:
    old = frames.p1_telegram("0-0:96.1.1(4142)", "1-0:1.8.0(5.0*kWh)", check=False)
    assert [one.told for one in Ear("p1").hear(old)] == [{Obis(1, 0, 1, 8, 0): Quantity(50, -1, "kWh")}]
    new = frames.p1_telegram("1-3:0.2.8(50)", "1-0:1.8.0(5.0*kWh)", check=False)
    assert not list(Ear("p1").hear(new))
    spoilt = old.replace(b"1-0:1.8.0(", b"1-0:1.8;0(")
    assert not list(Ear("p1").hear(spoilt))


def test_p1_s_time_is_central_european() -> None:
    (frame,) = Framer(p1.cut).feed(frames.p1_telegram("0-0:1.0.0(260701120000S)", "1-0:1.8.0(5.0*kWh)"))
    assert p1.decode(frame).reading("m", 0).to_json()["device_time"] == "2026-07-01T10:00Z"
    (frame,) = Framer(p1.cut).feed(frames.p1_telegram("0-0:1.0.0(261331120000W)", "1-0:1.8.0(5.0*kWh)"))
    assert p1.decode(frame).at is None


def test_segments_of_a_frame_are_one() -> None:
    whole = frames.aidon(("1.0.1.7.0", 77, 0, W), ("1.0.1.8.0", 123, 1, WH), ("1.0.32.7.0", 2301, -1, V))
    parts = frames.hdlc_frame(whole[:30], more=True), frames.hdlc_frame(whole[30:])
    (told,) = Ear("han").hear(b"".join(parts))
    assert told.device == "7359992890941742"
    assert told.reading("m", 0).values == {"power_w": 77, "import_wh": 1230, "voltage_l1_v": 230.1}
    assert not list(Ear("han").hear(parts[0] + b"\0" * 9 + parts[1]))


def test_kaifa_s_lists_are_told_by_place() -> None:
    numbers = [1200, 0, 0, 5, 5000, 250, 0, 2300, 2310, 2320]
    (long,) = Ear("han").hear(frames.hdlc_frame(frames.kaifa(numbers)))
    assert long.device == "6970631401234567"
    assert long.reading("m", 0).values == {
        "power_w": 1200, "current_l1_a": 5, "current_l2_a": 0.25, "current_l3_a": 0,
        "voltage_l1_v": 230, "voltage_l2_v": 231, "voltage_l3_v": 232,
    }  # fmt: skip
    (short,) = Ear("han").hear(frames.hdlc_frame(frames.kaifa([0])))
    assert short.reading("m", 0).values == {"power_w": None}


def test_a_date_counts_with_its_offset_only() -> None:
    with_offset = bytes.fromhex("07ea 07 01 03 0c 00 00 00 ff88 00")
    assert cosem.moment(with_offset) == 1_782_900_000_000
    assert cosem.moment(with_offset[:9] + b"\x80\0\0") is None


def test_an_encrypted_list_is_refused_by_name() -> None:
    ear = Ear("han")
    assert not list(ear.hear(frames.hdlc_frame(b"\xe6\xe7\x00\xdb" + b"x" * 30)))
    assert ear.fault == "DLMS: the frame is encrypted" and ear.refused == 1


def test_each_code_of_another_period_or_medium_is_left_alone() -> None:
    past, heat = Obis(1, 0, 1, 8, 0, 1), Obis(6, 0, 1, 8, 0)
    assert values({past: Quantity(1, 0, "Wh"), heat: Quantity(1, 0, "Wh")}) == {}
    assert values({Obis(1, 1, 1, 8, 0): Quantity(2**70, 0, "Wh")}) == {"import_wh": None}
