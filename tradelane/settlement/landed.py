"""What a good costs at its buyer's door: price, freight, duty, import tax. Pure; by ``tariff_data``'s rules.

Always true: total = price + freight + the sum of all lines, to the nano-unit of the destination's currency;
each line names the rule that made it. What no rule knows is refused, never zero. Rounded are: each amount
converted into the destination's currency, each duty, each tax; to the nearest, halves away from zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, StrEnum
from fractions import Fraction

from tradelane.market.units import Money, rounded
from tradelane.settlement.customs import assess
from tradelane.settlement.tariff_data import Relief, Rule, Territory, finer, longest, territories

ASK = "not known: ask customs"
CHARGED = ("at import", "at sale")
"""What is collected so, customs takes."""


class Incoterm(StrEnum):
    """Incoterms 2020 whose price holds no import duty."""

    EXW = "EXW"
    FCA = "FCA"
    FAS = "FAS"
    FOB = "FOB"
    CFR = "CFR"
    CIF = "CIF"
    CPT = "CPT"
    CIP = "CIP"
    DAP = "DAP"
    DPU = "DPU"


FREIGHT_INCLUDED = frozenset(Incoterm) - {Incoterm.EXW, Incoterm.FCA, Incoterm.FAS, Incoterm.FOB}


class Why(Enum):
    """Why nothing is assessed: the problem's code, the field at fault, and a sentence for a person."""

    DESTINATION = ("destination-not-known", "destination", f"no tariff table for this country; {ASK}")
    DUTY = ("duty-not-known", "hs_code", f"the duty of this good is {ASK}")
    DIGITS = ("hs-code-too-short", "hs_code", "the duty depends on more digits of the code")
    PREFERENCE = ("preference-not-known", "preference", f"a preference for this good and origin is {ASK}")
    TAX = ("tax-not-known", "hs_code", f"the import tax on this good is {ASK}")
    RATE = ("exchange-rate-missing", "rates", "the exchange rate of a currency is missing")
    AMOUNT = ("amount-too-large", "value", "the landed price is too large to be kept")
    FREIGHT = ("freight-exceeds-price", "freight", "the price holds the freight, so it cannot be less")


class Unassessable(Exception):
    """``why`` with its ``reason`` in words."""

    def __init__(self, why: Why, more: str = "") -> None:
        self.code, self.field, reason = why.value
        self.why = why
        self.reason = f"{reason} ({more})" if more else reason
        super().__init__(f"{self.field}: {self.reason}")


@dataclass(frozen=True, slots=True)
class Consignment:
    """``origin``, ``destination``: ISO 3166 alpha-2. ``hs_code``: digits only. ``value`` by the Incoterm.
    ``preference``: a proof of preferential origin is held. ``business``: the importer accounts for import
    tax in its own return. ``rates``: worth of one unit of each currency in any common unit."""

    hs_code: str
    origin: str
    destination: str
    value: Money
    freight: Money
    incoterm: Incoterm
    on: date
    items: int = 1
    preference: bool = False
    business: bool = False
    rates: Mapping[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """``kind``: duty or tax. ``collected``: at import, at sale, in the importer's own return, or at
    settlement by whoever stated the duty."""

    kind: str
    amount: Money
    base: Money
    rule: Rule
    collected: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """All in the destination's currency."""

    price: Money
    freight: Money
    lines: tuple[Line, ...]

    @property
    def total(self) -> Money:
        nano = self.price.nano + self.freight.nano + sum(line.amount.nano for line in self.lines)
        return Money(nano, self.price.currency)

    def sum_of(self, kind: str) -> Money:
        return Money(sum(line.amount.nano for line in self.lines if line.kind == kind), self.price.currency)

    def charged(self, kind: str) -> Money:
        """What customs itself takes of ``kind``."""
        lines = (line for line in self.lines if line.kind == kind and line.collected in CHARGED)
        return Money(sum(line.amount.nano for line in lines), self.price.currency)


def landed(asked: Consignment, tables: Mapping[str, Territory] | None = None) -> Assessment:
    """Duty and import tax of a consignment. Raises Unassessable. Within one customs territory there is
    neither, and no line."""
    known = territories() if tables is None else tables
    place = known.get(asked.destination)
    if place is None:
        raise Unassessable(Why.DESTINATION)
    value, freight = (
        _converted(money, place.currency, asked.rates) for money in (asked.value, asked.freight)
    )
    if asked.incoterm in FREIGHT_INCLUDED:
        value = Money(value.nano - freight.nano, value.currency)
        if value.nano < 0:
            raise Unassessable(Why.FREIGHT)
    if known.get(asked.origin) is place:
        return Assessment(value, freight, ())
    relief = _relief(place, asked, value)
    duty = _duty(place, asked, value, freight, relief)
    base = Money(value.nano + freight.nano + duty.amount.nano, value.currency)
    at_sale = relief is not None and relief.at_sale
    return Assessment(value, freight, (duty, _tax(place, asked, base, at_sale)))


def stated(value: Money, duty_ppm: int, on: date) -> Assessment:
    """The duty that a lane states itself, where no tariff table is followed; it is paid at settlement."""
    rule = Rule("the lane's own duty", "", "", duty_ppm, "", "who runs the lane", on, None, verified=False)
    line = Line("duty", assess(value, duty_ppm), value, rule, "at settlement")
    return Assessment(value, Money(0, value.currency), (line,))


def duty_rule(place: Territory, asked: Consignment) -> Rule:
    """The ad-valorem rule that a consignment falls under, small value apart. Raises Unassessable."""
    code, on = asked.hs_code, asked.on
    rule = longest(place.duties, code, asked.origin, on)
    if asked.preference:
        preferred = longest(place.preferences, code, asked.origin, on)
        if preferred is None or preferred.place != asked.origin:
            raise Unassessable(Why.PREFERENCE)
        return preferred
    if rule is None:
        raise Unassessable(Why.DIGITS if finer(place.duties, code, on) else Why.DUTY)
    if rule.ppm is None:
        raise Unassessable(Why.DUTY, rule.refused)
    if finer(place.duties, code, on):
        raise Unassessable(Why.DIGITS)
    return rule


def _duty(place: Territory, asked: Consignment, value: Money, freight: Money, relief: Relief | None) -> Line:
    if relief is not None:
        flat = Money(relief.flat.nano * asked.items, value.currency)
        return Line("duty", flat, value, relief.rule, "at import")
    rule = duty_rule(place, asked)
    base = Money(value.nano + freight.nano * place.cif, value.currency)
    return Line("duty", _levied(place, base, rule), base, rule, "at import")


def _tax(place: Territory, asked: Consignment, base: Money, at_sale: bool) -> Line:
    rule = longest(place.taxes, asked.hs_code, asked.destination, asked.on)
    if rule is None or rule.ppm is None:
        raise Unassessable(Why.TAX, "" if rule is None else rule.refused)
    collected = "own return" if asked.business else "at sale" if at_sale else "at import"
    return Line("tax", _levied(place, base, rule), base, rule, collected)


def _relief(place: Territory, asked: Consignment, value: Money) -> Relief | None:
    """The relief that costs least, of those the law offers on the day."""
    worth = value.nano
    fitting = [
        relief
        for relief in place.reliefs
        if relief.rule.in_force(asked.on)
        and not asked.hs_code.startswith(relief.excluded or ("-",))
        and not (relief.private and asked.business)
        and worth <= relief.limit.nano * (asked.items if relief.per_item else 1) - relief.below
    ]
    return min(fitting, key=lambda relief: relief.flat.nano, default=None)


def _levied(place: Territory, base: Money, rule: Rule) -> Money:
    assert rule.ppm is not None
    amount = assess(base, rule.ppm)
    return amount if amount.nano > place.waived.nano else Money(0, amount.currency)


def _converted(money: Money, currency: str, rates: Mapping[str, Fraction]) -> Money:
    if money.currency == currency:
        return money
    missing = [name for name in (money.currency, currency) if name not in rates]
    if missing:
        raise Unassessable(Why.RATE, missing[0])
    return Money(rounded(money.nano * rates[money.currency] / rates[currency]), currency)
