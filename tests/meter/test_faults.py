"""A simulated day under each fault of a counter: right to the watt-hour, or marked as not known. Never wrong.

The truth is a house of the tests' own, simulated.House.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.meter.counters import QUARTER, RULES, START, quarter
from tests.meter.simulated import DAY_MINUTES, House
from tradelane.market.units import MINUTE
from tradelane.meter.counter import Rules
from tradelane.meter.history import MeterHistory
from tradelane.meter.metering import Metered, MeteredInterval, close_interval
from tradelane.meter.reading import Quality, Reading, Role, Value

POLL = 30_000


Shown = tuple[int, dict[str, Value]]
"""Arrival (ms into the day) and values; ``clock`` among them is the device's."""
Fault = Callable[[House, int], Shown | None]


def well(house: House, time: int) -> Shown | None:
    flicker = time // POLL % 37 / 10
    power, volts = -float(house.power(time)), 230 + flicker
    values: dict[str, Value] = {"export_wh": house.wh(time), "power_w": power, "voltage_l1_v": volts}
    return time, values | {"current_l1_a": abs(power) / volts}


def during(*spans: tuple[int, int]) -> Callable[[Callable[[House, int], Shown | None]], Fault]:
    """The fault in spans of minutes, all well otherwise."""

    def spoil(fault: Callable[[House, int], Shown | None]) -> Fault:
        def shown(house: House, time: int) -> Shown | None:
            bad = any(start * MINUTE <= time < end * MINUTE for start, end in spans)
            return fault(house, time) if bad else well(house, time)

        return shown

    return spoil


def counter(change: Callable[[House, int], int]) -> Fault:
    def shown(house: House, time: int) -> Shown | None:
        found = well(house, time)
        assert found is not None
        return found[0], found[1] | {"export_wh": change(house, time)}

    return shown


def frozen_at(minute: int) -> Fault:
    def shown(house: House, time: int) -> Shown | None:
        found = well(house, minute * MINUTE)
        assert found is not None
        return time, found[1]

    return shown


def sentinel(_house: House, time: int) -> Shown | None:
    return time, {"export_wh": None, "power_w": None, "voltage_l1_v": 230.0}


def wrong_scale(house: House, time: int) -> Shown | None:
    found = well(house, time)
    assert found is not None
    power = found[1]["power_w"]
    assert power is not None
    return time, found[1] | {"power_w": power * 1000, "export_wh": house.wh(time) * 1000}


def stepping_clock(house: House, time: int) -> Shown | None:
    """The gateway's own clock leaps ahead at noon and stands until it is caught up with."""
    found = well(house, time)
    assert found is not None
    return max(time, min(time + 3_600_000, 780 * MINUTE)) if time >= 720 * MINUTE else time, found[1]


def held_back(house: House, time: int) -> Shown | None:
    """Readings from 660 to 700 arrive in a burst at 700; the device's clock is an hour behind."""
    found = well(house, time)
    assert found is not None
    late = 660 * MINUTE <= time < 700 * MINUTE
    arrival = 700 * MINUTE - (700 * MINUTE - time) // 10_000 if late else time
    return arrival, found[1] | {"clock": time - 3_600_000}


WRAP = 655_350 + 10
COARSE = Rules(resolution_wh=100)
EXACT, TOTAL, LESS = "exact", "total", "less"
FAULTS: dict[str, tuple[Fault, Rules, str]] = {
    "none": (well, RULES, EXACT),
    "a gap": (during((600, 604), (610, 700))(lambda _h, _t: None), RULES, TOTAL),
    "a gap of six hours": (during((500, 860))(lambda _h, _t: None), RULES, TOTAL),
    "dips to 0 and back": (
        during((605, 606), (629, 631), (700, 720))(counter(lambda _h, _t: 0)), RULES, TOTAL
    ),
    "back 0.1 kWh, again and again": (
        counter(lambda house, time: house.wh(time) // 100 * 100 - (100 if time // POLL % 3 == 0 else 0)),
        COARSE, TOTAL,
    ),
    "a spike": (during((650, 651))(counter(lambda house, time: house.wh(time) + 9_113_000)), RULES, TOTAL),
    "a true reset": (
        counter(lambda house, time: house.wh(time) - (house.wh(700 * MINUTE) if time >= 700 * MINUTE else 0)),
        RULES, LESS,
    ),
    "a rollover": (counter(lambda house, time: house.wh(time) % WRAP), replace(RULES, wraps_at=WRAP), TOTAL),
    "sentinels at reboot": (during((600, 603), (690, 715))(sentinel), RULES, TOTAL),
    "frozen": (during((600, 640), (690, 700))(frozen_at(600)), RULES, TOTAL),
    "a frozen counter, power alive": (
        during((610, 640))(counter(lambda house, _t: house.wh(610 * MINUTE))), RULES, TOTAL
    ),
    "new firmware, a thousand times": (during((605, 702))(wrong_scale), RULES, TOTAL),
    "our clock leaps and stands": (stepping_clock, RULES, TOTAL),
    "held back on the way, and a device clock an hour behind": (held_back, RULES, EXACT),
}  # fmt: skip
"""Fault → what it does, the counter's rules, and how right the day is: every interval, its sum, or less."""


def history(house: House, fault: Fault, rules: Rules) -> MeterHistory:
    found = MeterHistory("m", rules)
    shown = [
        one for time in range(0, DAY_MINUTES * MINUTE + 1, POLL) if (one := fault(house, time)) is not None
    ]
    for arrival, values in sorted(shown, key=lambda one: one[0]):
        clock = values.get("clock")
        device_time = START + int(clock) if clock is not None else None
        told = {name: value for name, value in values.items() if name != "clock"}
        found.append(Reading("m", "t", Role.GRID, START + arrival, device_time, Quality.GOOD, told))
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", FAULTS)
def test_a_day_is_right_or_says_so(name: str, seed: int) -> None:
    fault, rules, how = FAULTS[name]
    house = House.seeded(seed)
    kept = history(house, fault, rules)
    intervals = [close_interval(kept, quarter(k)) for k in range(96)]
    closed = [one for one in intervals if one is not None]
    assert len(closed) == 96
    truth = [house.wh((k + 1) * QUARTER) - house.wh(k * QUARTER) for k in range(96)]
    energy = [one.export_wh or 0 for one in closed]
    off = [k for k, one in enumerate(closed) if one.quality is Metered.MEASURED and energy[k] != truth[k]]
    step = rules.resolution_wh
    assert all(abs(energy[k] - truth[k]) < (1 if step == 1 else 2 * step) for k in off), (name, off)
    check(how, closed, energy, truth, step)


def check(how: str, closed: list[MeteredInterval], energy: list[int], truth: list[int], step: int) -> None:
    unknown = [k for k, one in enumerate(closed) if one.quality is Metered.UNKNOWN]
    if how == EXACT:
        assert energy == truth and {one.quality for one in closed} == {Metered.MEASURED}
    elif how == TOTAL:
        assert unknown == []
        assert abs(sum(energy) - sum(truth)) < (1 if step == 1 else 2 * step)
    else:
        assert len(unknown) == 1, "only the interval of the reset"
        assert [wh for k, wh in enumerate(energy) if k not in unknown] == [
            wh for k, wh in enumerate(truth) if k not in unknown
        ]
        assert truth[unknown[0]] - 60 <= energy[unknown[0]] <= truth[unknown[0]]
