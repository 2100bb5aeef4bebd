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


def lane_tariff(lane: str, currency: str) -> str:
    """A lane's tariff (power) or freight (goods)."""
    return f"lane:{lane}:tariff:{currency}"


def lane_rent(lane: str, currency: str) -> str:
    """Congestion rent: what the price difference over a full lane leaves, owned by the lane."""
    return f"lane:{lane}:rent:{currency}"


def member_limit(currency: str) -> Money:
    return Money(-MEMBER_CREDIT, currency)
