"""What market documents of IEC 62325-451 have in common: their codes, times, power and XML. Pure."""

from __future__ import annotations

import hashlib
import re
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

from tradelane.market.units import MINUTE, Interval, exact, iso

HOUR = 60 * MINUTE
MEGA = 10**6
LONGEST_ID = 35
"""Characters of an mRID."""
EIC_SCHEME = "A01"
MARKET_OPERATOR, ACTIVE_POWER, INTRADAY = "A11", "8716867000016", "A07"
MEGAWATT, FIXED_BLOCKS = "MAW", "A01"


def megawatts(wh: int, resolution: int) -> str:
    """Mean power of ``wh`` over ``resolution`` ms. ValueError when no decimal says it exactly."""
    return exact(Fraction(wh * HOUR, resolution * MEGA))


def short(name: str) -> str:
    """A name as an mRID: itself, or its SHA-256 where it is longer than one may be."""
    return name if len(name) <= LONGEST_ID else hashlib.sha256(name.encode()).hexdigest()[:LONGEST_ID]


def add(parent: ElementTree.Element, name: str, text: str | None = None, scheme: str = "") -> Any:
    """A new child of ``parent``."""
    child = ElementTree.SubElement(parent, name, {"codingScheme": scheme} if scheme else {})
    child.text = text
    return child


def add_interval(parent: ElementTree.Element, name: str, interval: Interval) -> None:
    place = add(parent, name)
    add(place, "start", iso(interval.start))
    add(place, "end", iso(interval.end))


def second(at: int) -> str:
    """An instant (ms) to the second, which is always written."""
    return re.sub(r"(T\d\d:\d\d)Z", r"\1:00Z", iso(at // 1000 * 1000))


def written(root: ElementTree.Element) -> bytes:
    """A document as text for people and programs."""
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))
