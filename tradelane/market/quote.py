"""A choice of blocks → the prices the auction will publish with it, what it costs, which rules it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tradelane.market import face, lattice
from tradelane.market.acceptance import Book, Broken, Fault, Prices
from tradelane.market.block import Acceptance, Block
from tradelane.market.coupling import dual_bound
from tradelane.market.curve import Curve
from tradelane.market.leaning import MIDDLE, Face, shares
from tradelane.market.order import Side
from tradelane.market.pricing import at_ticks, borders, priced, published
from tradelane.market.program import FloatArray, NotSolved, Solver
from tradelane.market.stage import Market, duty
from tradelane.market.units import MILLI

Taken = Sequence[tuple[Block, str, int]]
"""Accepted blocks, once for each product of theirs, with its id and their lots in it."""


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


class Quoter:
    """Prices choices of blocks one after the other; a market whose blocks are the same is priced once."""

    def __init__(
        self, markets: Sequence[Market], book: Book, solver: Solver, start: Sequence[FloatArray] = ()
    ) -> None:
        self.markets, self.book, self.solver = markets, book, solver
        self.known: list[dict[tuple[tuple[str, int], ...], tuple[Mapping[str, Face], float]]]
        self.known = [{} for _ in markets]
        self.latest: list[dict[str, Fraction] | None] = [None for _ in markets]
        for t, (market, price) in enumerate(zip(markets, start, strict=False)):
            self.latest[t] = _local(market, [Fraction(y) for y in price.tolist()])
        self.last: dict[str, Fraction] | None = None

    def near(self) -> dict[str, Mapping[str, Fraction]]:
        """Where about the prices last quoted are, in ticks by product and zone."""
        pairs = zip(self.markets, self.latest, strict=True)
        return {p.id: at for market, at in pairs if at is not None for p in market.products}

    def quote(self, accepted: Acceptance) -> Quote:
        """NotSolved or lattice.Inconsistent only where even the market without blocks is not solved."""
        faces: dict[str, Face] = {}
        cost = 0.0
        for t, market in enumerate(self.markets):
            try:
                found, paid = self._face(t, accepted)
            except (NotSolved, lattice.Inconsistent):
                if not accepted:
                    raise
                return self._unbalanced(market, accepted)
            faces |= found
            cost += paid
        for margin in (False, True):
            theta = shares(self.book, accepted, faces, margin)
            exact = [_exact(market, faces, theta) for market in self.markets]
            quoted = self._published(exact)
            faults = self.book.faults(accepted, quoted)
            if not faults or not all(self.book.by_a_hair(fault, accepted, quoted) for fault in faults):
                break
        self.latest = [_local(market, at) for market, at in zip(self.markets, exact, strict=True)]
        floats = [np.array([float(y) for y in at]) for at in exact]
        return Quote(accepted, theta, floats, faults, cost)

    def _unbalanced(self, market: Market, accepted: Acceptance) -> Quote:
        """A choice the orders cannot balance: the last block that came into this market is at fault."""
        here = {product.id for product in market.products}
        last = [b for b in self.book.blocks if b.id in accepted and here & b.profile.keys()][-1]
        return Quote(accepted, {}, (), [Fault(last.id, Broken.NOT_BALANCED)], np.inf)

    def _published(self, exact: Sequence[Sequence[Fraction]]) -> Prices:
        return {
            place: p
            for market, at in zip(self.markets, exact, strict=True)
            for place, p in zip(market.places(), published(at, market.network), strict=True)
        }

    def _face(self, t: int, accepted: Acceptance) -> tuple[Mapping[str, Face], float]:
        """All optimal prices of one market's products with these blocks, and its cost."""
        market = self.markets[t]
        taken = [
            (b, product.id, b.lots(product.id, accepted[b.id]))
            for product in market.products
            for b in self.book.blocks
            if b.id in accepted and product.id in b.profile
        ]
        key = tuple((f"{block.id} {product}", lots) for block, product, lots in taken)
        if key not in self.known[t]:
            curves = _with(market, taken)
            start = self.latest[t] or self.last
            found = priced(market.product, market.network, curves, self.solver, start)
            self.last = _local(market, found.low)
            faces = _by_product(market, found.low, found.high)
            self.known[t][key] = faces, self._cost(market, curves, found, taken)
        return self.known[t][key]

    def _cost(
        self,
        market: Market,
        curves: Sequence[Curve],
        found: face.Face,
        taken: Taken,
    ) -> float:
        product, network = market.product, market.network
        fx = np.array([float(e) for e in network.fx])
        price = np.array([float(y) for y in found.at(MIDDLE)])
        shadow = np.array([float(y) for y in found.shadow])
        cost = dual_bound(curves, fx, borders(network, duty(network, price)), price, shadow)
        for block, name, lots in taken:
            limit = self.book.limit[block.id][name] / MILLI
            more = limit - product.min_price if block.side is Side.SELL else -limit
            cost += float(self.book.fx[block.zone]) * lots * more
        return cost * float(product.tick * product.lot)


def _local(market: Market, price: Sequence[Fraction]) -> dict[str, Fraction]:
    """Ticks by zone; of several products the last one's."""
    network = market.network
    return {zone.id: y / fx for zone, y, fx in zip(network.zones, price, network.fx, strict=True)}


def _with(market: Market, taken: Taken) -> list[Curve]:
    """The curves with blocks at any price."""
    lots = {place: [0, 0] for place in market.places()}
    for block, product, count in taken:
        lots[product, block.zone][block.side is Side.BUY] += count
    bottom, top = market.product.min_price, market.product.max_price
    return [
        curve.with_fixed(bottom, supply, top, demand) if supply or demand else curve
        for curve, (supply, demand) in zip(market.curves, lots.values(), strict=True)
    ]


def _by_product(market: Market, low: Sequence[Fraction], high: Sequence[Fraction]) -> dict[str, Face]:
    found = {product.id: Face({}, {}) for product in market.products}
    for (product, zone), a, b in zip(market.places(), low, high, strict=True):
        found[product] = Face({**found[product].low, zone: a}, {**found[product].high, zone: b})
    return found


def _exact(market: Market, faces: Mapping[str, Face], theta: Mapping[str, Fraction]) -> list[Fraction]:
    """The prices that auction.py publishes, before they are rounded."""
    at = {product.id: faces[product.id].at(theta[product.id]) for product in market.products}
    found = [at[product][zone] for product, zone in market.places()]
    return at_ticks(found, market.network) if market.network.rows else found
