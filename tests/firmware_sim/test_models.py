from __future__ import annotations

import json
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from firmware_sim.models import encode, points, scale_for

MODELS = (1, 103, 203)


def published(model: int) -> list[dict[str, Any]]:
    text = files("sunspec2").joinpath(f"models/json/model_{model}.json").read_text()
    found: list[dict[str, Any]] = json.loads(text)["group"]["points"]
    return found


@pytest.mark.parametrize("model", MODELS)
def test_tables_are_the_published_ones(model: int) -> None:
    """Name, type, size and scale factor of every point, against the definitions pysunspec2 carries."""
    offset, expected = 2, []
    for point in published(model)[2:]:
        kind = f"string{point['size']}" if point["type"] == "string" else point["type"]
        expected.append((offset, point["name"], kind, str(point.get("sf", ""))))
        offset += point["size"]
    assert [(p.offset, p.name, p.kind, p.scale) for p in points(model)] == expected


@pytest.mark.parametrize("model", MODELS)
def test_registers_follow_one_another(model: int) -> None:
    table = points(model)
    assert table[0].offset == 2
    assert all(point.offset + point.size == after.offset for point, after in pairwise(table))
    registers = encode(model, {})
    assert registers[:2] == [model, len(registers) - 2]
    assert len(registers) == table[-1].offset + table[-1].size


def test_points_without_a_value_hold_their_mark() -> None:
    registers = encode(203, {})
    marks = {point.name: registers[point.offset : point.offset + point.size] for point in points(203)}
    assert marks["W"] == [0x8000]
    assert marks["W_SF"] == [0x8000]
    assert marks["TotWhExp"] == [0, 0]
    assert marks["Evt"] == [0xFFFF, 0xFFFF]
    assert encode(103, {})[38] == 0xFFFF


def test_values_are_rounded_to_their_scale() -> None:
    registers = encode(203, {"W": -1234.6, "W_SF": 0, "PhV": 230.26, "V_SF": -1, "Hz": 49.987, "Hz_SF": -2})
    assert registers[18] == 0x10000 - 1235
    assert registers[7] == 2303
    assert registers[15] == 0xFFFF
    assert registers[16] == 4999


def test_counters_wrap_at_32_bits() -> None:
    assert encode(103, {"WH": 2**32 + 0x10002, "WH_SF": 0})[24:26] == [1, 2]


def test_a_coarser_scale_where_a_value_would_not_fit() -> None:
    assert scale_for(12_000, 0) == 0
    assert scale_for(40_000, 0) == 1
    assert scale_for(4_000_000, 0) == 3
    assert scale_for(300, -2) == -2
    assert scale_for(400, -2) == -1
