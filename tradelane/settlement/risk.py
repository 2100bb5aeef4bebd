"""Who has to look at a consignment: dated rules from ``rules/risk.toml``, the first that fits decides. Pure.

What no rule in force knows is looked at.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from tradelane.settlement.customs import Channel


@dataclass(frozen=True, slots=True)
class RiskRule:
    """Sends what it fits to ``channel``; what is empty fits everything. ``prefixes`` of HS codes, without
    dots; ``origins`` and ``destinations`` are countries. ``documents`` are asked for by a yellow rule."""

    name: str
    channel: Channel
    source: str
    valid_from: date
    valid_to: date | None = None
    prefixes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()

    def fits(self, hs_code: str, origin: str, destination: str, on: date) -> bool:
        in_force = self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)
        return (
            in_force
            and (not self.prefixes or hs_code.replace(".", "").startswith(self.prefixes))
            and (not self.origins or origin in self.origins)
            and (not self.destinations or destination in self.destinations)
        )


NO_RULE = RiskRule("no rule knows it", Channel.RED, "", date.min)


def rule_for(
    hs_code: str, origin: str, destination: str, on: date, known: Iterable[RiskRule] | None = None
) -> RiskRule:
    """The first rule that fits, or ``NO_RULE``."""
    fitting = (rule for rule in (known or rules()) if rule.fits(hs_code, origin, destination, on))
    return next(fitting, NO_RULE)


@cache
def rules() -> tuple[RiskRule, ...]:
    """Every rule there is or was, in the order they are tried."""
    text = files("tradelane.settlement").joinpath("rules/risk.toml").read_text("utf-8")
    return tuple(read(tomllib.loads(text)["rule"]))


def read(rows: Iterable[dict[str, object]]) -> Iterable[RiskRule]:
    """Rules of their TOML rows. ValueError for a rule that could not work as it is written."""
    for row in rows:
        lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
        rule = RiskRule(**{**row, **lists, "channel": Channel(str(row["channel"]))})  # type: ignore[arg-type]  # the types of TOML
        if not rule.source:
            raise ValueError(f"{rule.name}: a rule has a source")
        if bool(rule.documents) != (rule.channel is Channel.YELLOW):
            raise ValueError(f"{rule.name}: documents are asked for by a yellow rule, and by no other")
        yield rule
