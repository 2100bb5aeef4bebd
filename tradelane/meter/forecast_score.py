"""How good forecasts have been: past ones beside what was metered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One forecast that can be judged, Wh; ``share`` of cases may bring less than ``low_wh``."""

    expected_wh: int
    low_wh: int
    share: float
    metered_wh: int


@dataclass(frozen=True, slots=True)
class Score:
    """Over ``cases``: mean absolute error and mean error (above 0: more came than expected) of the expected
    value, Wh; how many times at least the low value came; the low value's pinball loss, Wh."""

    cases: int
    error_wh: int
    bias_wh: int
    held: int
    pinball_wh: int


def score(cases: Sequence[Case]) -> Score | None:
    """None where there is nothing to judge."""
    count = len(cases)
    if not count:
        return None
    errors = [case.metered_wh - case.expected_wh for case in cases]
    loss = sum(pinball(case.low_wh, case.metered_wh, case.share) for case in cases)
    return Score(
        cases=count,
        error_wh=round(sum(map(abs, errors)) / count),
        bias_wh=round(sum(errors) / count),
        held=sum(case.metered_wh >= case.low_wh for case in cases),
        pinball_wh=round(loss / count),
    )


def pinball(forecast: float, came: float, share: float) -> float:
    """The loss that the ``share`` quantile makes least (R. Koenker, G. Bassett, Econometrica 46, 1978)."""
    return share * (came - forecast) if came >= forecast else (1 - share) * (forecast - came)
