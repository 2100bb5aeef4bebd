"""Random small markets with blocks, and a naive twin that tries every set of accepted blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import highspy
import numpy as np

from tradelane.market.batch import OrderBatch
from tradelane.market.block import Block, with_blocks
from tradelane.market.case import Case
from tradelane.market.constraint import Constraint, Ramp, lane_set
from tradelane.market.curve import Curve
from tradelane.market.joint import Joint, clear_together
from tradelane.market.network import Network
from tradelane.market.order import Order, Side
from tradelane.market.order_table import OrderTable
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.stage import Market
from tradelane.market.units import NANO

LOT, TICK = Decimal("0.001"), Decimal("0.01")
ZONES = (Zone("A", "EUR"), Zone("B", "EUR"))


@dataclass(frozen=True)
class BlockMarket:
    products: tuple[Product, ...]
    lanes: tuple[Lane, ...]
    orders: tuple[Order, ...]
    blocks: tuple[Block, ...]
    constraints: tuple[Constraint, ...] = ()

    def by_zone(self, product: str) -> dict[str, list[Order]]:
        rows = self.of_product(product)
        return {zone.id: [o for o in rows if o.zone == zone.id] for zone in ZONES}

    def cleared(self) -> Joint:
        return clear_together(
            self.products,
            ZONES,
            {p.id: self.lanes for p in self.products},
            {p.id: self.by_zone(p.id) for p in self.products},
            self.blocks,
            constraints=self.constraints,
        )

    def welfare(self, joint: Joint) -> Fraction:
        """What buyers would have paid less what sellers would have taken, EUR, from the fills alone."""
        unit, total = Fraction(TICK * LOT), Fraction(0)
        for clearing in joint.clearings:
            for zone, sold, bought in zip(
                clearing.network.zones, clearing.outcome.sold, clearing.outcome.bought, strict=True
            ):
                rows = with_blocks(
                    clearing.product, self.by_zone(clearing.product.id)[zone.id],
                    [b for b in self.blocks if b.zone == zone.id], joint.accepted,
                )  # fmt: skip
                limit = {b.id: int(b.price / TICK) for b in self.blocks}
                for side, fills in ((Side.SELL, sold), (Side.BUY, bought)):
                    own = [o for o in rows if o.side is side]
                    total -= side.sign * sum(
                        limit.get(o.id, o.price) * int(x) for o, x in zip(own, fills, strict=True)
                    )
        return total * unit

    def of_product(self, product: str) -> list[Order]:
        return [o for o in self.orders if o.product == product]

    def case(self) -> Case:
        names = [zone.id for zone in ZONES]
        return Case(
            "EUR", self.products, ZONES, {p.id: self.lanes for p in self.products},
            {p.id: OrderTable.of(p.id, names, self.of_product(p.id)) for p in self.products},
            tuple(sorted(self.blocks, key=lambda b: b.seq)),
            tuple(sorted(self.constraints, key=lambda c: c.id)),
        )  # fmt: skip

    def parts(self) -> list[Market]:
        """Each product's curves, of the orders alone."""
        return [
            Market(
                [p], Network.of(p, ZONES, self.lanes),
                [Curve.of(OrderBatch.of(rows)) for rows in self.by_zone(p.id).values()],
            )
            for p in self.products
        ]  # fmt: skip

    def turned(self) -> BlockMarket:
        """The same market, its products and blocks given the other way round."""
        return replace(self, products=self.products[::-1], blocks=self.blocks[::-1])


def product(name: str) -> Product:
    return Product(name, "MWh", LOT, TICK, -500, 4000)


def random_block_market(seed: int, *, whole: bool = True) -> BlockMarket:
    """Up to 3 products, 2 zones, 24 orders and 5 blocks; some linked, some exclusive; without ``whole`` some
    may be accepted in part.
    """
    r = random.Random(seed)
    products = tuple(product(f"h{k}") for k in range(r.randint(1, 3)))
    lanes = tuple(
        Lane(f"{a}>{b}", a, b, r.choice([0, 20, 200]))
        for a, b in (("A", "B"), ("B", "A"))
        if r.random() < 0.8
    )
    orders = tuple(
        Order(
            f"o{k}", k, "", r.choice(products).id, r.choice("AB"), r.choice(list(Side)), r.randrange(0, 1000),
            r.randint(1, 60),
        )
        for k in range(r.randint(6, 24))
    )  # fmt: skip
    count = r.randint(1, 5)
    blocks = []
    for k in range(count):
        spread = r.sample(products, r.randint(1, len(products)))
        linked = f"b{r.randrange(k)}" if k and r.random() < 0.25 else None
        group = "g" if linked is None and r.random() < 0.25 else None
        least = NANO if whole else r.choice([NANO, NANO // 2, NANO // 10])
        price = Decimal(r.randrange(200, 800)) * TICK
        blocks.append(
            Block(
                f"b{k}", 100 + k, r.choice("AB"), r.choice(list(Side)), price,
                {p.id: r.randint(5, 60) for p in spread}, least, linked, group,
            )
        )  # fmt: skip
    return BlockMarket(products, lanes, orders, tuple(blocks))


def tied(market: BlockMarket, seed: int) -> BlockMarket:
    """The same with lanes that share a capacity, and a flow that may change by little from hour to hour."""
    r, names = random.Random(seed), [p.id for p in market.products]
    ids = [lane.id for lane in market.lanes]
    constraints = [lane_set(f"set {p}", p, ids, r.choice([5, 15, 60])) for p in names if ids]
    if ids and len(names) > 1:
        constraints += Ramp(
            "ramp", names, ids[:1], ids[1:], r.choice([3, 20]), r.choice([3, 20])
        ).constraints()
    return replace(market, constraints=tuple(constraints))


def naive_best(market: BlockMarket) -> tuple[float, tuple[str, ...]]:
    """Greatest welfare (EUR) over all sets of whole blocks for which prices exist that let none lose."""
    best: tuple[float, tuple[str, ...]] = (-np.inf, ())
    for accepted in _sets(market.blocks):
        welfare = _welfare(market, accepted)
        if welfare is not None and welfare > best[0] + 1e-9 and _priced(market, accepted, welfare):
            best = (welfare, tuple(b.id for b in accepted))
    return best[0] * float(TICK * LOT), best[1]


def _sets(blocks: Sequence[Block]) -> Iterator[tuple[Block, ...]]:
    for count in range(len(blocks) + 1):
        for chosen in combinations(blocks, count):
            ids = {b.id for b in chosen}
            grouped = [b.exclusive_group for b in chosen if b.exclusive_group]
            if all(b.linked_to is None or b.linked_to in ids for b in chosen) and len(grouped) < 2:
                yield chosen


def _injected(market: BlockMarket, accepted: Sequence[Block]) -> dict[tuple[str, str], int]:
    found = {(p.id, z.id): 0 for p in market.products for z in ZONES}
    for block in accepted:
        for name, lots in block.profile.items():
            found[name, block.zone] += block.side.sign * lots
    return found


def _over(market: BlockMarket, product: str, lane: str) -> list[Constraint]:
    return [c for c in market.constraints if (product, lane) in c.share]


def _limit(block: Block) -> float:
    return float(block.price / TICK)


def _welfare(market: BlockMarket, accepted: Sequence[Block]) -> float | None:
    """By one linear program with a column per order and lane; None when the blocks cannot be balanced."""
    rows = {key: k for k, key in enumerate(_injected(market, accepted))}
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has no types
    solver.silent()
    for lots in _injected(market, accepted).values():
        solver.addRow(-lots, -lots, 0, np.array([], np.int32), np.array([]))
    limit = {c.id: len(rows) + k for k, c in enumerate(market.constraints)}
    for c in market.constraints:
        solver.addRow(-np.inf, float(c.room), 0, np.array([], np.int32), np.array([]))
    for o in market.orders:
        at = np.array([rows[o.product, o.zone]], np.int32)
        solver.addCol(o.side.sign * o.price, 0.0, o.quantity, 1, at, np.array([float(o.side.sign)]))
    for p in market.products:
        for lane in market.lanes:
            uses = {limit[c.id]: float(c.share[p.id, lane.id]) for c in _over(market, p.id, lane.id)}
            ends = {rows[p.id, lane.source]: -1.0, rows[p.id, lane.target]: 1.0} | uses
            at, shares = np.array(list(ends), np.int32), np.array(list(ends.values()))
            solver.addCol(0.0, 0.0, lane.capacity, len(ends), at, shares)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    paid = sum(-b.side.sign * _limit(b) * sum(b.profile.values()) for b in accepted)
    return float(paid - solver.getInfo().objective_function_value)


def _priced(market: BlockMarket, accepted: Sequence[Block], welfare: float) -> bool:
    """Whether prices that prove this welfare optimal let no accepted block (with its children) lose.

    Columns: a price per product and zone, then a surplus per order and per lane; the sum of the surpluses and
    of what the blocks gain must not pass the welfare (strong duality).
    """
    keys = {key: k for k, key in enumerate(_injected(market, accepted))}
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has no types
    solver.silent()
    for _ in keys:
        solver.addVar(float(market.products[0].min_price), float(market.products[0].max_price))
    total: dict[int, float] = {}
    for o in market.orders:
        column = solver.getNumCol()
        solver.addVar(0.0, np.inf)
        # surplus ≥ σ(p − limit)
        ends = np.array([column, keys[o.product, o.zone]], np.int32)
        solver.addRow(-o.side.sign * o.price, np.inf, 2, ends, np.array([1.0, -float(o.side.sign)]))
        total[column] = float(o.quantity)
    shadow = {c.id: solver.getNumCol() + k for k, c in enumerate(market.constraints)}
    for c in market.constraints:
        solver.addVar(0.0, np.inf)
        total[shadow[c.id]] = float(c.room)
    for p in market.products:
        for lane in market.lanes:
            column = solver.getNumCol()
            solver.addVar(0.0, np.inf)
            uses = {shadow[c.id]: float(c.share[p.id, lane.id]) for c in _over(market, p.id, lane.id)}
            prices = {column: 1.0, keys[p.id, lane.target]: -1.0, keys[p.id, lane.source]: 1.0}
            _row(solver, 0.0, np.inf, prices | uses)
            total[column] = float(lane.capacity)
    for (name, zone), lots in _injected(market, accepted).items():
        total[keys[name, zone]] = float(lots)
    paid = sum(b.side.sign * _limit(b) * sum(b.profile.values()) for b in accepted)
    _row(solver, -np.inf, welfare + paid + 1e-6, total)
    for block in accepted:
        family = _family(block, accepted)
        gain: dict[int, float] = {}
        for b in family:
            for name, lots in b.profile.items():
                at = keys[name, b.zone]
                gain[at] = gain.get(at, 0.0) + b.side.sign * lots
        least = sum(b.side.sign * _limit(b) * sum(b.profile.values()) for b in family)
        _row(solver, least - 1e-6, np.inf, gain)
    solver.run()
    return bool(solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def _row(solver: highspy.Highs, least: float, most: float, entries: dict[int, float]) -> None:
    columns, values = np.array(list(entries), np.int32), np.array(list(entries.values()))
    solver.addRow(least, most, len(entries), columns, values)


def _family(block: Block, accepted: Sequence[Block]) -> list[Block]:
    found = [block]
    for child in accepted:
        if child.linked_to == block.id:
            found += _family(child, accepted)
    return found
