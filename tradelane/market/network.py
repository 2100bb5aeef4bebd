"""Zones and lanes of one product in one unit: numeraire ticks per lot.

A zone's price p (ticks of its currency) is y = p·fx in numeraire ticks. A lane that sends f lots earns
Δ = γ·y_target − (1 + duty)·y_source − tariff per lot sent, with γ = 1 − loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tradelane.market.product import Lane, Product, Zone
from tradelane.market.units import PPM


@dataclass(frozen=True, slots=True)
class Link:
    """One lane as exact numbers. ``source`` and ``target`` index the zones; ``capacity`` is in lots sent."""

    source: int
    target: int
    capacity: int
    gamma: Fraction
    tariff: Fraction
    markup: Fraction

    def margin(self, price: Sequence[Fraction]) -> Fraction:
        """Δ at zone prices in numeraire ticks."""
        return self.gamma * price[self.target] - self.markup * price[self.source] - self.tariff


@dataclass(frozen=True, slots=True)
class Network:
    """The market's zones and lanes in a fixed order: both sorted by id, so that input order never matters."""

    zones: tuple[Zone, ...]
    lanes: tuple[Lane, ...]
    fx: tuple[Fraction, ...]
    links: tuple[Link, ...]

    @classmethod
    def of(cls, product: Product, zones: Sequence[Zone], lanes: Sequence[Lane]) -> Network:
        ordered = tuple(sorted(zones, key=lambda z: z.id))
        place = {zone.id: k for k, zone in enumerate(ordered)}
        routes = tuple(sorted(lanes, key=lambda lane: lane.id))
        links = tuple(
            Link(
                place[lane.source],
                place[lane.target],
                lane.capacity,
                Fraction(PPM - lane.loss_ppm, PPM),
                Fraction(lane.tariff) / Fraction(product.tick),
                1 + Fraction(lane.duty_ppm, PPM),
            )
            for lane in routes
        )
        return cls(ordered, routes, tuple(Fraction(z.fx) for z in ordered), links)
