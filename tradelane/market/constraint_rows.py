"""Constraints in case files, and what result files say of them; every fault names its field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tradelane.market.constraint import Constraint, Place, Ramp, flow_based, lane_set, limit_faults
from tradelane.market.fields import Fields
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.units import MILLI, exact, plain

Lanes = Mapping[str, Sequence[Lane]]
"""By product id."""


def read_constraints(
    top: Fields, products: Mapping[str, Product], zones: Mapping[str, Zone], lanes: Lanes
) -> tuple[Constraint, ...]:
    """``lane_sets``, ``flow_based`` and ``ramps`` of a case, by id."""
    found: dict[str, Constraint] = {}
    for f, made in (
        *_lane_sets(top, products, lanes),
        *_flow_based(top, products, zones, lanes),
        *_ramps(top, products, lanes),
    ):
        for constraint in made:
            if constraint.id in found:
                raise f.fault("id", f"{constraint.id!r} stands twice")
            found[constraint.id] = constraint
    return tuple(found[id] for id in sorted(found))


Made = Iterator[tuple[Fields, Sequence[Constraint]]]


def _lane_sets(top: Fields, products: Mapping[str, Product], lanes: Lanes) -> Made:
    for k, row in enumerate(top.rows("lane_sets")):
        f = Fields(row, f"lane_sets[{k}].")
        product = products[f.known("product", products)]
        named = _lane_names(f, "lanes", lanes[product.id])
        capacity = _not_negative(f, "capacity", product)
        yield f, [lane_set(f.text("id"), product.id, named, capacity)]


def _flow_based(
    top: Fields, products: Mapping[str, Product], zones: Mapping[str, Zone], lanes: Lanes
) -> Made:
    for k, row in enumerate(top.rows("flow_based")):
        f = Fields(row, f"flow_based[{k}].")
        product = products[f.known("product", products)]
        if not lanes[product.id]:
            raise f.fault("product", f"{product.id} has no lanes")
        shares = f.row.get("ptdf")
        if not isinstance(shares, Mapping) or not shares:
            raise f.fault("ptdf", "expected an object with a factor for at least one zone")
        part = Fields(shares, f"{f.where}ptdf.")
        for zone in shares:
            if zone not in zones:
                raise part.fault(zone, "is no zone of this case")
        ptdf = {zone: Fraction(part.decimal(zone)) for zone in shares}
        ram = Fraction(f.decimal("ram")) / Fraction(product.lot)
        yield f, [flow_based(f.text("id"), product.id, ptdf, ram, lanes[product.id])]


def _ramps(top: Fields, products: Mapping[str, Product], lanes: Lanes) -> Made:
    for k, row in enumerate(top.rows("ramps")):
        f = Fields(row, f"ramps[{k}].")
        over = _names(f, "products", products)
        first = products[over[0]]
        for name in over[1:]:
            other = products[name]
            if _scale(other) != _scale(first):
                raise f.fault("products", f"{name} has another lot, tick or price limit than {first.id}")
        along = _names(f, "along", [x.id for x in lanes[first.id]])
        against = _names(f, "against", [x.id for x in lanes[first.id]]) if "against" in f.row else []
        for name in over:
            for lane in (*along, *against):
                if all(lane != other.id for other in lanes[name]):
                    raise f.fault("products", f"{name} has no lane {lane}")
        up, down = (_not_negative(f, name, first) if name in f.row else None for name in ("up", "down"))
        if up is None and down is None:
            raise f.fault("up", "missing: a ramp limits up, down or both")
        before = f.steps("before", first.lot, "lot") if "before" in f.row else None
        yield f, [*Ramp(f.text("id"), over, along, against, up, down, before).constraints()]


def _scale(product: Product) -> tuple[Decimal, Decimal, int, int]:
    return product.lot, product.tick, product.min_price, product.max_price


def _not_negative(f: Fields, name: str, product: Product) -> int:
    lots = f.steps(name, product.lot, "lot")
    if lots < 0:
        raise f.fault(name, "must not be negative")
    return lots


def _lane_names(f: Fields, name: str, lanes: Sequence[Lane]) -> list[str]:
    return _names(f, name, [lane.id for lane in lanes])


def _names(f: Fields, name: str, known: Collection[str]) -> list[str]:
    named = f.rows(name)
    if not named:
        raise f.fault(name, "names nothing")
    found: list[str] = []
    for k, value in enumerate(named):
        if not isinstance(value, str) or value not in known:
            raise f.fault(f"{name}[{k}]", f"{value!r} is not in this case")
        if value in found:
            raise f.fault(f"{name}[{k}]", f"{value!r} stands twice")
        found.append(value)
    return found


def digest_rows(constraints: Sequence[Constraint]) -> list[Any]:
    """Constraints as the case digest holds them."""
    return [
        [c.id, sorted([*place, str(share)] for place, share in c.share.items()), str(c.room)]
        for c in constraints
    ]


class Stated:
    """What can be said of constraints from the lots sent and their prices: the same when written and proven.

    ``prices`` are numeraire milliticks by id. Those on products left ``uncoupled`` are left out.
    """

    def __init__(
        self, constraints: Sequence[Constraint], products: Mapping[str, Product], uncoupled: Collection[str],
        sent: Mapping[Place, int], prices: Mapping[str, int],
    ) -> None:  # fmt: skip
        self.held = [c for c in constraints if not c.products & set(uncoupled)]
        self.products, self.sent, self.prices = products, sent, prices

    def rows(self) -> list[dict[str, str]]:
        found = []
        for c in self.held:
            product = self._product(c)
            lot = Fraction(product.lot)
            use, room = c.use(self.sent) * lot, c.room * lot
            price = plain(product.tick * self.prices.get(c.id, 0) / MILLI)
            found.append({"constraint": c.id, "use": exact(use), "room": exact(room), "price": price})
        return found

    @property
    def slack(self) -> Fraction:
        """Room that has a price but is not used, numeraire."""
        total = Fraction(0)
        for c in self.held:
            product = self._product(c)
            left = (c.room - c.use(self.sent)) * Fraction(product.lot) * Fraction(product.tick)
            total += Fraction(self.prices.get(c.id, 0), MILLI) * left
        return total

    def faults(self) -> list[str]:
        return limit_faults(self.held, self.sent, self.prices)

    def _product(self, constraint: Constraint) -> Product:
        return self.products[min(constraint.products)]


def read_prices(
    top: Fields, constraints: Sequence[Constraint], products: Mapping[str, Product]
) -> dict[str, int]:
    """Prices of constraints as a result states them, milliticks by id."""
    known = {c.id: c for c in constraints}
    found: dict[str, int] = {}
    for k, row in enumerate(top.rows("constraints")):
        f = Fields(row, f"constraints[{k}].")
        id = f.known("constraint", known)
        if id in found:
            raise f.fault("constraint", f"{id!r} stands twice")
        step = products[min(known[id].products)].tick / MILLI
        found[id] = f.steps("price", step, "thousandth of a tick,")
    return found
