"""A day of the simulator's meter with most of its faults, read over a real socket: to the watt-hour at its
end, and no quarter is wrong that does not say so. The clock is stepped, so it takes seconds."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from firmware_sim.clock import instant_of
from firmware_sim.device import Device as Simulated
from firmware_sim.faults import Fault, Kind
from firmware_sim.rooftop import Rooftop, Spec
from firmware_sim.street import DEFAULT_PLACES
from tests.meter.counters import QUARTER, RULES
from tradelane.market.units import MINUTE, Interval
from tradelane.meter.device import Device
from tradelane.meter.history import MeterHistory
from tradelane.meter.metering import Metered, MeteredInterval, close_interval
from tradelane.meter.modbus_line import ModbusLine
from tradelane.meter.modbus_url import TcpAddress
from tradelane.meter.reading import MeterError, Role

START = instant_of("2026-06-21T00:00Z")
SPEC = Spec("roof", "modbus", DEFAULT_PLACES[0], 6.0, 42)
DAY, POLL = 96, MINUTE
TIMEOUT_S = 0.2
"""Less than a late answer is late."""
FAULTS = {
    Kind.SILENCE: (7 * 60 + 28, 6),
    Kind.LATE: (8 * 60 + 13, 4),
    Kind.EXCEPTION2: (9 * 60 + 5, 20),
    Kind.HOLE: (10 * 60 + 5, 20),
    Kind.WRONG_UNIT: (10 * 60 + 40, 4),
    Kind.SENTINEL: (11 * 60 + 10, 12),
    Kind.FROZEN: (12 * 60 + 10, 40),
    Kind.DIP: (13 * 60 + 14, 2),
    Kind.STEP_BACK: (14 * 60 + 5, 45),
    Kind.FLAP: (15 * 60 + 25, 4),
}
"""Fault → minutes of the day: from, and how many."""


def rooftop() -> Rooftop:
    faults = tuple(
        Fault("roof", kind, START + first * MINUTE, START + (first + length) * MINUTE)
        for kind, (first, length) in FAULTS.items()
    )
    return Rooftop(SPEC, 1, START, faults)


async def read_for_a_day(roof: Rooftop) -> tuple[MeterHistory, set[str]]:
    """The history of a gateway that reads once a minute, and what it was told went wrong."""
    now = [START]
    simulated = Simulated(roof, lambda: now[0])
    port = await simulated.start()
    line = ModbusLine.to(TcpAddress("127.0.0.1", port), [None], TIMEOUT_S)
    device, history, failed = Device(line, "roof", SPEC.unit), MeterHistory("roof", RULES), set()
    try:
        for now[0] in range(START, START + DAY * QUARTER + 1, POLL):
            try:
                readings = await device.read(lambda: now[0])
            except MeterError as error:
                device.forget()
                failed.add(type(error).__name__)
                continue
            for reading in readings:
                if reading.role is Role.GRID:
                    history.append(reading)
    finally:
        await line.close()
        await simulated.stop()
    return history, failed


@pytest.fixture(scope="module")
def day() -> tuple[list[MeteredInterval], list[int], set[str]]:
    """The quarters as closed, what truly was sent out in each, and what went wrong."""
    roof = rooftop()
    history, failed = asyncio.run(read_for_a_day(roof))
    quarters = [Interval(START + k * QUARTER, START + (k + 1) * QUARTER) for k in range(DAY)]
    closed = [one for quarter in quarters if (one := close_interval(history, quarter)) is not None]
    truth = [roof.house.counters(START + k * QUARTER).wh()["export_wh"] for k in range(DAY + 1)]
    return closed, [after - before for before, after in pairwise(truth)], failed


def test_the_day_is_the_truth_to_the_watt_hour(
    day: tuple[list[MeteredInterval], list[int], set[str]],
) -> None:
    closed, truth, failed = day
    assert len(closed) == DAY
    assert {one.quality for one in closed} == {Metered.MEASURED, Metered.ESTIMATED}
    assert sum(one.export_wh or 0 for one in closed) == sum(truth) > 10_000
    assert failed >= {"Unreachable", "BadAnswer"}, "the faults did happen"


def test_no_quarter_is_wrong_that_does_not_say_so(
    day: tuple[list[MeteredInterval], list[int], set[str]],
) -> None:
    """A boundary without a reading of its own is drawn between its neighbours: that may cost a watt-hour."""
    closed, truth, _ = day
    off = [abs((one.export_wh or 0) - truth[k]) for k, one in enumerate(closed)]
    assert [k for k, wh in enumerate(off) if wh > 1 and closed[k].quality is not Metered.ESTIMATED] == []
    spoilt = {minute // 15 for first, length in FAULTS.values() for minute in (first, first + length)}
    wrong = {k for k, wh in enumerate(off) if wh}
    assert wrong and all({k - 1, k, k + 1} & spoilt for k in wrong)
