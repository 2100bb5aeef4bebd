"""Volts times amperes against watts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.counters import RULES, closed, reading, totals
from tradelane.market.units import MINUTE
from tradelane.meter.history import MeterHistory
from tradelane.meter.reading import Value
from tradelane.meter.scale import Scale, agreement, watch


def single(power: float, amperes: float, factor: float | None = None) -> dict[str, Value]:
    return {"power_w": power, "voltage_l1_v": 230.0, "current_l1_a": amperes, "power_factor": factor}


SEVERAL: dict[str, tuple[Mapping[str, Value], bool | None]] = {
    "a flow both ways over the phases": (
        {f"{what}_l{k}_{unit}": value for k in (1, 2, 3)
         for what, unit, value in (("voltage", "v", 230), ("current", "a", 8))} | {"power_w": 40},
        None,
    ),
    "watts as kilowatts, three phases": (
        {f"{what}_l{k}_{unit}": value for k in (1, 2, 3)
         for what, unit, value in (("voltage", "v", 230), ("current", "a", 8), ("power", "w", 1.8))},
        False,
    ),
    "a sum ten times too large": (
        {f"{what}_l{k}_{unit}": value for k in (1, 2, 3)
         for what, unit, value in (("voltage", "v", 230), ("current", "a", 2))} | {"power_w": 13_800},
        False,
    ),
    "one phase of three shown": ({"power_w": 9_000, "voltage_l1_v": 230, "current_l1_a": None}, None),
    "nothing": ({}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", SEVERAL)
def test_where_it_can_be_said(case: str) -> None:
    values, expected = SEVERAL[case]
    assert agreement(values) is expected


@given(st.floats(5, 60), st.floats(0.35, 1.0), st.sampled_from([10, 100, 1000]), st.booleans())
def test_a_scale_ten_to_a_thousand_times_off_is_seen_either_way(
    amperes: float, factor: float, times: int, known: bool
) -> None:
    true = 230 * amperes * factor
    shown = factor if known else None
    assert agreement(single(true, amperes, shown)) is True
    assert agreement(single(-true * times, amperes, shown)) is False
    assert agreement(single(true / times, amperes, shown)) is False


def test_small_and_reactive_loads_tell_nothing_or_are_believed() -> None:
    assert agreement(single(2, 0.5)) is None
    assert agreement(single(20, 3)) is None, "690 VA of nearly no power: motors and supplies are like that"
    assert agreement(single(20, 8, 0.01)) is True


def test_it_takes_three_readings_in_a_row_either_way() -> None:
    scale, seen = Scale(), []
    for power in (920, 9_200, 9_200, 920, 9_200, 9_200, 9_200, 920, 920, 9_200, 920, 920, 920):
        scale = watch(scale, single(power, 4))
        seen.append(scale.off)
    assert seen == [False] * 6 + [True] * 6 + [False]


def test_counters_are_not_trusted_until_the_power_agrees_again_and_nothing_is_lost() -> None:
    """New firmware multiplies everything by ten at minute 5; the next one mends it at minute 40."""
    history, told = MeterHistory("m", RULES), []
    for k in range(62):
        off = 10 if 5 <= k < 40 else 1
        values = single(-1_200 * off, 5.22 + k % 2 / 100)
        told += history.append(reading(k * MINUTE, export_wh=(90_000 + 20 * k) * off, shown=values))
    assert [(one.what, one.seen) for one in told if one.what == "scale"] == [
        ("scale", "off"),
        ("scale", "agrees again"),
    ]
    assert totals(history)[-1] == 20 * 61
    assert [closed(history, k).export_wh for k in range(4)] == [300] * 4
    assert all(point.sure for point in history.points["export_wh"])
