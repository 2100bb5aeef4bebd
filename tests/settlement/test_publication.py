"""Publications: every value at its time, gaps left open, fields in the order of the schema."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.border_flows import DAY, GB, MARKET, NL, QUARTER, START
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.settlement.market_document import LONGEST_ID
from tradelane.settlement.publication import (
    FLOWS,
    NAMESPACE,
    PRICES,
    Kind,
    Publication,
    Series,
    document,
    runs,
)

N = {"n": NAMESPACE}
HEAD = [
    "mRID",
    "revisionNumber",
    "type",
    "sender_MarketParticipant.mRID",
    "sender_MarketParticipant.marketRole.type",
    "createdDateTime",
    "period.timeInterval",
]


def made(kind: Kind, *series: Series) -> ElementTree.Element:
    return ElementTree.fromstring(document(Publication("p" * 40, kind, MARKET, DAY, START + 1_234, series)))


def read(series: ElementTree.Element, value: str) -> dict[Interval, str]:
    """Values by interval, as a reader takes them: by position from the beginning of each period."""
    found = {}
    for period in series.findall("n:Period", N):
        start, end = (
            instant(period.findtext(f"n:timeInterval/n:{name}", "", N)) for name in ("start", "end")
        )
        length = int(period.findtext("n:resolution", "", N).removeprefix("PT").removesuffix("M")) * MINUTE
        points = period.findall("n:Point", N)
        assert start + len(points) * length == end
        for k, point in enumerate(points):
            assert point.findtext("n:position", "", N) == str(k + 1)
            at = start + k * length
            found[Interval(at, at + length)] = point.findtext(f"n:{value}", "", N)
    return found


def names(element: ElementTree.Element) -> list[str]:
    return [child.tag.partition("}")[2] for child in element]


VALUES = st.dictionaries(st.integers(0, 95), st.integers(-500_000, 4_000_000).map(lambda n: str(n / 1000)))


@given(VALUES, st.integers(0, 95))
def test_a_document_says_every_value_at_its_time_and_no_other(values: dict[int, str], longer: int) -> None:
    by_interval = {Interval(START, START + QUARTER).shifted(k): value for k, value in values.items()}
    end = DAY.end + longer * QUARTER
    by_interval[Interval(end, end + 60 * MINUTE)] = "1"  # from then on the market cuts time into hours
    series = Series("NL", NL, NL, by_interval, "EUR")
    root = made(PRICES, series)
    (found,) = root.findall("n:TimeSeries", N)
    assert read(found, "price.amount") == by_interval
    parted = list(runs(by_interval))
    assert [one for run in parted for one in run] == sorted(by_interval)
    assert len(found.findall("n:Period", N)) == len(parted)


def test_fields_stand_in_the_order_of_the_schema() -> None:
    hour = {Interval(START, START + QUARTER): "0.006"}
    root = made(FLOWS, Series("NL>GB", GB, NL, hour))
    assert names(root) == [*HEAD, "TimeSeries"]
    assert len(root.findtext("n:mRID", "", N)) == LONGEST_ID
    assert root.findtext("n:createdDateTime", "", N) == "2026-06-21T00:00:01Z"
    assert names(root[-1]) == [
        "mRID",
        "businessType",
        "in_Domain.mRID",
        "out_Domain.mRID",
        "contract_MarketAgreement.type",
        "quantity_Measure_Unit.name",
        "curveType",
        "Period",
    ]
    assert [root[-1][k].text for k in (2, 3)] == [GB, NL]
    priced = made(PRICES, Series("NL", NL, NL, hour, "EUR"))[-1]
    assert names(priced) == [
        "mRID",
        "auction.type",
        "businessType",
        "in_Domain.mRID",
        "out_Domain.mRID",
        "contract_MarketAgreement.type",
        "currency_Unit.name",
        "price_Measure_Unit.name",
        "curveType",
        "Period",
    ]
    assert names(made(PRICES)) == HEAD
