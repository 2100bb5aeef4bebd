"""The echo of a serial line, found in whatever pieces it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.meter.rtu_servers import frame, words_frame
from tradelane.meter.echo import Echo

QUESTION = frame(1, bytes([3, 0x9C, 0x40, 0, 2]))
ANSWER = words_frame(1, 3, [1, 2])


@given(st.integers(0, len(QUESTION) + len(ANSWER)), st.binary(max_size=6), st.booleans())
def test_it_is_told_as_soon_as_it_can_be(cut: int, before: bytes, seen: bool) -> None:
    echo = Echo()
    if seen:
        echo.asked(b"?")
        assert echo.length(b"?") == 1
    echo.asked(QUESTION)
    heard = (before + QUESTION + ANSWER)[:cut]
    told, end = echo.length(heard), len(before) + len(QUESTION)
    if cut >= end:
        assert (told, echo.seen, echo.alone) == (end, True, cut == end)
    elif seen or QUESTION.startswith(heard):
        assert (told, echo.alone) == (None, False)
    else:
        assert told == 0


def test_a_line_without_echo_is_left_alone() -> None:
    echo = Echo()
    echo.asked(QUESTION)
    assert [echo.length(ANSWER[:2]), echo.length(ANSWER[:4]), echo.length(ANSWER)] == [None, 0, 0]
    echo.passed()
    assert echo.length(QUESTION) == 0 and not echo.seen
