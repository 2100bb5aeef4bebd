"""``[zone.alarms]`` of a configuration: from when on something is an alarm at the operator's desk."""

from __future__ import annotations

from pydantic import Field

from tradelane.gateway.section_types import Section


class AlarmLimits(Section):
    """A lane that carried all it could for ``lane_full_minutes``; a member whose meter has stated nothing for
    ``meter_silent_minutes``; an interval in which more than ``imbalance_ppm`` of what was sold was not
    delivered; power not settled ``overdue_minutes`` after its delivery; a clock off by
    ``clock_skew_seconds``."""

    lane_full_minutes: int = Field(default=60, ge=1)
    meter_silent_minutes: int = Field(default=60, ge=1)
    imbalance_ppm: int = Field(default=200_000, ge=0, le=1_000_000)
    overdue_minutes: int = Field(default=180, ge=1)
    clock_skew_seconds: int = Field(default=5, ge=1)
