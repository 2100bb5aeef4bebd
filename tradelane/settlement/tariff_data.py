"""Duty, preference, relief and import tax by destination: dated rules from ``rules/tariff/*.toml``. Pure.

Every rule names its source and the days it is in force; ``verified`` says whether it was checked against a
published text. What is not here is not known: nothing is ever taken as zero because no rule was found.
Not in these tables: trade-defence duties, quotas, excise, duties by weight; where one is known to exist the
rule says ``refused`` with the reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from tradelane.market.units import Money


@dataclass(frozen=True, slots=True)
class Rule:
    """In force from ``valid_from`` up to and including ``valid_to``. ``prefix`` of an HS code, without dots;
    empty fits every good. ``place`` is an origin (duties, preferences) or a country (taxes); empty: any.
    ``ppm`` ad valorem; None: ``refused`` says why the rate cannot be told."""

    name: str
    prefix: str
    place: str
    ppm: int | None
    refused: str
    source: str
    valid_from: date
    valid_to: date | None
    verified: bool

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Relief:
    """Goods worth up to ``limit`` (a consignment, or each item) pay ``flat`` an item instead of duty.
    ``below``: the limit itself is not relieved. ``private``: only what people buy for themselves.
    ``at_sale``: the tax is collected by the seller."""

    rule: Rule
    limit: Money
    flat: Money
    excluded: tuple[str, ...]
    per_item: bool
    below: bool
    private: bool
    at_sale: bool


@dataclass(frozen=True, slots=True)
class Territory:
    """A customs territory. ``cif``: freight to the border is part of the customs value. Amounts of duty or
    tax up to ``waived`` are not levied."""

    id: str
    currency: str
    countries: tuple[str, ...]
    cif: bool
    waived: Money
    duties: tuple[Rule, ...]
    preferences: tuple[Rule, ...]
    reliefs: tuple[Relief, ...]
    taxes: tuple[Rule, ...]


def longest(rules: Iterable[Rule], code: str, place: str, on: date) -> Rule | None:
    """The rule in force with the longest prefix of ``code``; one for ``place`` before one for any place."""
    fitting = [r for r in rules if r.in_force(on) and code.startswith(r.prefix) and r.place in ("", place)]
    return max(fitting, key=lambda r: (len(r.prefix), r.place != ""), default=None)


def finer(rules: Iterable[Rule], code: str, on: date) -> bool:
    """Whether the rate depends on more digits than ``code`` has."""
    return any(r.in_force(on) and r.prefix.startswith(code) and r.prefix != code for r in rules)


@cache
def territories() -> Mapping[str, Territory]:
    """By country, ISO 3166 alpha-2; ValueError for tables that contradict themselves."""
    found: dict[str, Territory] = {}
    folder = files("tradelane.settlement").joinpath("rules/tariff")
    for place in sorted(folder.iterdir(), key=lambda place: place.name):
        one = territory(tomllib.loads(place.read_text("utf-8")))
        found |= dict.fromkeys(one.countries, one)
    return found


def territory(table: Mapping[str, Any]) -> Territory:
    """One table; ValueError when two rules for the same thing are in force on one day."""
    money = table["currency"]
    groups = {kind: tuple(_rules(table.get(kind, ()))) for kind in ("duty", "preference", "tax")}
    for kind, rules in groups.items():
        _check(f"{table['territory']}.{kind}", rules)
    return Territory(
        id=table["territory"],
        currency=money,
        countries=tuple(table["countries"]),
        cif=table["cif"],
        waived=Money.parse(table.get("waived", "0"), money),
        duties=groups["duty"],
        preferences=groups["preference"],
        reliefs=tuple(_relief(row, money) for row in table.get("relief", ())),
        taxes=groups["tax"],
    )


def _rules(rows: Iterable[Mapping[str, Any]]) -> Iterator[Rule]:
    for row in rows:
        for place in row.get("places", [""]):
            for prefix in row.get("prefixes", [""]):
                yield _rule(row, prefix, place)


def _rule(row: Mapping[str, Any], prefix: str = "", place: str = "") -> Rule:
    ppm, refused = row.get("ppm"), row.get("refused", "")
    return Rule(
        row["name"],
        prefix,
        place,
        ppm,
        refused,
        row["source"],
        row["valid_from"],
        row.get("valid_to"),
        row["verified"],
    )


def _relief(row: Mapping[str, Any], money: str) -> Relief:
    return Relief(
        _rule({"ppm": 0, **row}),
        Money.parse(row["limit"], money),
        Money.parse(row.get("flat", "0"), money),
        tuple(row.get("excluded", ())),
        row.get("per_item", False),
        row.get("below", False),
        row.get("private", False),
        row.get("at_sale", False),
    )


def _check(where: str, rules: tuple[Rule, ...]) -> None:
    for n, one in enumerate(rules):
        if (one.ppm is None) == (one.refused == "") or not one.source:
            raise ValueError(f"{where}: {one.name}: give ppm or refused, and a source")
        for other in rules[:n]:
            same = (one.prefix, one.place) == (other.prefix, other.place)
            if same and (one.in_force(other.valid_from) or other.in_force(one.valid_from)):
                raise ValueError(f"{where}: {one.name}, {other.name}: both in force for {one.prefix!r}")
