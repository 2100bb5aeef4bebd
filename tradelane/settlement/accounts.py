"""Names of accounts at an e-hub: every unit of money stands in one of these."""

from __future__ import annotations

from tradelane.market.units import NANO, Money

MEMBER_CREDIT = 50 * NANO
"""Nano-units a member's balance may fall below zero: room for an imbalance bill, so that a new seller needs
no deposit to start."""


def member(id: str, currency: str) -> str:
    return f"member:{id}:{currency}"


def fx(currency: str) -> str:
    """The desk that takes one currency and gives another."""
    return f"fx:{currency}"


def rounding(currency: str) -> str:
    """What is left over or missing when money is rounded to whole nano-units or energy to whole lots."""
    return f"rounding:{currency}"


def balancing(currency: str) -> str:
    """The grid operator that supplies what a seller did not deliver."""
    return f"balancing:{currency}"


def customs(currency: str) -> str:
    return f"customs:{currency}"


def import_tax(currency: str) -> str:
    return f"import-tax:{currency}"


def platform(currency: str) -> str:
    """What large traders pay for the platform."""
    return f"platform:{currency}"


def lane_tariff(lane: str, currency: str) -> str:
    """A lane's tariff (power) or freight (goods)."""
    return f"lane:{lane}:tariff:{currency}"


def lane_rent(lane: str, currency: str) -> str:
    """Congestion rent: what the price difference over a full lane leaves, owned by the lane."""
    return f"lane:{lane}:rent:{currency}"


def road(peer: str, currency: str) -> str:
    """What this hub owes another over the e-road; below zero it is owed."""
    return f"road:{peer}:{currency}"


def road_fees(currency: str) -> str:
    """What payments over the e-road have cost."""
    return f"road-fees:{currency}"


def nostro(peer: str, currency: str) -> str:
    """What was settled with another hub outside, by its bank; below zero this hub has paid."""
    return f"nostro:{peer}:{currency}"


def netting(currency: str) -> str:
    """What netting turns into payments passes here; nothing stays."""
    return f"netting:{currency}"


def member_of(account: str) -> str | None:
    """Whose account it is; None for those of the hub."""
    kind, _, rest = account.partition(":")
    return rest.rpartition(":")[0] if kind == "member" else None


def member_limit(currency: str) -> Money:
    return Money(-MEMBER_CREDIT, currency)
