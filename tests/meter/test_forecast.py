"""The forecast on simulated days, against plain persistence."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.units import MINUTE, Interval, instant
from tradelane.meter.forecast import Forecast, forecast, quantiles
from tradelane.meter.forecast_score import Case, Score, pinball, score
from tradelane.meter.metering import Metered, MeteredInterval
from tradelane.meter.sun import sun_elevation

QUARTER = 15 * MINUTE
DAY = instant("2026-06-21T00:00Z")
elevation = partial(sun_elevation, 45.44, 12.33)


def interval(index: int) -> Interval:
    return Interval(DAY + index * QUARTER, DAY + (index + 1) * QUARTER)


def day(cloud: Callable[[int], float], draw: Callable[[int], int], days: int = 1) -> list[MeteredInterval]:
    """A 6 kWp roof facing south by a model of its own: air mass and the panels' tilt, not the bare sine."""
    metered = []
    for index in range(96 * days):
        height = math.sin(math.radians(max(elevation(interval(index).start + QUARTER // 2), 0)))
        clear = 1500 * height * 0.7 ** (0.6 / max(height, 0.02)) * 1.15 if height > 0 else 0
        made, used = round(clear * cloud(index)), draw(index)
        metered.append(
            MeteredInterval(
                "m", interval(index), max(used - made, 0), max(made - used, 0), made, Metered.MEASURED
            )
        )
    return metered


def persistence(known: Sequence[MeteredInterval], _interval: Interval) -> int:
    return known[-1].export_wh or 0


def absolute_error(metered: list[MeteredInterval], predict: Callable[..., int], lead: int) -> int:
    """Summed over a day, each interval predicted from what was known ``lead`` intervals before."""
    total = 0
    for index in range(8, len(metered)):
        known = metered[: index - lead + 1]
        total += abs(predict(known, metered[index].interval) - (metered[index].export_wh or 0))
    return total


def expected(known: Sequence[MeteredInterval], target: Interval) -> int:
    return forecast(known, target, elevation).expected_wh


def test_on_a_clear_day_it_errs_much_less_than_persistence() -> None:
    metered = day(lambda _: 1.0, lambda _: 90)
    for lead in (1, 2, 4):
        assert 2 * absolute_error(metered, expected, lead) < absolute_error(metered, persistence, lead)


def test_without_a_production_counter_it_still_errs_less_than_persistence() -> None:
    bare = [
        MeteredInterval("m", one.interval, one.import_wh, one.export_wh, None, one.quality)
        for one in day(lambda _: 1.0, lambda _: 90)
    ]
    assert absolute_error(bare, expected, 2) < absolute_error(bare, persistence, 2)


def test_the_low_value_holds_in_most_cases() -> None:
    chance = random.Random(5)
    sky = [0.4 + 0.6 * chance.random() for _ in range(192)]
    metered = day(lambda index: sky[index], lambda _: 60 + chance.randrange(120), days=2)
    held = total = 0
    for index in range(96, 192):
        guess = forecast(metered[: index - 1], metered[index].interval, elevation)
        if guess.expected_wh > 0:
            total += 1
            held += guess.low_wh <= (metered[index].export_wh or 0)
    assert total > 30
    assert held >= 0.8 * total


def test_nothing_known_and_the_night_leave_nothing_to_spare() -> None:
    assert forecast([], interval(40), elevation) == Forecast(interval(40), 0, 0)
    metered = day(lambda _: 1.0, lambda _: 90)
    assert forecast(metered[:94], interval(94), elevation) == Forecast(interval(94), 0, 0)


def test_one_interval_alone_has_no_record_of_errors_and_promises_nothing() -> None:
    metered = day(lambda _: 1.0, lambda _: 90)
    guess = forecast(metered[47:48], interval(48), elevation)
    assert guess.expected_wh > 800
    assert guess.low_wh == 0


def test_unknown_exports_are_passed_over() -> None:
    metered = day(lambda _: 1.0, lambda _: 90)[:48]
    hole = MeteredInterval("m", interval(48), None, None, 12, Metered.ESTIMATED)
    assert expected([*metered, hole], interval(49)) == expected(metered, interval(49))


amounts = st.one_of(st.none(), st.integers(0, 20_000))


@given(st.lists(st.tuples(amounts, amounts, amounts), max_size=30), st.integers(0, 95), st.integers(1, 8))
def test_it_is_never_negative_and_the_low_value_never_above_the_expected(
    energies: list[tuple[int | None, int | None, int | None]], first: int, lead: int
) -> None:
    metered = [
        MeteredInterval("m", interval(first + index), drawn, sent, made, Metered.MEASURED)
        for index, (drawn, sent, made) in enumerate(energies)
    ]
    guess = forecast(metered, interval(first + len(energies) - 1 + lead), elevation)
    assert 0 <= guess.low_wh <= guess.expected_wh


def test_the_sun_stands_where_the_almanac_says() -> None:
    noon = instant("2026-06-21T11:12:30Z")  # the sun's highest at 12.33° east
    assert abs(elevation(noon) - (90 - 45.44 + 23.44)) < 0.1
    assert elevation(instant("2026-06-21T00:00Z")) < 0
    assert abs(sun_elevation(0.0, 0.0, instant("2026-03-20T12:07:30Z")) - 90) < 0.5


def test_it_says_on_how_many_past_forecasts_the_low_value_rests() -> None:
    metered = day(lambda _: 1.0, lambda _: 90)[40:]
    cases = [forecast(metered[:count], interval(40 + count + 1), elevation).cases for count in range(9)]
    assert cases == [0, 0, 0, 0, 0, 0, 1, 2, 3]  # the first needs four intervals, two before its own


SHARES = (0.1, 0.3, 0.5)


def cloudy(seed: int, days: int) -> list[MeteredInterval]:
    """Clouds that come and go over an hour or so, and a household of kettles."""
    chance, sky, clear = random.Random(seed), list[float](), 0.7
    for _ in range(96 * days):
        clear = min(1.0, max(0.15, clear + chance.uniform(-0.12, 0.12)))
        sky.append(clear)
    return day(lambda index: sky[index], lambda _: 60 + chance.randrange(120), days)


def own_errors(known: Sequence[MeteredInterval], lead: int, share: float) -> int:
    """Persistence with the quantile of its own record: as good as it can be made."""
    exports = [one.export_wh or 0 for one in known]
    errors = sorted(later - before for before, later in zip(exports, exports[lead:], strict=False))
    return max(exports[-1] + errors[int(share * (len(errors) - 1))], 0)


@pytest.mark.parametrize(("seed", "lead"), [(1, 2), (2, 3), (3, 4)])
def test_its_quantiles_lose_less_than_persistence_on_cloudy_days(seed: int, lead: int) -> None:
    """At a gate the newest interval that is closed lies two before the one that is offered."""
    metered = cloudy(seed, 3)
    ours, naive, best = ([0.0] * 3 for _ in range(3))
    for index in range(192, 288, 3):
        known, came = metered[: index - lead + 1], metered[index].export_wh or 0
        for k, low in enumerate(quantiles(known, metered[index].interval, elevation, SHARES)):
            ours[k] += pinball(low, came, SHARES[k])
            naive[k] += pinball(persistence(known, metered[index].interval), came, SHARES[k])
            best[k] += pinball(own_errors(known, lead, SHARES[k]), came, SHARES[k])
    assert all(one < other for one, other in zip(ours, naive, strict=True))
    assert all(one < other for one, other in zip(ours, best, strict=True))


def test_quantiles_rise_with_their_shares_and_need_a_record() -> None:
    metered = cloudy(4, 2)[:144]
    found = quantiles(metered, interval(145), elevation, SHARES)
    assert found == sorted(found) and found[0] < found[2]
    assert found[0] == forecast(metered, interval(145), elevation, 0.1).low_wh
    assert quantiles([], interval(145), elevation, SHARES) == []


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=30), st.sampled_from([0.1, 0.5, 0.9]))
def test_pinball_is_least_at_the_quantile(came: list[int], share: float) -> None:
    loss = {
        low: sum(pinball(low, one, share) for one in came) for low in [*came, min(came) - 1, max(came) + 1]
    }
    least = min(loss, key=lambda low: loss[low])
    assert sum(one < least for one in came) <= share * len(came) + 1e-9
    assert sum(one <= least for one in came) >= share * len(came) - 1e-9


def test_a_record_is_summed_up() -> None:
    cases = [Case(100, 80, 0.25, 90), Case(100, 80, 0.25, 150), Case(100, 80, 0.25, 40)]
    assert score(cases) == Score(cases=3, error_wh=40, bias_wh=-7, held=2, pinball_wh=17)
    assert score([]) is None
