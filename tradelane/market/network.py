"""Zones and lanes of one product in one unit: numeraire ticks per lot.

A zone's price p (ticks of its currency) is y = p·fx in numeraire ticks. A lane that sends f lots earns
Δ = γ·y_target − (1 + duty)·y_source − tariff per lot sent, with γ = 1 − loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
class Row:
    """A limit that lanes share: Σ share·sent ≤ room, in lots; ``share`` by index of the link."""

    id: str
    share: Mapping[int, Fraction]
    room: Fraction

    def left(self, sent: Sequence[int]) -> Fraction:
        return self.room - sum((a * sent[k] for k, a in self.share.items()), Fraction(0))


@dataclass(frozen=True, slots=True)
class Network:
    """The market's zones and lanes in a fixed order: both sorted by id, so that input order never matters."""

    zones: tuple[Zone, ...]
    lanes: tuple[Lane, ...]
    fx: tuple[Fraction, ...]
    links: tuple[Link, ...]
    rows: tuple[Row, ...] = ()

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

    @classmethod
    def joined(cls, networks: Sequence[Network]) -> Network:
        """Networks beside each other as one; zones and links of the second come after those of the first."""
        if len(networks) == 1:
            return networks[0]
        first, links = 0, []
        for network in networks:
            links += [replace(x, source=first + x.source, target=first + x.target) for x in network.links]
            first += len(network.zones)
        return cls(
            tuple(zone for n in networks for zone in n.zones),
            tuple(lane for n in networks for lane in n.lanes),
            tuple(e for n in networks for e in n.fx),
            tuple(links),
        )

    def paying(self, more: Sequence[Fraction]) -> Network:
        """With ``more`` to pay on each lane, numeraire ticks per lot sent."""
        if not any(more):
            return self
        links = tuple(
            replace(link, tariff=link.tariff + paid) for link, paid in zip(self.links, more, strict=True)
        )
        return replace(self, links=links)
