"""What several lanes must keep together: a capacity they share, a flow-based limit, a ramp between intervals.

Each is one row over lots sent, Σ share·sent ≤ room:

    lane set    Σ sent ≤ capacity, over the lanes of the set
    flow-based  Σ_z PTDF_z·net_z ≤ RAM, net_z = Σ_out sent − Σ_in γ·sent: a lane i→j takes PTDF_i − γ·PTDF_j
    ramping     use_t − use_t−1 ≤ up and use_t−1 − use_t ≤ down, use = Σ lanes along − Σ lanes against

(flow-based and ramping limits as in the EUPHEMIA Public Description; a PTDF is a power transfer distribution
factor, a RAM the remaining available margin of a network element.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tradelane.market.certificate import FREE, Toll
from tradelane.market.network import Network, Row
from tradelane.market.product import Lane
from tradelane.market.units import MILLI, PPM

Place = tuple[str, str]
"""Product id and lane id."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """Σ share·sent ≤ room, in lots; ``share`` by product and lane."""

    id: str
    share: Mapping[Place, Fraction]
    room: Fraction

    @property
    def products(self) -> set[str]:
        return {product for product, _ in self.share}

    def use(self, sent: Mapping[Place, int]) -> Fraction:
        return sum((a * sent.get(place, 0) for place, a in self.share.items()), Fraction(0))


def lane_set(id: str, product: str, lanes: Iterable[str], capacity: int) -> Constraint:
    """Lanes that send at most ``capacity`` lots together."""
    return Constraint(id, {(product, lane): Fraction(1) for lane in lanes}, Fraction(capacity))


def flow_based(
    id: str, product: str, ptdf: Mapping[str, Fraction], ram: Fraction, lanes: Iterable[Lane]
) -> Constraint:
    """A network element that carries ``ptdf`` of each zone's net position (export +) and ``ram`` at most."""
    none = Fraction(0)
    share = {
        (product, lane.id): ptdf.get(lane.source, none)
        - Fraction(PPM - lane.loss_ppm, PPM) * ptdf.get(lane.target, none)
        for lane in lanes
    }
    return Constraint(id, share, ram)


@dataclass(frozen=True, slots=True)
class Ramp:
    """How fast the use of some lanes may change from one product to the next, in lots; None: at will.

    ``before`` is the use in the interval before the first product, None where it is not known.
    """

    id: str
    products: Sequence[str]
    along: Sequence[str]
    against: Sequence[str] = ()
    up: int | None = None
    down: int | None = None
    before: int | None = None

    def constraints(self) -> Iterator[Constraint]:
        for k, product in enumerate(self.products):
            now = self._use(product, Fraction(1))
            back = self._use(product, Fraction(-1))
            if k:
                earlier = self.products[k - 1]
                now |= self._use(earlier, Fraction(-1))
                back |= self._use(earlier, Fraction(1))
            elif self.before is None:
                continue
            start = 0 if k or self.before is None else self.before
            if self.up is not None:
                yield Constraint(f"{self.id} up {product}", now, Fraction(self.up + start))
            if self.down is not None:
                yield Constraint(f"{self.id} down {product}", back, Fraction(self.down - start))

    def _use(self, product: str, sign: Fraction) -> dict[Place, Fraction]:
        along = {(product, lane): sign for lane in self.along}
        return along | {(product, lane): -sign for lane in self.against}


def rows(
    constraints: Sequence[Constraint], products: Sequence[str], networks: Sequence[Network]
) -> tuple[Row, ...]:
    """``constraints`` over the links of all ``networks`` (one a product) one after the other."""
    places = (
        (product, lane.id)
        for product, network in zip(products, networks, strict=True)
        for lane in network.lanes
    )
    index = {place: k for k, place in enumerate(places)}
    return tuple(
        Row(c.id, {index[at]: a for at, a in sorted(c.share.items()) if at in index}, c.room)
        for c in constraints
    )


def tolls(
    constraints: Sequence[Constraint], prices: Mapping[str, int], product: str, network: Network
) -> list[Toll]:
    """What each lane of ``product`` pays for its constraints at their ``prices`` (numeraire milliticks)."""
    found = [FREE] * len(network.lanes)
    place = {lane.id: k for k, lane in enumerate(network.lanes)}
    for constraint in constraints:
        price = Fraction(prices.get(constraint.id, 0), MILLI)
        for (its_product, lane), share in constraint.share.items() if price else ():
            if its_product == product and lane in place:
                k = place[lane]
                found[k] = Toll(found[k].price + share * price, found[k].share + abs(share))
    return found


def slack(
    constraints: Iterable[Constraint], sent: Mapping[Place, int], prices: Mapping[str, int]
) -> Fraction:
    """Σ price·(room − use): what room that has a price but is not used adds to dual − primal, numeraire
    ticks·lots.
    """
    left = (Fraction(prices.get(c.id, 0), MILLI) * (c.room - c.use(sent)) for c in constraints)
    return sum(left, Fraction(0))


def limit_faults(
    constraints: Iterable[Constraint], sent: Mapping[Place, int], prices: Mapping[str, int]
) -> list[str]:
    """Constraints that do not hold, or that have a price and room to spare beyond what whole lots explain."""
    found = []
    for c in constraints:
        price, left = prices.get(c.id, 0), c.room - c.use(sent)
        if left < 0:
            found.append(f"constraint {c.id}: {float(-left):g} lots beyond its room of {float(c.room):g}")
        if price < 0:
            found.append(f"constraint {c.id}: a price below zero")
        if price and left > 2 * sum(map(abs, c.share.values())) * (1 + len(c.share)):
            found.append(f"constraint {c.id}: a price, but {float(left):g} lots of room left")
    return found


def joined(products: Iterable[str], constraints: Sequence[Constraint]) -> list[list[str]]:
    """Products that constraints tie together, in sorted sets; a product without ties stands by itself."""
    group = {product: {product} for product in sorted(products)}
    for constraint in constraints:
        ties = sorted(constraint.products & group.keys())
        together = set().union(*(group[p] for p in ties)) if ties else set()
        for product in together:
            group[product] = together
    return [sorted(one) for p, one in group.items() if p == min(one)]
