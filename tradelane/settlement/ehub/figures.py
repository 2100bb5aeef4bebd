"""Facts of a consignment → what is due of it on a day, as both ends of the wire reckon it. Pure."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from tradelane.market.units import Money
from tradelane.settlement import landed
from tradelane.settlement.ehub.wire import Total
from tradelane.settlement.ehub.wire_declarations import AssessedLine, Facts, Figures
from tradelane.settlement.ledger import GREATEST


def figures_of(facts: Facts, on: date) -> Figures:
    """What is due by the rules of a day. Raises Unassessable for what no rule knows."""
    found = _reckoned(facts, on)
    if found.total.nano > GREATEST:
        raise landed.Unassessable(landed.Why.AMOUNT)
    return Figures(
        price=_total(found.price),
        freight=_total(found.freight),
        lines=[_line(line) for line in found.lines],
        total=_total(found.total),
        duty=_total(found.charged("duty")),
        tax=_total(found.charged("tax")),
    )


def _reckoned(facts: Facts, on: date) -> landed.Assessment:
    value = facts.value.money
    if facts.duty_ppm is not None:
        return landed.stated(value, facts.duty_ppm, on)
    freight = Money(0, value.currency) if facts.freight is None else facts.freight.money
    return landed.landed(
        landed.Consignment(
            facts.hs_code.replace(".", ""),
            facts.origin,
            facts.destination,
            value,
            freight,
            facts.incoterm,
            on,
            facts.items,
            facts.preference,
            facts.business,
            {currency: Fraction(worth) for currency, worth in facts.rates.items()},
        )
    )


def _line(line: landed.Line) -> AssessedLine:
    return AssessedLine(
        kind=line.kind,
        amount=_total(line.amount),
        base=_total(line.base),
        rate_ppm=line.rule.ppm or None,
        rule=line.rule.name,
        source=line.rule.source,
        verified=line.rule.verified,
        collected=line.collected,
    )


def _total(money: Money) -> Total:
    return Total.of(money.nano, money.currency)
