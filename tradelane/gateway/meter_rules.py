"""What is plausible of each meter's counters: from its profile, and from what its owner says."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from tradelane.gateway.sections import EdgeSection, Meter
from tradelane.meter.counter import Rules
from tradelane.meter.derived import Sum
from tradelane.meter.history import UNCOUNTED
from tradelane.meter.reading import COUNTERS

if TYPE_CHECKING:
    from tradelane.meter.profile import Profile
    from tradelane.meter.registers import Register, Section


def rules_of(section: EdgeSection) -> dict[str, dict[str, Rules]]:
    """Rules by meter and counter, under "" for counters of which nothing more is known.

    Raises UnknownProfile or BadProfile.
    """
    return {meter.name: _rules(meter, section.profiles) for meter in section.meters}


def _rules(meter: Meter, folder: Path | None) -> dict[str, Rules]:
    rule = Rules(resolution_wh=meter.resolution_wh)
    if meter.rated_kw is not None:
        rule = replace(rule, max_power_w=int(meter.rated_kw * 1000))
    if meter.transport != "modbus" or not meter.profile:
        return {"": rule}
    from tradelane.meter import profile

    return {"": rule, **of_profile(profile.load(meter.profile, folder), rule)}


def of_profile(profile: Profile, rule: Rules) -> dict[str, Rules]:
    """``rule`` for each counter of a device, with its resolution and where it starts again from 0.

    A battery's own counters are left out: they stand beside the grid's of the same name and are not counted.
    """
    found = {}
    for section in profile.sections:
        if section.role in UNCOUNTED:
            continue
        for value, step in _steps(section).items():
            found[value] = replace(
                rule,
                resolution_wh=max(rule.resolution_wh, step),
                wraps_at=profile.wraps_at(section.role, value),
            )
    return found


def _steps(section: Section) -> dict[str, int]:
    """The smallest step of each counter, in Wh: of a sum as much as its parts' steps together."""
    steps = {register.value: _step(register) for register in section.registers}
    for one in section.derived:
        together = sum if isinstance(one, Sum) else max
        steps[one.value] = together(steps[part] for part in one.parts)
    return {value: steps[value] for value in COUNTERS if value in steps}


def _step(register: Register) -> int:
    if register.sf is not None or "float" in register.type:
        return 1
    return ceil(abs(register.scale))
