"""Schedules as documents: exact to the Wh, in the schema's order, and what makes no nomination."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.border_flows import DAY, GB, MARKET, NL, NO2, QUARTER, START, TENNET, energy, read, text
from tradelane.market.units import MINUTE, Interval
from tradelane.settlement.market_document import LONGEST_ID, megawatts, short
from tradelane.settlement.nomination import (
    Nomination,
    Refusal,
    Schedule,
    document,
    nomination_id,
    refusal_of,
)

RESOLUTIONS = st.sampled_from([5, 15, 20, 60])


def nomination(resolution: int, *schedules: Schedule, day: Interval = DAY) -> Nomination:
    return Nomination("n-1", 7, MARKET, TENNET, NL, day, resolution, START + 1_234, schedules)


@st.composite
def flows(draw: st.DrawFn, resolution: int) -> dict[int, int]:
    starts = st.integers(0, (DAY.end - DAY.start) // resolution - 1)
    sold = draw(st.dictionaries(starts, st.integers(1, 10**12), max_size=8))
    return {DAY.start + k * resolution: wh for k, wh in sold.items()}


@given(st.data(), RESOLUTIONS)
def test_a_document_says_every_wh(data: st.DataObject, minutes: int) -> None:
    resolution = minutes * MINUTE
    out, back = (data.draw(flows(resolution)) for _ in range(2))
    schedules = [Schedule("NL>GB", GB, NL, out), Schedule("GB>NL", NL, GB, back)]
    assert refusal_of(DAY, resolution, NL, schedules) is None
    assert energy(document(nomination(resolution, *schedules))) == {
        ("NL>GB", NL, GB): out,
        ("GB>NL", GB, NL): back,
    }


@given(st.integers(0, 10**15), RESOLUTIONS)
def test_power_is_exact(wh: int, minutes: int) -> None:
    assert Decimal(megawatts(wh, minutes * MINUTE)) * 10**6 * minutes == wh * 60


def test_a_document_by_hand() -> None:
    """1500 Wh in a quarter of an hour are 6 kW; fields in the order of the schema."""
    made = nomination(QUARTER, Schedule("NL>GB", GB, NL, {START + QUARTER: 1500}))
    root = read(document(made))
    names = [child.tag.partition("}")[2] for child in root]
    assert names == [
        "mRID",
        "revisionNumber",
        "type",
        "process.processType",
        "process.classificationType",
        "sender_MarketParticipant.mRID",
        "sender_MarketParticipant.marketRole.type",
        "receiver_MarketParticipant.mRID",
        "receiver_MarketParticipant.marketRole.type",
        "createdDateTime",
        "schedule_Time_Period.timeInterval",
        "domain.mRID",
        "subject_MarketParticipant.mRID",
        "subject_MarketParticipant.marketRole.type",
        "TimeSeries",
    ]
    series = root[-1]
    assert [child.tag.partition("}")[2] for child in series] == [
        "mRID",
        "version",
        "businessType",
        "product",
        "objectAggregation",
        "in_Domain.mRID",
        "out_Domain.mRID",
        "in_MarketParticipant.mRID",
        "out_MarketParticipant.mRID",
        "marketAgreement.type",
        "measurement_Unit.name",
        "curveType",
        "Period",
    ]
    assert (text(root, "revisionNumber"), text(series, "version")) == ("7", "7")
    assert text(root, "createdDateTime") == "2026-06-21T00:00:01Z"
    assert (text(series, "curveType"), text(series, "measurement_Unit.name")) == ("A01", "MAW")
    assert text(series, "Period/resolution") == "PT15M"
    quantities = [point[1].text for point in series[-1][2:]]
    assert quantities == ["0", "0.006", *["0"] * 94]
    assert root[5].get("codingScheme") == "A01" == series[5].get("codingScheme")


def test_ids_fit_and_tell_senders_zones_and_days_apart() -> None:
    later = DAY.shifted(1)
    ids = {
        nomination_id(who, zone, day) for who in (MARKET, TENNET) for zone in (NL, GB) for day in (DAY, later)
    }
    assert len(ids) == 8 and all(len(id) == LONGEST_ID for id in ids)
    assert short("NL>GB") == "NL>GB" and len(short("x" * 36)) == LONGEST_ID


@pytest.mark.parametrize(
    ("day", "minutes", "schedule", "refusal"),
    [
        (Interval(START, START + 26 * 60 * MINUTE), 15, Schedule("a", GB, NL, {}), Refusal.WRONG_PERIOD),
        (Interval(START, START + 20 * MINUTE), 15, Schedule("a", GB, NL, {}), Refusal.WRONG_PERIOD),
        (DAY, 9, Schedule("a", GB, NL, {}), Refusal.NOT_EXACT),
        (DAY, 15, Schedule("a", NL, NL, {}), Refusal.WRONG_DOMAIN),
        (DAY, 15, Schedule("a", GB, NO2, {}), Refusal.WRONG_DOMAIN),
        (DAY, 15, Schedule("a", GB, NL, {START + 1: 1}), Refusal.OFF_GRID),
        (DAY, 15, Schedule("a", GB, NL, {DAY.end: 1}), Refusal.OFF_GRID),
        (DAY, 15, Schedule("a", GB, NL, {START - QUARTER: 1}), Refusal.OFF_GRID),
    ],
)
def test_what_is_no_nomination(day: Interval, minutes: int, schedule: Schedule, refusal: Refusal) -> None:
    assert refusal_of(day, minutes * MINUTE, NL, [schedule]) is refusal
    twice = [Schedule("a", GB, NL, {}), Schedule("a", NL, GB, {})]
    assert refusal_of(DAY, QUARTER, NL, twice) is Refusal.WRONG_DOMAIN
