from __future__ import annotations

import pytest

from firmware_sim.clock import instant_of
from firmware_sim.device import registers
from firmware_sim.faults import Fault, Kind, active, down, parse_fault, steps_back
from firmware_sim.models import points
from firmware_sim.publish import payload
from firmware_sim.rooftop import Rooftop, Spec
from firmware_sim.street import DEFAULT_PLACES

NOON = instant_of("2026-06-21T12:00Z")
HOUR = 3_600_000
SPEC = Spec("solar03", "modbus", DEFAULT_PLACES[0], 6.0, 42)
METER = 2 + 68 + 52


def rooftop(*faults: Fault) -> Rooftop:
    return Rooftop(SPEC, 1, NOON, faults)


def test_a_written_fault_is_read() -> None:
    fault = parse_fault("solar03:silence@2026-06-21T12:00:00+02:00+15m")
    assert fault == Fault("solar03", Kind.SILENCE, NOON - 2 * HOUR, NOON - 2 * HOUR + 900_000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("solar03", "is not meter:kind@start"),
        ("solar03:silence@2026-06-21T11:00Z", "is not meter:kind@start"),
        ("solar03:gremlin@2026-06-21T11:00Z+1m", "silence, exception2, sentinel, frozen"),
        ("solar03:silence@noon+1m", "'noon' is no ISO 8601"),
        ("solar03:silence@2026-06-21T11:00+1m", "no time zone"),
    ],
)
def test_a_wrongly_written_fault_is_explained(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_fault(text)


def test_of_two_faults_the_first_to_begin_counts() -> None:
    early, late = Fault("a", Kind.FROZEN, 0, 10), Fault("a", Kind.SILENCE, 5, 20)
    kinds = {instant: active([late, early], instant) for instant in (0, 5, 9, 10, 19, 20)}
    assert kinds == {0: early, 5: early, 9: early, 10: late, 19: late, 20: None}


def test_a_restarting_inverter_shows_marks_and_counters_of_nought() -> None:
    ill = registers(rooftop(Fault("solar03", Kind.SENTINEL, NOON, NOON + HOUR)), NOON)
    well = registers(rooftop(), NOON)
    at = {point.name: METER + point.offset for point in points(203)}
    assert ill[at["W"]] == 0x8000 != well[at["W"]]
    assert ill[at["TotWhImp"] : at["TotWhImp"] + 2] == [0, 0] != well[at["TotWhImp"] : at["TotWhImp"] + 2]
    assert ill[at["W_SF"]] == well[at["W_SF"]]
    assert len(ill) == len(well)


def test_a_frozen_meter_repeats_itself_and_then_catches_up() -> None:
    ill, well = rooftop(Fault("solar03", Kind.FROZEN, NOON, NOON + HOUR)), rooftop()
    assert registers(ill, NOON + HOUR - 1) == registers(well, NOON) != registers(well, NOON + HOUR - 1)
    assert registers(ill, NOON + HOUR) == registers(well, NOON + HOUR)


def test_messages_of_faulty_meters() -> None:
    frozen = rooftop(Fault("solar03", Kind.FROZEN, NOON, NOON + HOUR))
    said = payload(frozen, NOON + 1000)
    assert said.pop("time") == "2026-06-21T12:00:01.000Z"
    assert said.items() < payload(rooftop(), NOON).items()
    empty = payload(rooftop(Fault("solar03", Kind.SENTINEL, NOON, NOON + HOUR)), NOON)
    assert empty.keys() == payload(rooftop(), NOON).keys()
    assert [value for name, value in empty.items() if name != "time"] == [None] * (len(empty) - 1)


def counter(ill: Rooftop, instant: int) -> int:
    """The register of energy sent out."""
    at = METER + next(point.offset for point in points(203) if point.name == "TotWhExp")
    high, low = registers(ill, instant)[at : at + 2]
    return high << 16 | low


def test_counters_that_dip_step_back_begin_anew_and_roll_over() -> None:
    def shown(kind: Kind, instant: int) -> int:
        return counter(rooftop(Fault("solar03", kind, NOON, NOON + HOUR)), instant)

    true = counter(rooftop(), NOON + 60_000)
    assert shown(Kind.DIP, NOON + 60_000) == 0
    third = next(NOON + k * 30_000 for k in range(3) if steps_back(NOON + k * 30_000))
    assert shown(Kind.STEP_BACK, third) == counter(rooftop(), third) - 100
    assert shown(Kind.STEP_BACK, third + 30_000) == counter(rooftop(), third + 30_000)
    assert shown(Kind.RESET, NOON) == 0 < shown(Kind.RESET, NOON + HOUR - 1) < true
    assert shown(Kind.ROLLOVER, NOON + 60_000) == true % 655_360
    for kind in (Kind.DIP, Kind.STEP_BACK, Kind.RESET, Kind.ROLLOVER):
        assert shown(kind, NOON + HOUR) == counter(rooftop(), NOON + HOUR), "all is well after it"


def test_a_clock_that_is_an_hour_behind_shows_in_messages_and_nowhere_else() -> None:
    ill = rooftop(Fault("solar03", Kind.SKEW, NOON, NOON + HOUR))
    said, true = payload(ill, NOON), payload(rooftop(), NOON)
    assert (said.pop("time"), true.pop("time")) == ("2026-06-21T11:00:00.000Z", "2026-06-21T12:00:00.000Z")
    assert said == true
    assert registers(ill, NOON) == registers(rooftop(), NOON)


def test_a_link_that_flaps_is_down_in_every_other_half_minute() -> None:
    downs = [down(Kind.FLAP, NOON + k * 30_000) for k in range(4)]
    assert downs in ([True, False] * 2, [False, True] * 2)
    assert all(down(Kind.SILENCE, NOON + k * 30_000) for k in range(4))
