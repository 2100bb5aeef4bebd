"""A freight route's duty by the tariff table of the country it leads to, as the market has to see it. Pure.

The table's import tax has to be known too: a lane whose goods customs would refuse is not open.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from tradelane.market.product import DutyBasis
from tradelane.market.units import NANO, Money

ISO_COUNTRY = re.compile(r"[A-Z]{2}(?![A-Za-z])")
UNKNOWN_COUNTRY = "ZZ"
"""Which is no country's code and never will be, ISO 3166-1."""
LARGE = 10**6 * NANO
"""A value that no relief for small consignments covers."""


def country_of(zone: str) -> str:
    """The country that a zone's id begins with; ``ZZ`` when it begins with none."""
    return zone[:2] if ISO_COUNTRY.match(zone) else UNKNOWN_COUNTRY


def day_of(at: int) -> date:
    """The day (UTC) of an instant in ms."""
    return datetime.fromtimestamp(at / 1000, UTC).date()


def lane_duty(
    hs_code: str, origin: str, destination: str, on: date, *, proof_of_origin: bool = False
) -> tuple[int, DutyBasis] | None:
    """The rate in millionths and what it is taken on; None when no rule knows."""
    from tradelane.settlement.landed import Consignment, Incoterm, Unassessable, landed
    from tradelane.settlement.tariff_data import territories

    place = territories().get(destination)
    if place is None:
        return None
    value, freight = Money(LARGE, place.currency), Money(0, place.currency)
    asked = Consignment(
        hs_code, origin, destination, value, freight, Incoterm.FCA, on, preference=proof_of_origin
    )
    try:
        lines = landed(asked).lines
    except Unassessable:
        return None
    rate = sum(line.rule.ppm or 0 for line in lines if line.kind == "duty")
    return rate, DutyBasis.CIF if place.cif else DutyBasis.GOODS


def no_customs(country: str, currency: str) -> str | None:
    """Why duty in a zone of this country and currency cannot follow a tariff table; None when it can."""
    from tradelane.settlement.tariff_data import territories

    place = territories().get(country)
    if place is None:
        return f"there is no tariff table for {country}: state the lane's duty_ppm"
    if place.currency != currency:
        return f"customs of {country} reckons in {place.currency}, this zone in {currency}"
    return None
