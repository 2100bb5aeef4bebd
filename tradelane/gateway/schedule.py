"""Which market time unit, gate or settlement is next or due. Pure: instants in, instants out.

All values are milliseconds. Market time units are counted from the epoch, so that every zone cuts time at
the same instants. The gate of a delivery interval is ``lead`` before its start; an order is in time while
``now < gate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tradelane.market.units import MINUTE, Interval, instant

POWER = "power/"


class Gate(NamedTuple):
    """The instant (ms) at which the orders for ``delivery`` close."""

    instant: int
    delivery: Interval


def gate_of(delivery: Interval, lead: int) -> Gate:
    return Gate(delivery.start - lead, delivery)


def next_gate(now: int, mtu: int, lead: int) -> Gate:
    """The earliest gate after ``now``: its delivery is the interval open for orders."""
    return gate_of(Interval.at(now + lead, mtu).shifted(1), lead)


def due(since: int, now: int, mtu: int, lead: int) -> Iterator[Gate]:
    """Gates that fell in ``(since, now]``, oldest first."""
    gate = next_gate(since, mtu, lead)
    while gate.instant <= now:
        yield gate
        gate = gate_of(gate.delivery.shifted(1), lead)


def ended(since: int, now: int, mtu: int, grace: int) -> Iterator[Interval]:
    """Delivery intervals whose end plus ``grace`` fell in ``(since, now]``: ready to be settled."""
    interval = Interval.at(since - grace, mtu)
    while interval.end + grace <= now:
        yield interval
        interval = interval.shifted(1)


def product_id(delivery: Interval) -> str:
    """The power product delivered in an interval: ``power/2026-06-21T10:00Z/PT15M``."""
    return f"{POWER}{delivery}"


def delivery_of(product: str) -> Interval | None:
    """The interval in which a power product is delivered; None of goods. ValueError when it is neither."""
    if not product.startswith(POWER):
        return None
    begin, stroke, minutes = product.removeprefix(POWER).removesuffix("M").partition("/PT")
    if not stroke or not minutes.isdecimal() or not int(minutes):
        raise ValueError(f"{product!r} is not a power product")
    start = instant(begin)
    return Interval(start, start + int(minutes) * MINUTE)
