"""What is plausible of each meter's counters: from its profile, and from what its owner says."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from tradelane.gateway.sections import EdgeSection, Meter
from tradelane.meter.counter import Rules
from tradelane.meter.reading import COUNTERS

if TYPE_CHECKING:
    from tradelane.meter.profile import Profile


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
    """``rule`` for each counter of a device, with its resolution and where it starts again from 0."""
    found = {}
    for section in profile.sections:
        for register in section.registers:
            if register.value in COUNTERS:
                step = 1 if register.sf is not None else ceil(abs(register.scale))
                found[register.value] = replace(
                    rule,
                    resolution_wh=max(rule.resolution_wh, step if "float" not in register.type else 1),
                    wraps_at=profile.wraps_at(section.role, register.value),
                )
    return found
