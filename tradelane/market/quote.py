"""A choice of blocks → the prices the auction will publish with it, what it costs, which rules it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tradelane.market import lattice
from tradelane.market.acceptance import Book, Broken, Fault, Prices
from tradelane.market.block import Acceptance, Block
from tradelane.market.coupling import dual_bound
from tradelane.market.curve import Curve
from tradelane.market.leaning import Face, shares
from tradelane.market.network import Network
from tradelane.market.order import Side
from tradelane.market.pricing import borders, prices, published
from tradelane.market.product import Product
from tradelane.market.program import FloatArray, NotSolved, Solver
from tradelane.market.units import MILLI


@dataclass(frozen=True, slots=True)
class Market:
    """One product's curves, in the order of ``network``'s zones."""

    product: Product
    network: Network
    curves: Sequence[Curve]


@dataclass(frozen=True, slots=True)
class Quote:
    """A choice at its prices. ``shares`` is θ by product (leaning.py), ``prices`` numeraire ticks by product
    and zone; ``cost`` what it costs beyond every demand met for nothing, numeraire.
    """

    accepted: Acceptance
    shares: Mapping[str, Fraction]
    prices: Sequence[FloatArray]
    faults: Sequence[Fault]
    cost: float


def duty(network: Network, price: FloatArray) -> FloatArray:
    """Ad-valorem duty of each lane at zone prices, numeraire ticks per lot sent."""
    rates = np.array([float(link.markup - 1) for link in network.links])
    return rates * price[[link.source for link in network.links]]


class Quoter:
    """Prices choices of blocks one after the other; a product whose blocks are the same is priced once."""

    def __init__(
        self, markets: Sequence[Market], book: Book, solver: Solver, start: Sequence[FloatArray] = ()
    ) -> None:
        self.markets, self.book, self.solver = markets, book, solver
        self.known: list[dict[tuple[tuple[str, int], ...], tuple[Face, float]]] = [{} for _ in markets]
        self.latest: list[dict[str, Fraction] | None] = [None for _ in markets]
        for t, (market, price) in enumerate(zip(markets, start, strict=False)):
            zones = market.network.zones
            self.latest[t] = {z.id: Fraction(y) / Fraction(z.fx) for z, y in zip(zones, price, strict=True)}
        self.last: dict[str, Fraction] | None = None

    def near(self) -> dict[str, Mapping[str, Fraction]]:
        """The prices last quoted, in ticks by product and zone."""
        return {m.product.id: at for m, at in zip(self.markets, self.latest, strict=True) if at is not None}

    def quote(self, accepted: Acceptance) -> Quote:
        """NotSolved or lattice.Inconsistent only where even the market without blocks is not solved."""
        faces: dict[str, Face] = {}
        cost = 0.0
        for t, market in enumerate(self.markets):
            try:
                faces[market.product.id], paid = self._face(t, accepted)
            except (NotSolved, lattice.Inconsistent):
                if not accepted:
                    raise
                return self._unbalanced(market.product.id, accepted)
            cost += paid
        for margin in (False, True):
            theta = shares(self.book, accepted, faces, margin)
            exact = [faces[m.product.id].at(theta[m.product.id]) for m in self.markets]
            quoted = self._published(exact)
            faults = self.book.faults(accepted, quoted)
            if not faults or not all(self.book.by_a_hair(fault, accepted, quoted) for fault in faults):
                break
        self.latest = [
            {zone.id: at[zone.id] / Fraction(zone.fx) for zone in m.network.zones}
            for at, m in zip(exact, self.markets, strict=True)
        ]
        floats = [np.array([float(y) for y in at.values()]) for at in exact]
        return Quote(accepted, theta, floats, faults, cost)

    def _unbalanced(self, product: str, accepted: Acceptance) -> Quote:
        """A choice the orders cannot balance: the last block that came into this product is at fault."""
        last = [b for b in self.book.blocks if b.id in accepted and product in b.profile][-1]
        return Quote(accepted, {}, (), [Fault(last.id, Broken.NOT_BALANCED)], np.inf)

    def _published(self, exact: Sequence[Mapping[str, Fraction]]) -> Prices:
        return {
            (m.product.id, zone.id): p
            for m, at in zip(self.markets, exact, strict=True)
            for zone, p in zip(m.network.zones, published(list(at.values()), m.network), strict=True)
        }

    def _face(self, t: int, accepted: Acceptance) -> tuple[Face, float]:
        """All optimal prices of one product with these blocks, and its cost."""
        market = self.markets[t]
        product, zones = market.product, market.network.zones
        taken = [
            (b, b.lots(product.id, accepted[b.id]))
            for b in self.book.blocks
            if b.id in accepted and product.id in b.profile
        ]
        key = tuple((block.id, lots) for block, lots in taken)
        if key not in self.known[t]:
            curves = list(market.curves)
            for z, zone in enumerate(zones):
                supply, demand = (
                    sum(lots for b, lots in taken if b.zone == zone.id and b.side is side)
                    for side in (Side.SELL, Side.BUY)
                )
                if supply or demand:
                    curves[z] = curves[z].with_fixed(product.min_price, supply, product.max_price, demand)
            low, high = prices(product, market.network, curves, self.solver, self.latest[t] or self.last)
            self.last = {zone.id: a / Fraction(zone.fx) for zone, a in zip(zones, low, strict=True)}
            face = Face(
                {zone.id: y for zone, y in zip(zones, low, strict=True)},
                {zone.id: y for zone, y in zip(zones, high, strict=True)},
            )
            middle = np.array([float(a + b) / 2 for a, b in zip(low, high, strict=True)])
            self.known[t][key] = face, self._cost(market, curves, middle, taken)
        return self.known[t][key]

    def _cost(
        self, market: Market, curves: Sequence[Curve], price: FloatArray, taken: Sequence[tuple[Block, int]]
    ) -> float:
        product, network = market.product, market.network
        fx = np.array([float(e) for e in network.fx])
        cost = dual_bound(curves, fx, borders(network, duty(network, price)), price)
        for block, lots in taken:
            limit = self.book.limit[block.id][product.id] / MILLI
            more = limit - product.min_price if block.side is Side.SELL else -limit
            cost += float(self.book.fx[block.zone]) * lots * more
        return cost * float(product.tick * product.lot)
