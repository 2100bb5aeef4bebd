"""Reading a Schedule_MarketDocument as an operator would: Wh by lane and interval, out of the MW it has."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from xml.etree import ElementTree

from tradelane.market.units import MINUTE, Interval, instant

N = {"n": "urn:iec62325.351:tc57wg16:451-2:scheduledocument:5:1"}
NL, GB, NO2 = "10YNL----------L", "10YGB----------A", "10YNO-2--------T"
MARKET, TENNET, NGESO = "10X1001A1001A450", "10X1001A1001A361", "10X1001A1001A094"
START = 1_782_000_000_000
DAY = Interval(START, START + 24 * 60 * MINUTE)
QUARTER = 15 * MINUTE


def text(place: ElementTree.Element, path: str) -> str:
    found = place.find("/".join(f"n:{name}" for name in path.split("/")), N)
    assert found is not None and found.text is not None, path
    return found.text


def read(document: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(document)


def energy(document: bytes) -> Mapping[tuple[str, str, str], Mapping[int, int]]:
    """(mRID, out, in) → start (ms) → Wh; every position must be there, in order, and whole."""
    found: dict[tuple[str, str, str], dict[int, int]] = {}
    for series in read(document).findall("n:TimeSeries", N):
        key = (text(series, "mRID"), text(series, "out_Domain.mRID"), text(series, "in_Domain.mRID"))
        start = instant(text(series, "Period/timeInterval/start"))
        step = int(text(series, "Period/resolution").removeprefix("PT").removesuffix("M")) * MINUTE
        points = series.findall("n:Period/n:Point", N)
        assert [text(point, "position") for point in points] == [str(k + 1) for k in range(len(points))]
        assert start + len(points) * step == instant(text(series, "Period/timeInterval/end"))
        wh = [Fraction(text(point, "quantity")) * 1_000_000 * step / (60 * MINUTE) for point in points]
        assert all(one.denominator == 1 for one in wh)
        found[key] = {start + k * step: int(one) for k, one in enumerate(wh) if one}
    return found
