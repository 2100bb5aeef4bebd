"""clear_together(): all products of a case with their blocks → proven clearings and accepted shares.

An accepted block stands in each of its products as an order that takes any price: whatever prices, fills,
proves and pairs orders does so for blocks. Products without blocks to join them are cleared one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tradelane.market import few, lattice, many
from tradelane.market.acceptance import Book
from tradelane.market.auction import SOLVERS, Clearing, Part, clear_all
from tradelane.market.batch import OrderBatch
from tradelane.market.block import Acceptance, Block, with_columns
from tradelane.market.constraint import Constraint, joined, rows
from tradelane.market.curve import Curve
from tradelane.market.leaning import MIDDLE
from tradelane.market.network import Network
from tradelane.market.order import Order
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.program import NotSolved, Solver
from tradelane.market.selection import Selection
from tradelane.market.stage import Market

Orders = Mapping[str, Mapping[str, OrderBatch | Sequence[Order]]]
"""By product id and zone id."""
Batches = Mapping[str, Mapping[str, OrderBatch]]
NOT_CHOSEN = "no choice of blocks was found: all are rejected"


@dataclass(frozen=True, slots=True)
class Joint:
    """``clearings`` in the products' order; ``most_welfare`` (numeraire) bounds every choice of blocks."""

    clearings: tuple[Clearing, ...]
    accepted: Acceptance
    most_welfare: float | None
    notes: tuple[str, ...]
    rounds: int


def clear_together(
    products: Sequence[Product], zones: Sequence[Zone], lanes: Mapping[str, Sequence[Lane]], orders: Orders,
    blocks: Sequence[Block], solvers: Sequence[Solver] = SOLVERS,
    progress: Callable[[str], None] = lambda step: None, constraints: Sequence[Constraint] = (),
) -> Joint:  # fmt: skip
    """Choose blocks and clear every product with them. NotProven when not even that without blocks proves."""
    book = Book(blocks, products, zones)
    batches = {p.id: {z.id: _columns(orders[p.id].get(z.id, ())) for z in zones} for p in products}
    forbidden: frozenset[str] = frozenset()
    while len(forbidden) < len(blocks):
        progress(f"choosing among {len(blocks) - len(forbidden)} blocks")
        try:
            found = _selected(products, zones, lanes, batches, book, solvers, forbidden, constraints)
        except (NotSolved, lattice.Inconsistent):
            break
        clearings = _cleared(products, zones, lanes, batches, book, found, solvers, progress, constraints)
        offending = _offending(clearings, book, found.accepted)
        if not offending:
            return Joint(clearings, found.accepted, found.most_welfare, found.notes, found.rounds)
        forbidden |= offending
    nothing = Selection({}, {}, {}, 0.0, (), 0)
    clearings = _cleared(products, zones, lanes, batches, book, nothing, solvers, progress, constraints)
    return Joint(clearings, {}, None, (NOT_CHOSEN,) if blocks else (), 0)


def _selected(
    products: Sequence[Product], zones: Sequence[Zone], lanes: Mapping[str, Sequence[Lane]], batches: Batches,
    book: Book, solvers: Sequence[Solver], forbidden: frozenset[str], constraints: Sequence[Constraint],
) -> Selection:  # fmt: skip
    by_id = {product.id: product for product in products}
    markets = []
    for tied in joined(by_id, constraints):
        networks = [Network.of(by_id[p], zones, lanes[p]) for p in tied]
        over = [c for c in constraints if c.products <= set(tied)]
        network = replace(Network.joined(networks), rows=rows(over, tied, networks))
        pairs = [(p, zone.id) for p, n in zip(tied, networks, strict=True) for zone in n.zones]
        curves = [Curve.of(batches[p][zone]) for p, zone in pairs]
        markets.append(Market([by_id[p] for p in tied], network, curves))
    select = few.select if len(book.blocks) <= few.MOST else many.select
    for solver in solvers[:-1]:
        try:
            return select(markets, book, solver, forbidden)
        except (NotSolved, lattice.Inconsistent):
            continue
    return select(markets, book, solvers[-1], forbidden)


def _cleared(
    products: Sequence[Product], zones: Sequence[Zone], lanes: Mapping[str, Sequence[Lane]], batches: Batches,
    book: Book, found: Selection, solvers: Sequence[Solver], progress: Callable[[str], None],
    constraints: Sequence[Constraint],
) -> tuple[Clearing, ...]:  # fmt: skip
    accepted: dict[str, list[Block]] = {}
    for block in book.blocks:
        if found.accepted.get(block.id):
            accepted.setdefault(block.zone, []).append(block)
    parts = [
        Part(
            product,
            lanes[product.id],
            {
                zone: with_columns(batch, product, accepted.get(zone, ()), found.accepted)
                for zone, batch in batches[product.id].items()
            },
            found.shares.get(product.id, MIDDLE),
            found.near.get(product.id),
        )
        for product in products
    ]
    return clear_all(parts, zones, constraints, solvers, progress)


def _columns(orders: OrderBatch | Sequence[Order]) -> OrderBatch:
    return orders if isinstance(orders, OrderBatch) else OrderBatch.of(orders)


def _offending(clearings: Sequence[Clearing], book: Book, accepted: Acceptance) -> set[str]:
    """Accepted blocks not filled as accepted, at a loss after all, or in a product left uncoupled."""
    by_id = {block.id: block for block in book.blocks if block.id in accepted}
    prices = {
        (c.product.id, zone.id): p
        for c in clearings
        for zone, p in zip(c.network.zones, c.outcome.price, strict=True)
    }
    found = {fault.block for fault in book.faults(accepted, prices)}
    for clearing in clearings:
        product = clearing.product
        seqs: dict[int, int] = {}
        for z, batch in enumerate(clearing.batches):
            for side, fill in (
                (batch.sells, clearing.outcome.sold[z]),
                (batch.buys, clearing.outcome.bought[z]),
            ):
                seqs.update(zip(side.seq.tolist(), fill.tolist(), strict=True))
        for block in by_id.values():
            lots = block.lots(product.id, accepted[block.id])
            if lots and (not clearing.coupled or seqs[block.seq] != lots):
                found.add(block.id)
    return found
