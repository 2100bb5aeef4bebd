"""What an operator is told of the power that crosses its zone's borders: the schedules of a day, as a
Schedule_MarketDocument of IEC 62325-451-2. Pure.

Energy is whole Wh an interval; the document has the mean power in MW, as a decimal that is exact. An interval
nothing was said about is zero.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

from tradelane.market.units import MINUTE, Interval, exact, iso
from tradelane.settlement.refusal import Refusals

NAMESPACE = "urn:iec62325.351:tc57wg16:451-2:scheduledocument:5:1"
HOUR = 60 * MINUTE
MEGA = 10**6
LONGEST_ID = 35
"""Characters of an mRID."""
MOST_REVISIONS = 999
LONGEST_DAY = 25 * HOUR
"""The day on which summer time ends."""
EIC_SCHEME = "A01"
BALANCE_SCHEDULE, TOTAL_INTRADAY, DETAIL = "A01", "A18", "A01"
MARKET_OPERATOR, SYSTEM_OPERATOR = "A11", "A04"
EXTERNAL_TRADE, ACTIVE_POWER, OF_AREAS, INTRADAY = "A06", "8716867000016", "A01", "A07"
MEGAWATT, FIXED_BLOCKS = "MAW", "A01"


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


def megawatts(wh: int, resolution: int) -> str:
    """Mean power of ``wh`` over ``resolution`` ms. ValueError when no decimal says it exactly."""
    return exact(Fraction(wh * HOUR, resolution * MEGA))


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
    _add(root, "mRID", of.id)
    _add(root, "revisionNumber", str(of.revision))
    _add(root, "type", BALANCE_SCHEDULE)
    _add(root, "process.processType", TOTAL_INTRADAY)
    _add(root, "process.classificationType", DETAIL)
    _add(root, "sender_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    _add(root, "sender_MarketParticipant.marketRole.type", MARKET_OPERATOR)
    _add(root, "receiver_MarketParticipant.mRID", of.receiver, EIC_SCHEME)
    _add(root, "receiver_MarketParticipant.marketRole.type", SYSTEM_OPERATOR)
    _add(root, "createdDateTime", _second(of.created))
    _add_interval(root, "schedule_Time_Period.timeInterval", of.day)
    _add(root, "domain.mRID", of.domain, EIC_SCHEME)
    _add(root, "subject_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    _add(root, "subject_MarketParticipant.marketRole.type", MARKET_OPERATOR)
    for schedule in of.schedules:
        _add_schedule(root, of, schedule)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _add_schedule(root: ElementTree.Element, of: Nomination, schedule: Schedule) -> None:
    series = _add(root, "TimeSeries")
    _add(series, "mRID", short(schedule.lane))
    _add(series, "version", str(of.revision))
    _add(series, "businessType", EXTERNAL_TRADE)
    _add(series, "product", ACTIVE_POWER)
    _add(series, "objectAggregation", OF_AREAS)
    _add(series, "in_Domain.mRID", schedule.in_domain, EIC_SCHEME)
    _add(series, "out_Domain.mRID", schedule.out_domain, EIC_SCHEME)
    _add(series, "in_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    _add(series, "out_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    _add(series, "marketAgreement.type", INTRADAY)
    _add(series, "measurement_Unit.name", MEGAWATT)
    _add(series, "curveType", FIXED_BLOCKS)
    period = _add(series, "Period")
    _add_interval(period, "timeInterval", of.day)
    _add(period, "resolution", f"PT{of.resolution // MINUTE}M")
    for position, start in enumerate(range(of.day.start, of.day.end, of.resolution), 1):
        point = _add(period, "Point")
        _add(point, "position", str(position))
        _add(point, "quantity", megawatts(schedule.wh.get(start, 0), of.resolution))


def short(name: str) -> str:
    """A name as an mRID: itself, or its SHA-256 where it is longer than one may be."""
    return name if len(name) <= LONGEST_ID else hashlib.sha256(name.encode()).hexdigest()[:LONGEST_ID]


def _add(parent: ElementTree.Element, name: str, text: str | None = None, scheme: str = "") -> Any:
    child = ElementTree.SubElement(parent, name, {"codingScheme": scheme} if scheme else {})
    child.text = text
    return child


def _add_interval(parent: ElementTree.Element, name: str, interval: Interval) -> None:
    place = _add(parent, name)
    _add(place, "start", iso(interval.start))
    _add(place, "end", iso(interval.end))


def _second(at: int) -> str:
    return re.sub(r"(T\d\d:\d\d)Z", r"\1:00Z", iso(at // 1000 * 1000))
