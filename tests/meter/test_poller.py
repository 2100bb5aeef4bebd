"""The poller of one line: who is asked when, who is left alone, and who is only asleep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from itertools import pairwise

import pytest

from tests.meter.servers import NOW, now
from tests.meter.test_modbus import TWO_VALUES, no_wait
from tradelane.meter import profile
from tradelane.meter.history import MeterHistory
from tradelane.meter.modbus import FULL_PATIENCE_EVERY, Health, ModbusMeter, ModbusSource
from tradelane.meter.reading import MeterError, Quality, Reading, Unreachable

ROUNDS = 300
SOLAR = profile.parse(
    'name = "s"\nvendor = "s"\nmodel = "s"\nrole = "solar"\n'
    '[[register]]\nvalue = "power_w"\naddress = 0\ntype = "int16"\n',
    "s.toml",
)


class Line:
    """A line whose units answer or are silent as ``silent`` says; ``asked``: who was asked in each round,
    and how long the poller would have waited."""

    def __init__(self, silent: Callable[[int, int], bool]) -> None:
        self.asked: list[list[tuple[int, float | None]]] = [[]]
        self._silent = silent

    async def read(
        self, unit: int, function: int, address: int, count: int, patience_s: float | None = None
    ) -> list[int]:
        self.asked[-1].append((unit, patience_s))
        if self._silent(unit, len(self.asked) - 1):
            raise Unreachable(f"unit {unit}")
        return [len(self.asked)] * count

    async def close(self) -> None:
        pass


class Enough(Exception):
    pass


def polled(
    line: Line,
    meters: Sequence[ModbusMeter],
    rounds: int = ROUNDS,
    clock: Callable[[], int] = now,
    failed: Callable[[str, MeterError], None] = lambda meter, error: None,
) -> tuple[list[Reading], list[dict[str, Health]]]:
    """The readings of so many rounds, and how every meter was after each."""
    health: list[dict[str, Health]] = []
    readings: list[Reading] = []

    async def next_round(_seconds: float) -> None:
        health.append(dict(source.health))
        if len(health) == rounds:
            raise Enough
        line.asked.append([])
        await asyncio.sleep(0)

    source = ModbusSource(line, meters, period_s=1, now=clock, sleep=next_round, seed=3, failed=failed)

    async def main() -> None:
        async with aclosing(source.readings()) as stream:
            async for reading in stream:
                readings.append(reading)

    with pytest.raises(Enough):
        asyncio.run(main())
    return readings, health


def units(*numbers: int) -> list[ModbusMeter]:
    return [ModbusMeter(f"m{unit}", unit, TWO_VALUES) for unit in numbers]


def test_a_dead_unit_is_asked_after_its_neighbours_and_more_and_more_seldom() -> None:
    line = Line(lambda unit, _: unit == 1)
    readings, _ = polled(line, units(1, 2, 3))
    assert [unit for unit, _ in line.asked[0]] == [1, 2, 3]
    later = [[unit for unit, _ in asked] for asked in line.asked[1:]]
    assert all(asked in ([2, 3], [2, 3, 1]) for asked in later)
    tries = [index for index, asked in enumerate(later) if 1 in asked]
    pauses = [after - before for before, after in pairwise(tries)]
    assert max(pauses[:2]) < min(pauses[-5:]) and max(pauses) <= 33
    assert [r.meter for r in readings] == ["m2", "m3"] * ROUNDS


def test_of_several_dead_units_one_is_tried_a_round_and_none_is_forgotten() -> None:
    line = Line(lambda unit, _: unit < 8)
    polled(line, units(*range(1, 10)))
    tried = [[unit for unit, _ in asked if unit < 8] for asked in line.asked[1:]]
    assert max(map(len, tried)) == 1
    assert {unit for asked in tried[-200:] for unit in asked} == set(range(1, 8))
    assert all([unit for unit, _ in asked[:2]] == [8, 9] for asked in line.asked[1:])


def test_a_dead_unit_is_waited_for_until_the_next_round_and_at_times_in_full() -> None:
    line = Line(lambda unit, _: unit == 1)
    polled(line, units(1, 2))
    waited = [patience for asked in line.asked for unit, patience in asked if unit == 1]
    full = [index for index, patience in enumerate(waited) if patience is None]
    assert full == list(range(0, len(waited), FULL_PATIENCE_EVERY))
    assert all(0.1 <= patience <= 1 for patience in waited if patience is not None)
    assert {patience for asked in line.asked for unit, patience in asked if unit == 2} == {None}


def test_a_unit_that_answers_again_is_read_every_round() -> None:
    line = Line(lambda unit, rounds: unit == 1 and 10 <= rounds < 100)
    readings, health = polled(line, units(1, 2))
    assert [health[rounds]["m1"] for rounds in (5, 50, 150)] == [
        Health.READING,
        Health.FAILED,
        Health.READING,
    ]
    assert all(len(asked) == 2 for asked in line.asked[150:])
    lost = [reading for reading in readings if reading.quality is Quality.STALE]
    assert len(lost) == 1 and set(lost[0].values.values()) == {None}


def test_an_inverter_without_sun_is_asleep_and_is_asked_at_first_light() -> None:
    """Night from round 10 to round 200; the inverter is silent a little longer."""
    failures: list[str] = []
    line = Line(lambda unit, rounds: 12 <= rounds < 203)
    clock = Clock(line)
    meter = ModbusMeter("roof", 1, SOLAR, dark=lambda instant: 10 <= instant - NOW < 200)
    _, health = polled(line, [meter], 260, clock, lambda meter, error: failures.append(meter))
    states = [one["roof"] for one in health]
    assert states[:12] == [Health.READING] * 12
    assert states[12:200] == [Health.ASLEEP] * 188
    assert line.asked[200] and failures
    assert states[-1] is Health.READING
    # from first light on the pauses are short again
    assert states.index(Health.READING, 200) < 210


def test_a_grid_meter_that_is_silent_at_night_has_failed() -> None:
    failures: list[str] = []
    line = Line(lambda unit, rounds: rounds > 2)
    both = [ModbusMeter("grid", 1, TWO_VALUES, dark=lambda _: True), ModbusMeter("roof", 2, SOLAR)]
    _, health = polled(line, both, 10, failed=lambda meter, error: failures.append(meter))
    assert health[-1] == {"grid": Health.FAILED, "roof": Health.FAILED}
    assert set(failures) == {"grid", "roof"}


def test_a_meter_not_asked_yet_is_new() -> None:
    source = ModbusSource(Line(lambda *_: False), units(1), period_s=1, now=now, sleep=no_wait, seed=1)
    assert source.health == {"m1": Health.NEW}


def test_rounds_that_were_held_up_do_not_move_those_that_follow() -> None:
    """Nothing sleeps here, so that each round has a period more to wait for than the one before."""
    pauses: list[float] = []

    async def no_sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 20:
            raise Enough
        await asyncio.sleep(0)

    period_s = 10_000.0
    source = ModbusSource(
        Line(lambda *_: False), units(1), period_s=period_s, now=now, sleep=no_sleep, seed=1
    )

    async def main() -> None:
        async with aclosing(source.readings()) as stream:
            async for _ in stream:
                pass

    with pytest.raises(Enough):
        asyncio.run(main())
    grid = [pause - index * period_s for index, pause in enumerate(pauses)]
    assert max(grid) - min(grid) <= 0.2 * period_s


def test_a_round_that_takes_too_long_leaves_the_later_ones_at_their_own_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock of the test's own. Connections held up together, by a busy machine say, must not stay so."""
    times: list[float] = []
    period_s, clock = 10.0, [0.0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds
        times.append(clock[0])
        if len(times) == 3:
            clock[0] += 2.6 * period_s
        if len(times) == 9:
            raise Enough
        await asyncio.sleep(0)

    async def main() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock[0])
        source = ModbusSource(
            Line(lambda *_: True), units(1), period_s=period_s, now=now, sleep=sleep, seed=1
        )
        async with aclosing(source.readings()) as stream:
            async for _ in stream:
                pass

    with pytest.raises(Enough):
        asyncio.run(main())
    apart = [(time - times[0]) / period_s for time in times]
    assert [round(one) for one in apart] == [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert all(abs(one - round(one)) <= 0.2 for one in apart)


class Clock:
    """A millisecond a round."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __call__(self) -> int:
        return NOW + len(self._line.asked) - 1


COUNTER = profile.parse(
    'name = "c"\nvendor = "c"\nmodel = "c"\nrole = "grid"\n'
    '[[register]]\nvalue = "import_wh"\naddress = 0\ntype = "uint16"\n',
    "c.toml",
)


@pytest.mark.parametrize("step_s", [-7200, -30, 0, 30, 7200])
def test_a_clock_that_steps_neither_makes_energy_nor_loses_any(step_s: int) -> None:
    """One Wh a round of ten seconds; the clock is set in the middle. Intervals add up to the counter."""
    line = Line(lambda *_: False)

    def clock() -> int:
        rounds = len(line.asked)
        return NOW + 10_000 * rounds + (1000 * step_s if rounds > 1000 else 0)

    readings, _ = polled(line, [ModbusMeter("m", 1, COUNTER)], 3000, clock)
    history = MeterHistory("m")
    for reading in readings:
        history.append(reading)
    points = history.points["import_wh"]
    assert points[-1].total - points[0].total == 3000 - 1
