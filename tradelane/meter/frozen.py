"""A device that goes on answering while its values stand still. Pure.

Voltage, current and frequency never stay the same to the last digit for long. A reading that repeats the one
before in all its values, some of these among them, says nothing new: it neither counts nor closes an
interval, and the first one that differs counts for the whole time since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradelane.meter.reading import Value

LIVELY = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "frequency_hz")


@dataclass(frozen=True, slots=True)
class Sameness:
    """The values last shown, and how many readings have repeated them."""

    values: Mapping[str, Value]
    repeats: int = 0


def same_again(before: Sameness | None, values: Mapping[str, Value]) -> Sameness:
    """After one more reading of the same role."""
    if before is None or before.values != values or not any(values.get(name) for name in LIVELY):
        return Sameness(values)
    return Sameness(values, before.repeats + 1)
