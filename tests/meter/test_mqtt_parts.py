"""The parts an MQTT message passes: topics, inbox, numbers; each clever one against its plain twin."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from tradelane.meter.inbox import Inbox, Message
from tradelane.meter.payload import Target, decoded, found, number, scale_of, time_of, values
from tradelane.meter.payload import quick as prepared
from tradelane.meter.reading import VALUE_NAMES, BadAnswer
from tradelane.meter.topic import Pattern, Place, fits, is_exact, meet

LEVEL = st.sampled_from(["a", "b", "", "$x", "em:0", "status"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(bool)


@given(
    st.lists(LEVEL | st.just("+"), min_size=1, max_size=4).map("/".join).filter(bool),
    st.sampled_from(["", "/#"]),
    TOPIC,
)
def test_filters_fit_as_paho_has_them(head: str, tail: str, topic: str) -> None:
    assert fits(head + tail, topic) == topic_matches_sub(head + tail, topic)
    assert fits("#", topic) == (not topic.startswith("$"))


@given(
    st.lists(LEVEL | st.just("+"), min_size=1, max_size=3).map("/".join).filter(bool),
    st.lists(LEVEL | st.just("+"), min_size=1, max_size=3).map("/".join).filter(bool),
    st.lists(st.sampled_from(["a", "b", "status", "", "em:0"]), min_size=1, max_size=3).map("/".join),
    st.booleans(),
)
def test_filters_meet_where_a_topic_fits_both(one: str, other: str, topic: str, all_below: bool) -> None:
    one += "/#" if all_below else ""
    if fits(one, topic) and fits(other, topic):
        assert meet(one, other) and meet(other, one)
    if is_exact(other) and not other.startswith("$"):
        assert meet(one, other) == fits(one, other)


def test_a_pattern_finds_device_and_channel() -> None:
    pattern = Pattern("{meter}/status/em:{n}")
    assert pattern.find("home/cellar/shelly/status/em:1") == Place("home/cellar/shelly", "1")
    place = pattern.find("home/cellar/shelly/status/em:1")
    assert place is not None and place.meter == "shelly"
    assert pattern.find("shelly/status/emdata:1") is None and pattern.find("shelly/status/em:1/x") is None
    assert (pattern.of("x"), pattern.filter()) == ("x/status/em:{n}", "+/status/+")
    victron = Pattern("N/{meter}/grid/{n}/Ac/Power")
    assert victron.device_in("N/c0ffee/#") == "c0ffee"
    assert [victron.device_in(t) for t in ("N/+/grid/#", "R/c0ffee/#", "N", "#")] == [None] * 4
    assert is_exact("a/b") and not is_exact("a/+") and not is_exact("#")


MESSAGES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1000)), max_size=60)


@given(MESSAGES, st.integers(1, 8))
def test_a_full_inbox_gives_up_as_its_plain_twin_does(messages: list[tuple[str, int]], most: int) -> None:
    inbox, waiting, dropped = Inbox(most), list[Message](), 0
    for topic, at in messages:
        message = Message(topic, b"", False, at)
        if len(waiting) == most:
            mine = [index for index, one in enumerate(waiting) if one.topic == topic]
            del waiting[mine[0] if mine else 0]
            dropped += 1
        waiting.append(message)
        assert inbox.put(message) == (len(waiting) == 1)
    assert (inbox.take(), inbox.dropped) == (waiting, dropped)
    assert inbox.take() == []


@given(st.lists(st.sampled_from("xyyyyyyyyyyyy"), min_size=30, max_size=200))
def test_a_loud_meter_pushes_out_no_quiet_one(topics: list[str]) -> None:
    inbox = Inbox(20)
    for name in "abcdefgh":
        inbox.put(Message(name, b"", False, 0))
    for topic in ["x", "y", *topics]:
        inbox.put(Message(topic, b"", False, 1))
    left = Counter(message.topic for message in inbox.take())
    assert all(left[name] == 1 for name in "abcdefgh") and left["x"] >= 1


@given(
    st.sampled_from(sorted(VALUE_NAMES)),
    st.none()
    | st.booleans()
    | st.text(max_size=3)
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.floats(-1e6, 1e6),
    st.sampled_from([Fraction(1), Fraction(1000), Fraction(1, 60), Fraction(-1)]),
)
def test_the_quick_way_of_a_number_is_the_exact_one(name: str, given_: object, scale: Fraction) -> None:
    target = Target(name, (("key",),), scale)
    quick, exact = values(prepared([target]), {"key": given_})[name], target.value({"key": given_})
    assert (quick, type(quick)) == (exact, type(exact)) == (number(name, given_, scale), type(exact))


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        *[(b"12", 12), (b" -1.5 ", -1.5), (b"+.5", 0.5), (b'"7"', 7), (b"1e3", 1000.0), (b"5.", 5.0)],
        *[(b"nan", None), (b"unavailable", None), (b"", None), (b"Unknown", None)],
        (b"9" * 30, 1e30),
    ],
)
def test_plain_numbers(payload: bytes, value: float | None) -> None:
    assert decoded("t", payload, "number") == value


@pytest.mark.parametrize("payload", [b"on", b"1,5", b"0x10", b"1 W", b"inf", b"\xff", b"1e9999", b"--1"])
def test_what_is_no_number_is_refused(payload: bytes) -> None:
    with pytest.raises(BadAnswer, match="t: not a number"):
        decoded("t", payload, "number")


def test_paths_times_and_units() -> None:
    body = {"a": [1, {"b": 2}], "c": None}
    assert [found(body, tuple(p.split("."))) for p in ("a.1.b", "a.0", "a.2", "a.x", "c", "c.d")] == [
        *[2, 1, None, None, None, None],
    ]
    assert time_of("2026-06-21T10:00:00Z") == time_of(1_782_036_000) == time_of(1_782_036_000_000)
    wrong: list[object] = [None, True, "2026-06-21T10:00:00", float("inf"), []]
    assert [time_of(given_) for given_ in wrong] == [None] * 5
    assert scale_of("kWh", "import_wh") == 100_000 * scale_of("%", "power_factor") == Fraction(1000)
    for unit, name in (("W", "import_wh"), ("", "power_w"), ("V", "power_factor"), ("stone", "power_w")):
        with pytest.raises(ValueError, match="is no unit"):
            scale_of(unit, name)
