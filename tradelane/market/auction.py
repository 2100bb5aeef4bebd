"""clear(): one product's orders in all zones → prices, flows, fills and the certificate that proves them.

    curve → coupling → lattice → flows → allocation → certificate

Always true: a Clearing that leaves here proven satisfies certificate.py; the result does not depend on the
order in which zones, lanes or orders are given, only on their ids and sequence numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from tradelane.market import flows, highs, lattice, simplex
from tradelane.market.allocation import NotBalanced, allocate
from tradelane.market.batch import OrderBatch
from tradelane.market.certificate import Certificate, Outcome, certify
from tradelane.market.curve import Curve
from tradelane.market.leaning import MIDDLE
from tradelane.market.network import Network
from tradelane.market.pricing import borders, prices, published
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.program import NotSolved, Solver
from tradelane.market.units import MILLI

NO_ORDERS = OrderBatch.of(())
SOLVERS: tuple[Solver, ...] = (highs.solve, simplex.solve)
"""Tried in turn until a clearing proves."""


class NotProven(Exception):
    """No clearing of these orders could be proven; nothing may be published."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """A proven result for one product. ``network`` gives the order of zones and lanes in ``outcome``.

    ``rejected`` says why earlier attempts were not published; ``coupled`` is False when the lanes had to be
    left out because no solver's coupled result did prove.
    """

    product: Product
    network: Network
    batches: tuple[OrderBatch, ...]
    outcome: Outcome
    certificate: Certificate
    coupled: bool = True
    rejected: tuple[str, ...] = ()


def clear(
    product: Product,
    zones: Sequence[Zone],
    lanes: Sequence[Lane],
    orders: Mapping[str, OrderBatch],
    solvers: Sequence[Solver] = SOLVERS,
    start: Mapping[str, Fraction] | None = None,
    share: Fraction = MIDDLE,
) -> Clearing:
    """Clear ``orders`` (by zone id) over ``lanes``. ``start`` guesses prices in ticks, by zone id; ``share``
    says where between the lowest and the highest optimal prices the published ones stand.

    What one solver finds but does not prove is left to the next; then the zones clear on their own.
    NotProven when not even that proves.
    """
    rejected: list[str] = []
    attempts = [(tuple(lanes), solver) for solver in solvers]
    for joined, solver in [*attempts, ((), solvers[-1])]:
        network = Network.of(product, zones, joined)
        batches = tuple(orders.get(zone.id, NO_ORDERS) for zone in network.zones)
        try:
            outcome = _outcome(product, network, batches, solver, start, share)
        except (NotSolved, NotBalanced, lattice.Inconsistent) as reason:
            rejected.append(str(reason))
            continue
        certificate = certify(product, network, batches, outcome)
        if certificate.proven:
            coupled = len(joined) == len(lanes)
            return Clearing(product, network, batches, outcome, certificate, coupled, tuple(rejected))
        rejected.append("; ".join(certificate.faults))
    raise NotProven("; ".join(rejected))


def _outcome(
    product: Product, network: Network, batches: Sequence[OrderBatch], solver: Solver,
    start: Mapping[str, Fraction] | None, share: Fraction,
) -> Outcome:  # fmt: skip
    curves = [Curve.of(batch) for batch in batches]
    low, high = prices(product, network, curves, solver, start)
    exact = [a + share * (b - a) for a, b in zip(low, high, strict=True)]
    flow = flows.canonical(curves, network, borders(network), exact, solver)
    price = published(exact, network)
    margins = [curve.margins(p) for curve, p in zip(curves, price, strict=True)]
    sent = flows.whole_lots(network, flow, margins)
    received = [lane.received(f) for lane, f in zip(network.lanes, sent, strict=True)]
    fills = []
    for z, batch in enumerate(batches):
        net = sum(f for link, f in zip(network.links, sent, strict=True) if link.source == z)
        net -= sum(r for link, r in zip(network.links, received, strict=True) if link.target == z)
        fills.append(allocate(batch, price[z], net, margins[z], product.allocation))
    return Outcome(
        price=tuple(price),
        low=tuple(min(p, floor(y / fx * MILLI)) for p, y, fx in zip(price, low, network.fx, strict=True)),
        high=tuple(max(p, ceil(y / fx * MILLI)) for p, y, fx in zip(price, high, network.fx, strict=True)),
        sent=tuple(sent),
        received=tuple(received),
        sold=tuple(sold for sold, _ in fills),
        bought=tuple(bought for _, bought in fills),
    )
