"""What happens at a connection now, in one sentence."""

from __future__ import annotations

from decimal import Decimal

from tradelane.gateway.overview import OwnTrade, OwnView
from tradelane.gateway.schedule import delivery_of
from tradelane.gateway.sections import Member
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.phone.household import Household
from tradelane.market.units import iso

FRESH_MS = 5 * 60_000
"""A reading older than this says nothing about now."""


def sentence(household: Household, member: Member, view: OwnView | None, formats: Formats) -> str:
    """``Selling 2.1 kWh to Leeds, £0.31 per kWh, until 14:30 UTC.``; else what the meter says."""
    selling = _selling(view, household.clock.now(), formats)
    return selling or _metered(household, member, formats)


def sold_now(view: OwnView | None, now: int) -> list[OwnTrade]:
    """The member's sales of power that are being delivered."""
    trades = view["own_trades"] if view else []
    return [one for one in trades if one["side"] == "sell" and _holds(one["product"], now)]


def _holds(product: str, now: int) -> bool:
    delivery = delivery_of(product)
    return delivery is not None and delivery.start <= now < delivery.end


def _selling(view: OwnView | None, now: int, formats: Formats) -> str | None:
    trades = sold_now(view, now)
    kwh = sum((Decimal(one["quantity"]) for one in trades), Decimal(0))
    if not kwh:
        return None
    gets = sum((Decimal(one["amount"]["value"]) for one in trades), Decimal(0))
    each = formats.money({"currency": trades[0]["amount"]["currency"], "value": str(gets / kwh)})
    delivery = delivery_of(trades[0]["product"])
    assert delivery is not None
    partners = sorted({one["partner"] for one in trades})
    return formats.words.gettext(
        "Selling %(energy)s to %(partners)s, %(price)s per kWh, until %(time)s UTC.",
        energy=formats.energy(int(kwh * 1000)),
        partners=formats.listing(partners[:3]),
        price=each,
        time=formats.clock(iso(delivery.end)),
    )


def _metered(household: Household, member: Member, formats: Formats) -> str:
    say, power, age = formats.words.gettext, household.power_w(member), household.age_ms(member)
    if member.meter is None:
        return say("No meter: you trade goods here.")
    if power is None or age is None or age > FRESH_MS:
        return say("The meter is silent.")
    watts = formats.power(abs(power))
    if power < 0:
        return say("Sending %(power)s to the grid.", power=watts)
    return say("Using %(power)s from the grid.", power=watts)
