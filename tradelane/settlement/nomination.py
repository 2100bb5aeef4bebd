"""What an operator is told of the power that crosses its zone's borders: the schedules of a day, as a
Schedule_MarketDocument of IEC 62325-451-2. Pure.

Energy is whole Wh an interval; the document has the mean power in MW, as a decimal that is exact. An interval
nothing was said about is zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from tradelane.market.units import MINUTE, Interval, iso
from tradelane.settlement.market_document import (
    ACTIVE_POWER,
    EIC_SCHEME,
    FIXED_BLOCKS,
    HOUR,
    INTRADAY,
    MARKET_OPERATOR,
    MEGAWATT,
    add,
    add_interval,
    megawatts,
    second,
    short,
    written,
)
from tradelane.settlement.refusal import Refusals

NAMESPACE = "urn:iec62325.351:tc57wg16:451-2:scheduledocument:5:1"
MOST_REVISIONS = 999
LONGEST_DAY = 25 * HOUR
"""The day on which summer time ends."""
BALANCE_SCHEDULE, TOTAL_INTRADAY, DETAIL = "A01", "A18", "A01"
SYSTEM_OPERATOR, EXTERNAL_TRADE, OF_AREAS = "A04", "A06", "A01"


class Refusal(Refusals):
    """Why a nomination, or an answer to one, is not taken."""

    DIFFERS = ("nomination-differs", "nomination", "another day, sender, receiver or resolution has this id")
    NOT_EXACT = ("not-exact", "resolution_minutes", "power over this resolution has no finite decimal")
    WRONG_PERIOD = ("wrong-period", "end", "a day is a whole number of intervals, at most 25 hours")
    OFF_GRID = ("wrong-interval", "series", "an interval is not one of the day's, or said twice")
    WRONG_DOMAIN = ("wrong-domain", "series", "each schedule crosses the nomination's own border, once")
    MOST = ("too-many-revisions", "nomination", f"a nomination has at most {MOST_REVISIONS} revisions")
    NO_REVISION = ("unknown-revision", "revision", "the nomination has no such revision")
    ANSWERED = ("already-acknowledged", "revision", "this revision was answered otherwise")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is sold over a lane in one direction: Wh by the start (ms) of its interval. Domains are EICs."""

    lane: str
    in_domain: str
    out_domain: str
    wh: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Nomination:
    """All schedules over the borders of ``domain`` in a day, in steps of ``resolution`` ms. Parties are EICs:
    the market's operator sends, the zone's receives. ``created`` is Unix ms."""

    id: str
    revision: int
    sender: str
    receiver: str
    domain: str
    day: Interval
    resolution: int
    created: int
    schedules: Sequence[Schedule]


def nomination_id(sender: str, domain: str, day: Interval) -> str:
    """One id for each sender, domain and day: 35 characters."""
    own = hashlib.sha256(sender.encode()).hexdigest()[:9]
    return f"{domain}-{iso(day.start)[:10].replace('-', '')}-{own}"


def refusal_of(day: Interval, resolution: int, domain: str, schedules: Sequence[Schedule]) -> Refusal | None:
    """Why these schedules make no nomination."""
    length = day.end - day.start
    if length > LONGEST_DAY or length % resolution:
        return Refusal.WRONG_PERIOD
    try:
        megawatts(1, resolution)
    except ValueError:
        return Refusal.NOT_EXACT
    if len({one.lane for one in schedules}) < len(schedules):
        return Refusal.WRONG_DOMAIN
    for one in schedules:
        if one.in_domain == one.out_domain or domain not in (one.in_domain, one.out_domain):
            return Refusal.WRONG_DOMAIN
        if any(start not in day or (start - day.start) % resolution for start in one.wh):
            return Refusal.OFF_GRID
    return None


def document(of: Nomination) -> bytes:
    """The nomination as XML."""
    root = ElementTree.Element("Schedule_MarketDocument", {"xmlns": NAMESPACE})
    add(root, "mRID", of.id)
    add(root, "revisionNumber", str(of.revision))
    add(root, "type", BALANCE_SCHEDULE)
    add(root, "process.processType", TOTAL_INTRADAY)
    add(root, "process.classificationType", DETAIL)
    add(root, "sender_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    add(root, "sender_MarketParticipant.marketRole.type", MARKET_OPERATOR)
    add(root, "receiver_MarketParticipant.mRID", of.receiver, EIC_SCHEME)
    add(root, "receiver_MarketParticipant.marketRole.type", SYSTEM_OPERATOR)
    add(root, "createdDateTime", second(of.created))
    add_interval(root, "schedule_Time_Period.timeInterval", of.day)
    add(root, "domain.mRID", of.domain, EIC_SCHEME)
    add(root, "subject_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    add(root, "subject_MarketParticipant.marketRole.type", MARKET_OPERATOR)
    for schedule in of.schedules:
        _add_schedule(root, of, schedule)
    return written(root)


def _add_schedule(root: ElementTree.Element, of: Nomination, schedule: Schedule) -> None:
    series = add(root, "TimeSeries")
    add(series, "mRID", short(schedule.lane))
    add(series, "version", str(of.revision))
    add(series, "businessType", EXTERNAL_TRADE)
    add(series, "product", ACTIVE_POWER)
    add(series, "objectAggregation", OF_AREAS)
    add(series, "in_Domain.mRID", schedule.in_domain, EIC_SCHEME)
    add(series, "out_Domain.mRID", schedule.out_domain, EIC_SCHEME)
    add(series, "in_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    add(series, "out_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    add(series, "marketAgreement.type", INTRADAY)
    add(series, "measurement_Unit.name", MEGAWATT)
    add(series, "curveType", FIXED_BLOCKS)
    period = add(series, "Period")
    add_interval(period, "timeInterval", of.day)
    add(period, "resolution", f"PT{of.resolution // MINUTE}M")
    for position, start in enumerate(range(of.day.start, of.day.end, of.resolution), 1):
        point = add(period, "Point")
        add(point, "position", str(position))
        add(point, "quantity", megawatts(schedule.wh.get(start, 0), of.resolution))
