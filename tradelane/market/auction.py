"""clear(): one product's orders in all zones → prices, flows, fills and the certificate that proves them.

    curve → coupling → face → flows → whole lots → allocation → certificate

Always true: a Clearing that leaves here proven satisfies certificate.py; the result does not depend on the
order in which zones, lanes or orders are given, only on their ids and sequence numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor

from tradelane.market import highs, lattice, simplex
from tradelane.market.allocation import NotBalanced, allocate
from tradelane.market.batch import OrderBatch
from tradelane.market.certificate import Certificate, Outcome, certify
from tradelane.market.constraint import Constraint, joined, limit_faults, rows, tolls
from tradelane.market.curve import Curve, Margins
from tradelane.market.face import Face
from tradelane.market.flows import canonical
from tradelane.market.leaning import MIDDLE
from tradelane.market.network import Network
from tradelane.market.pricing import at_ticks, borders, priced, published
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.program import NotSolved, Solver
from tradelane.market.units import MILLI, rounded
from tradelane.market.whole import whole_lots

NO_ORDERS = OrderBatch.of(())
SOLVERS: tuple[Solver, ...] = (highs.solve, simplex.solve)
"""Tried in turn until a clearing proves."""
OF_A_MILLITICK = Fraction(3, 10)
"""How far inside a whole millitick a bound may be that shared limits set: their prices are rounded."""


class NotProven(Exception):
    """No clearing of these orders could be proven; nothing may be published."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """A proven result for one product. ``network`` gives the order of zones and lanes in ``outcome``.

    ``rejected`` says why earlier attempts were not published; ``coupled`` is False when the lanes had to be
    left out because no solver's coupled result did prove. ``shadow`` is the price of each constraint it was
    cleared under, numeraire milliticks per lot, those that have one.
    """

    product: Product
    network: Network
    batches: tuple[OrderBatch, ...]
    outcome: Outcome
    certificate: Certificate
    coupled: bool = True
    rejected: tuple[str, ...] = ()
    shadow: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One product among those cleared together, with its lanes and its orders by zone id. ``share`` says
    where between the lowest and the highest optimal prices the published ones stand, ``start`` guesses prices
    in ticks, by zone id.
    """

    product: Product
    lanes: Sequence[Lane]
    orders: Mapping[str, OrderBatch]
    share: Fraction = MIDDLE
    start: Mapping[str, Fraction] | None = None


def clear(
    product: Product,
    zones: Sequence[Zone],
    lanes: Sequence[Lane],
    orders: Mapping[str, OrderBatch],
    solvers: Sequence[Solver] = SOLVERS,
    start: Mapping[str, Fraction] | None = None,
    share: Fraction = MIDDLE,
) -> Clearing:
    """Clear ``orders`` (by zone id) over ``lanes``. ``start`` guesses prices in ticks, by zone id. Else as
    clear_linked.
    """
    return clear_linked([Part(product, lanes, orders, share, start)], zones, (), solvers)[0]


def clear_all(
    parts: Sequence[Part], zones: Sequence[Zone], constraints: Sequence[Constraint],
    solvers: Sequence[Solver] = SOLVERS, progress: Callable[[str], None] = lambda step: None,
) -> tuple[Clearing, ...]:  # fmt: skip
    """Clear every product, together with those that ``constraints`` tie it to. In the order of ``parts``."""
    by_id = {part.product.id: part for part in parts}
    found: dict[str, Clearing] = {}
    for tied in joined(by_id, constraints):
        progress(f"clearing {', '.join(tied)}")
        over = [c for c in constraints if c.products <= set(tied)]
        found |= {c.product.id: c for c in clear_linked([by_id[p] for p in tied], zones, over, solvers)}
    return tuple(found[product] for product in by_id)


def clear_linked(
    parts: Sequence[Part],
    zones: Sequence[Zone],
    constraints: Sequence[Constraint],
    solvers: Sequence[Solver] = SOLVERS,
) -> tuple[Clearing, ...]:
    """Clear products at once under ``constraints`` that may span them; they share lot, tick and limits.

    What one solver finds but does not prove is left to the next; then the zones clear on their own, without
    lanes and so without constraints. NotProven when not even that proves.
    """
    rejected: list[str] = []
    for solver in solvers:
        try:
            found, faults = _attempt(parts, zones, constraints, solver)
        except (NotSolved, NotBalanced, lattice.Inconsistent) as reason:
            rejected.append(str(reason))
            continue
        if not faults:
            return tuple(replace(c, rejected=tuple(rejected)) for c in found)
        rejected.append("; ".join(faults))
    alone = [replace(part, lanes=()) for part in parts]
    try:
        found, faults = _attempt(alone, zones, (), solvers[-1])
    except (NotSolved, NotBalanced, lattice.Inconsistent) as reason:
        raise NotProven("; ".join([*rejected, str(reason)])) from None
    if faults:
        raise NotProven("; ".join([*rejected, *faults]))
    return tuple(
        replace(c, coupled=not part.lanes, rejected=tuple(rejected))
        for c, part in zip(found, parts, strict=True)
    )


def _attempt(
    parts: Sequence[Part], zones: Sequence[Zone], constraints: Sequence[Constraint], solver: Solver
) -> tuple[list[Clearing], list[str]]:
    """A clearing of each part, and what does not hold of them."""
    networks = [Network.of(part.product, zones, part.lanes) for part in parts]
    batches = [
        tuple(part.orders.get(zone.id, NO_ORDERS) for zone in network.zones)
        for part, network in zip(parts, networks, strict=True)
    ]
    curves = [Curve.of(batch) for its in batches for batch in its]
    products = [part.product.id for part in parts]
    together = Network.joined(networks)
    together = replace(together, rows=rows(constraints, products, networks))
    face = priced(parts[0].product, together, curves, solver, parts[0].start)
    shares = [part.share for part, network in zip(parts, networks, strict=True) for _ in network.zones]
    exact = [a + x * (b - a) for a, b, x in zip(face.low, face.high, shares, strict=True)]
    exact = at_ticks(exact, together) if together.rows else exact
    flow = canonical(parts[0].product, curves, together, borders(together), exact, face.shadow, solver)
    price = published(exact, together)
    margins = [curve.margins(p) for curve, p in zip(curves, price, strict=True)]
    sent = whole_lots(together, flow, margins)
    limits = _around(price, face, together)
    shadow = {row.id: rounded(y * MILLI) for row, y in zip(together.rows, face.shadow, strict=True) if y}
    cleared: list[Clearing] = []
    faults: list[str] = []
    z = k = 0
    for part, network, its in zip(parts, networks, batches, strict=True):
        here, over = slice(z, z + len(network.zones)), slice(k, k + len(network.lanes))
        z, k = here.stop, over.stop
        outcome = _outcome(part, network, its, price[here], limits[here], sent[over], margins[here])
        paid = tolls(constraints, shadow, part.product.id, network)
        certificate = certify(part.product, network, its, outcome, paid)
        faults += certificate.faults
        cleared.append(Clearing(part.product, network, its, outcome, certificate, shadow=shadow))
    moved = {
        (c.product.id, lane.id): f
        for c in cleared
        for lane, f in zip(c.network.lanes, c.outcome.sent, strict=True)
    }
    return cleared, [*faults, *limit_faults(constraints, moved, shadow)]


def _around(price: Sequence[int], face: Face, network: Network) -> list[tuple[int, int]]:
    """The published bounds of each price, milliticks: they enclose it and all optimal ones."""
    near = OF_A_MILLITICK if network.rows else 0
    return [
        (min(p, floor(low / fx * MILLI + near)), max(p, ceil(high / fx * MILLI - near)))
        for p, low, high, fx in zip(price, face.lowest, face.highest, network.fx, strict=True)
    ]


def _outcome(
    part: Part, network: Network, batches: Sequence[OrderBatch], price: Sequence[int],
    limits: Sequence[tuple[int, int]], sent: Sequence[int], margins: Sequence[Margins],
) -> Outcome:  # fmt: skip
    received = [lane.received(f) for lane, f in zip(network.lanes, sent, strict=True)]
    net = [0] * len(network.zones)
    for link, f, r in zip(network.links, sent, received, strict=True):
        net[link.source] += f
        net[link.target] -= r
    fills = [
        allocate(batch, p, n, m, part.product.allocation)
        for batch, p, n, m in zip(batches, price, net, margins, strict=True)
    ]
    return Outcome(
        price=tuple(price),
        low=tuple(low for low, _ in limits),
        high=tuple(high for _, high in limits),
        sent=tuple(sent),
        received=tuple(received),
        sold=tuple(sold for sold, _ in fills),
        bought=tuple(bought for _, bought in fills),
    )
