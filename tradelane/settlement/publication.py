"""What anyone may know of a market, as a Publication_MarketDocument of IEC 62325-451-3: prices, scheduled
exchanges and capacities of a period. Pure.

Codes are those of ENTSO-E's transparency platform for the same data. Where an interval says nothing, or the
length of intervals changes, a series goes on in another Period: nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from tradelane.market.units import MINUTE, Interval
from tradelane.settlement.market_document import (
    EIC_SCHEME,
    FIXED_BLOCKS,
    INTRADAY,
    MARKET_OPERATOR,
    MEGAWATT,
    add,
    add_interval,
    second,
    short,
    written,
)

NAMESPACE = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
PER_MWH = "MWH"
IMPLICIT = "A01"


@dataclass(frozen=True, slots=True)
class Kind:
    """``document`` and ``business`` type; ``value`` is the element of a point that carries its number."""

    name: str
    document: str
    business: str
    value: str


PRICES = Kind("prices", "A44", "A62", "price.amount")
FLOWS = Kind("flows", "A09", "A06", "quantity")
CAPACITIES = Kind("capacities", "A61", "A27", "quantity")
KINDS = {kind.name: kind for kind in (PRICES, FLOWS, CAPACITIES)}


@dataclass(frozen=True, slots=True)
class Series:
    """Values (decimal text) of a zone, or of a lane out of one into another; domains are EICs. ``currency``
    of prices, which are per MWh; anything else is MW."""

    id: str
    in_domain: str
    out_domain: str
    values: Mapping[Interval, str]
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """``sender`` is the market's EIC; ``created`` is Unix ms."""

    id: str
    kind: Kind
    sender: str
    period: Interval
    created: int
    series: Sequence[Series]


def document(of: Publication) -> bytes:
    """The publication as XML."""
    root = ElementTree.Element("Publication_MarketDocument", {"xmlns": NAMESPACE})
    add(root, "mRID", short(of.id))
    add(root, "revisionNumber", "1")
    add(root, "type", of.kind.document)
    add(root, "sender_MarketParticipant.mRID", of.sender, EIC_SCHEME)
    add(root, "sender_MarketParticipant.marketRole.type", MARKET_OPERATOR)
    add(root, "createdDateTime", second(of.created))
    add_interval(root, "period.timeInterval", of.period)
    for series in of.series:
        _add_series(root, of.kind, series)
    return written(root)


def runs(values: Mapping[Interval, str]) -> Iterator[list[Interval]]:
    """The intervals of ``values`` by time, parted where one is missing or longer than the one before."""
    run: list[Interval] = []
    for interval in sorted(values):
        if run and interval != run[-1].shifted(1):
            yield run
            run = []
        run.append(interval)
    if run:
        yield run


def _add_series(root: ElementTree.Element, kind: Kind, of: Series) -> None:
    series = add(root, "TimeSeries")
    add(series, "mRID", short(of.id))
    if of.currency is not None:
        add(series, "auction.type", IMPLICIT)
    add(series, "businessType", kind.business)
    add(series, "in_Domain.mRID", of.in_domain, EIC_SCHEME)
    add(series, "out_Domain.mRID", of.out_domain, EIC_SCHEME)
    add(series, "contract_MarketAgreement.type", INTRADAY)
    if of.currency is None:
        add(series, "quantity_Measure_Unit.name", MEGAWATT)
    else:
        add(series, "currency_Unit.name", of.currency)
        add(series, "price_Measure_Unit.name", PER_MWH)
    add(series, "curveType", FIXED_BLOCKS)
    for run in runs(of.values):
        period = add(series, "Period")
        add_interval(period, "timeInterval", Interval(run[0].start, run[-1].end))
        add(period, "resolution", f"PT{(run[0].end - run[0].start) // MINUTE}M")
        for position, interval in enumerate(run, 1):
            point = add(period, "Point")
            add(point, "position", str(position))
            add(point, kind.value, of.values[interval])
