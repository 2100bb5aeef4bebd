"""Whether a meter's power is in the unit it should be: volts times amperes against watts. Pure.

Firmware has been seen to change a scale by 10 to 1000 from one day to the next, and counters change with it.
Always true: power that ``confirm`` readings in a row contradict is ``off`` until as many in a row agree; a
reading that cannot tell (no voltage, no current, hardly any load) changes nothing.

Known limits: without a power factor, a tenth of the true power cannot be told from a load that is nearly all
reactive; it is taken for a wrong scale from 1 kVA on. Of a three-phase meter that tells only the sum of its
power, a scale too small is not seen: phases that flow both ways look the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tradelane.meter.reading import Value

PHASES = ("l1", "l2", "l3")
TELLING_VA = 200.0
"""Below this much apparent power nothing is concluded: small loads are mostly reactive."""
REACTIVE_VA = 1000.0
MOST, LEAST = 3.0, 0.15
"""Power over apparent power (times the power factor, where known) outside of which the scale is off."""
CONFIRM = 3


@dataclass(frozen=True, slots=True)
class Scale:
    """``off``: the power is not believed. ``count`` readings in a row have spoken against what holds."""

    off: bool = False
    count: int = 0


def watch(scale: Scale, values: Mapping[str, Value], confirm: int = CONFIRM) -> Scale:
    """The scale after one more reading."""
    agrees = agreement(values)
    if agrees is None:
        return scale
    if agrees is not scale.off:
        return Scale(scale.off)
    return Scale(not scale.off) if scale.count + 1 >= confirm else Scale(scale.off, scale.count + 1)


def agreement(values: Mapping[str, Value]) -> bool | None:
    """Whether power fits voltage and current; None where it cannot be said."""
    shown = [va for phase in PHASES if (va := _apparent(values, phase)) is not None]
    power, whole = values.get("power_w"), len(shown) in (1, len(PHASES))
    if power is not None and whole and abs(power) > MOST * max(sum(shown), TELLING_VA):
        return False
    verdicts = [verdict for pair in _single(values, shown) if (verdict := _fits(*pair)) is not None]
    return all(verdicts) if verdicts else None


def _apparent(values: Mapping[str, Value], phase: str) -> float | None:
    volts, amperes = values.get(f"voltage_{phase}_v"), values.get(f"current_{phase}_a")
    return None if volts is None or amperes is None else abs(volts * amperes)


def _single(values: Mapping[str, Value], shown: Sequence[float]) -> Iterator[tuple[float, float, Value]]:
    """Power, apparent power and power factor where only one phase is in them: on a sum of phases that flow
    both ways little power may be much current."""
    power = values.get("power_w")
    if power is not None and len(shown) == 1:
        yield abs(power), shown[0], values.get("power_factor")
    for phase in PHASES:
        of_phase, apparent = values.get(f"power_{phase}_w"), _apparent(values, phase)
        if of_phase is not None and apparent is not None:
            yield abs(of_phase), apparent, None


def _fits(power: float, apparent: float, factor: Value) -> bool | None:
    if power > MOST * max(apparent, TELLING_VA):
        return False
    if apparent < TELLING_VA:
        return None
    ratio = power / apparent
    if factor is not None:
        return ratio > LEAST * abs(factor)
    return ratio > LEAST if apparent >= REACTIVE_VA or ratio > LEAST else None
