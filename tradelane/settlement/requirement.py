"""Papers that must be on file: dated rules from ``rules/certificates.toml``, all that fit ask. Pure.

Goods need theirs by code, origin and destination; a meter whose energy is certified needs a calibration by
the country it stands in, for at most so many years.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class _Dated:
    """``kind`` is the paper's. In force from ``valid_from`` up to and including ``valid_to``."""

    name: str
    kind: str
    source: str
    valid_from: date
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsRule(_Dated):
    """``prefixes`` of HS codes, without dots; ``except_origins`` need no paper."""

    prefixes: tuple[str, ...]
    destinations: tuple[str, ...]
    except_origins: tuple[str, ...] = ()

    def fits(self, hs_code: str, origin: str, destination: str) -> bool:
        return (
            hs_code.replace(".", "").startswith(self.prefixes)
            and destination in self.destinations
            and origin not in self.except_origins
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule(_Dated):
    """A calibration holds for at most ``most_years``."""

    countries: tuple[str, ...]
    most_years: int

    def too_long(self, first: date, last: date) -> bool:
        """Whether a paper that holds from ``first`` to ``last``, both included, holds for too long."""
        year = first.year + self.most_years
        return (last.year, last.month, last.day) > (year, first.month, first.day)


def for_goods(
    hs_code: str, origin: str, destination: str, on: date, known: Iterable[GoodsRule] | None = None
) -> list[GoodsRule]:
    """Every rule that asks a paper of a consignment on a day."""
    rules = _rules()[0] if known is None else known
    return [one for one in rules if one.in_force(on) and one.fits(hs_code, origin, destination)]


def for_meter(country: str, on: date, known: Iterable[MeterRule] | None = None) -> MeterRule | None:
    """The first rule that asks a calibration of a meter in a country on a day."""
    rules = _rules()[1] if known is None else known
    return next((one for one in rules if one.in_force(on) and country in one.countries), None)


@cache
def _rules() -> tuple[tuple[GoodsRule, ...], tuple[MeterRule, ...]]:
    text = files("tradelane.settlement").joinpath("rules/certificates.toml").read_text("utf-8")
    return read(tomllib.loads(text))


def read(rows: dict[str, Any]) -> tuple[tuple[GoodsRule, ...], tuple[MeterRule, ...]]:
    """Rules of their TOML. ValueError for a rule without a source."""
    goods = tuple(GoodsRule(**_lists(row)) for row in rows.get("goods", ()))
    meters = tuple(MeterRule(**_lists(row)) for row in rows.get("meter", ()))
    for one in (*goods, *meters):
        if not one.source:
            raise ValueError(f"{one.name}: a rule has a source")
    return goods, meters


def _lists(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
