"""Lowest and highest optimal price vectors, exactly.

Optimal prices form a lattice: every zone's price can be at its lowest at once, and at its highest at once.
Given any optimal quantities, prices are optimal exactly when each zone's lies in the range its curve allows
and each lane's margin Δ (network.py) satisfies: f > 0 ⇒ Δ ≥ 0, f < capacity ⇒ Δ ≤ 0. These are bounds of
the form y_a ≥ m·y_b + c, so the lowest vector is a longest path (Bellman-Ford with gains) in fractions, and
the highest the same with the signs turned. A cycle of bounds with m < 1 (a loop of lossy lanes at negative
prices) is closed at its fixed point c / (1 − m).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tradelane.market.network import Link

TOLERANCE = Fraction(1, 1000)
"""Ticks by which the solver's float optimum may contradict itself: one millitick."""


class Inconsistent(Exception):
    """No price vector fits these quantities: they are not optimal."""


@dataclass(frozen=True, slots=True)
class Bound:
    """price[zone] ≥ slope · price[other] + offset."""

    zone: int
    other: int
    slope: Fraction
    offset: Fraction


def bounds(links: Sequence[Link], sends: Sequence[bool], spare: Sequence[bool]) -> list[Bound]:
    """Lower bounds between zones: ``sends`` tells lanes with f > 0, ``spare`` those with f < capacity."""
    found = []
    for link, used, room in zip(links, sends, spare, strict=True):
        s, t, gamma, tariff, markup = link.source, link.target, link.gamma, link.tariff, link.markup
        if used:
            found.append(Bound(t, s, markup / gamma, tariff / gamma))
        if room:
            found.append(Bound(s, t, gamma / markup, -tariff / markup))
    return found


def lowest(floor: Sequence[Fraction], rules: Sequence[Bound]) -> list[Fraction]:
    """The least vector at or above ``floor`` that satisfies every bound."""
    price = list(floor)
    cause: list[Bound | None] = [None] * len(price)
    outgoing: dict[int, list[Bound]] = {}
    for rule in rules:
        outgoing.setdefault(rule.other, []).append(rule)
    waiting = list(range(len(price)))
    patience = [len(price)] * len(price)
    for _ in range(4 * (len(price) + 1) * (len(rules) + 1)):
        if not waiting:
            return price
        for rule in outgoing.get(waiting.pop(0), ()):
            need = rule.slope * price[rule.other] + rule.offset
            if need <= price[rule.zone]:
                continue
            loop = _loop(rule, cause)
            if loop is not None:
                fixed = _fixed_point(loop)
                if fixed is None and need - price[rule.zone] < TOLERANCE:
                    continue
                if fixed is None and not patience[rule.zone]:
                    raise Inconsistent("prices would rise around a loop of lanes without end")
                patience[rule.zone] -= fixed is None
                need = need if fixed is None else max(need, fixed)
            price[rule.zone] = need
            cause[rule.zone] = rule
            if rule.zone not in waiting:
                waiting.append(rule.zone)
    raise Inconsistent("price bounds did not settle")


def highest(ceiling: Sequence[Fraction], rules: Sequence[Bound]) -> list[Fraction]:
    """The greatest vector at or below ``ceiling``: y_a ≥ m·y_b + c read as −y_b ≥ −y_a/m + c/m."""
    turned = [Bound(r.other, r.zone, 1 / r.slope, r.offset / r.slope) for r in rules]
    return [-p for p in lowest([-c for c in ceiling], turned)]


def _loop(rule: Bound, cause: Sequence[Bound | None]) -> list[Bound] | None:
    """The bounds that lead from ``rule.zone`` back to itself once ``rule`` holds, nearest first."""
    chain = [rule]
    at = rule.other
    for _ in cause:
        if at == rule.zone:
            return chain
        step = cause[at]
        if step is None:
            return None
        chain.append(step)
        at = step.other
    return None


def _fixed_point(loop: Sequence[Bound]) -> Fraction | None:
    slope, offset = Fraction(1), Fraction(0)
    for rule in loop:
        offset += slope * rule.offset
        slope *= rule.slope
    return offset / (1 - slope) if slope < 1 else None
