"""Case files: a market as other people's text, ``tradelane.case/1``.

Reading is strict: every fault names the place (``orders[3].price``, or ``orders.csv line 17: price``), and
nothing is guessed. Numbers that carry money or energy are decimal strings, never JSON floats.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tradelane.market.batch import OrderBatch
from tradelane.market.block import Acceptance, Block, with_blocks
from tradelane.market.block_rows import digest_row, read_blocks
from tradelane.market.constraint import Constraint
from tradelane.market.constraint_rows import digest_rows, read_constraints
from tradelane.market.document import read_document
from tradelane.market.fields import CaseError as CaseError
from tradelane.market.fields import Fields as Fields
from tradelane.market.fields import read_json as read_json
from tradelane.market.order import Order
from tradelane.market.order_rows import OrderRows
from tradelane.market.order_table import OrderTable
from tradelane.market.product import Allocation, Lane, Product, Zone
from tradelane.market.rows import Rows, parts_of
from tradelane.market.units import PPM, plain

FORMAT = "tradelane.case/1"
T = TypeVar("T", Product, Zone)
Attachment = Callable[[str], Iterable[Rows]]
"""Opens the file named in ``orders`` and gives its rows, part by part."""


@dataclass(frozen=True, slots=True)
class Case:
    """``lanes`` and ``orders`` by product id; orders and blocks in sequence order, constraints by id."""

    numeraire: str
    products: tuple[Product, ...]
    zones: tuple[Zone, ...]
    lanes: Mapping[str, tuple[Lane, ...]]
    orders: Mapping[str, OrderTable]
    blocks: tuple[Block, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    def batches(self, product: str) -> dict[str, OrderBatch]:
        """The orders of one product as columns, by zone id."""
        return {zone.id: self.orders[product].batch(zone.id) for zone in self.zones}

    def by_zone(self, product: str) -> dict[str, list[Order]]:
        found: dict[str, list[Order]] = {zone.id: [] for zone in self.zones}
        for order in self.orders[product]:
            found[order.zone].append(order)
        return found

    def with_accepted(self, accepted: Acceptance) -> Case:
        """The case in which accepted blocks stand among the orders, taking any price."""
        if not accepted:
            return self
        taken = {p.id: with_blocks(p, (), self.blocks, accepted) for p in self.products}
        return replace(self, orders={p: table.joined(taken[p]) for p, table in self.orders.items()})


def read_case(text: str, attachment: Attachment) -> Case:
    """The case in ``text``; CaseError names what is wrong."""
    top = Fields(read_document(text, {"orders"}), "")
    if top.text("format") != FORMAT:
        raise top.fault("format", f"expected {FORMAT}")
    products = _unique([_product(r, k) for k, r in enumerate(top.rows("products"))], "products")
    zones = _unique([_zone(r, k) for k, r in enumerate(top.rows("zones"))], "zones")
    numeraire = top.text("numeraire")
    if not products:
        raise top.fault("products", "at least one product is needed")
    if not zones:
        raise top.fault("zones", "at least one zone is needed")
    lanes: dict[str, list[Lane]] = {p: [] for p in products}
    for k, row in enumerate(top.rows("lanes")):
        product, lane = _lane(row, k, products, zones)
        if any(lane.id == other.id for other in lanes[product]):
            raise CaseError(f"lanes[{k}].id", f"{lane.id!r} stands twice for this product")
        lanes[product].append(lane)
    orders = _orders(top, attachment, products, zones)
    return Case(
        numeraire,
        tuple(products.values()),
        tuple(zones.values()),
        {p: tuple(rows) for p, rows in lanes.items()},
        orders,
        read_blocks(top, products, zones, _taken(top, orders)),
        read_constraints(top, products, zones, lanes),
    )


def _unique(rows: Sequence[T], where: str) -> dict[str, T]:
    found: dict[str, T] = {}
    for k, row in enumerate(rows):
        if row.id in found:
            raise CaseError(f"{where}[{k}].id", f"{row.id!r} stands twice")
        found[row.id] = row
    return found


def _product(row: object, k: int) -> Product:
    f = Fields(row, f"products[{k}].")
    lot, tick = f.decimal("lot"), f.decimal("tick")
    for name, value in (("lot", lot), ("tick", tick)):
        if value <= 0:
            raise f.fault(name, "must be greater than zero")
    low, high = f.steps("min_price", tick, "tick"), f.steps("max_price", tick, "tick")
    if high < low:
        raise f.fault("max_price", "is below min_price")
    try:
        rule = Allocation(f.row.get("allocation", Allocation.TIME))
    except ValueError:
        raise f.fault("allocation", f"is one of {', '.join(Allocation)}") from None
    return Product(f.text("id"), f.text("unit"), lot, tick, low, high, rule)


def _zone(row: object, k: int) -> Zone:
    f = Fields(row, f"zones[{k}].")
    fx = f.decimal("fx", "1")
    if fx <= 0:
        raise f.fault("fx", "must be greater than zero")
    return Zone(f.text("id"), f.text("currency"), fx)


def _lane(
    row: object, k: int, products: Mapping[str, Product], zones: Mapping[str, Zone]
) -> tuple[str, Lane]:
    f = Fields(row, f"lanes[{k}].")
    product = f.known("product", products)
    source, target = f.known("source", zones), f.known("target", zones)
    if source == target:
        raise f.fault("target", "is the source itself")
    capacity = f.steps("capacity", products[product].lot, "lot")
    loss, duty = f.integer("loss_ppm", 0), f.integer("duty_ppm", 0)
    if capacity < 0:
        raise f.fault("capacity", "must not be negative")
    if not 0 <= loss < PPM:
        raise f.fault("loss_ppm", f"is from 0 to {PPM - 1}")
    if duty < 0:
        raise f.fault("duty_ppm", "must not be negative")
    return product, Lane(f.text("id"), source, target, capacity, loss, f.decimal("tariff", "0"), duty)


def _orders(
    top: Fields, attachment: Attachment, products: Mapping[str, Product], zones: Mapping[str, Zone]
) -> dict[str, OrderTable]:
    named = top.row.get("orders", [])
    parts = attachment(named) if isinstance(named, str) else parts_of("orders", named)
    if parts is None:
        raise top.fault("orders", "expected a list or the name of a table")
    rows = OrderRows(products, zones)
    for part in parts:
        rows.add(part)
    return rows.tables()


def _taken(top: Fields, orders: Mapping[str, OrderTable]) -> tuple[set[str], set[int]]:
    """Ids and sequence numbers of all orders, where there are blocks that must not have them again."""
    if not top.row.get("blocks"):
        return set(), set()
    ids = {id for table in orders.values() for id in table.id}
    return ids, {seq for table in orders.values() for seq in table.seq.tolist()}


def canonical_json(value: object) -> bytes:
    """Sorted keys, no spaces, UTF-8: the form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def case_digest(case: Case) -> str:
    """``sha256:`` over the case in canonical form, whatever the order of its lines."""
    head = {
        "format": FORMAT,
        "numeraire": case.numeraire,
        "products": sorted(
            [p.id, p.unit, plain(p.lot), plain(p.tick), p.min_price, p.max_price, p.allocation]
            for p in case.products
        ),
        "zones": sorted([z.id, z.currency, plain(z.fx)] for z in case.zones),
        "lanes": sorted(
            [product, x.id, x.source, x.target, x.capacity, x.loss_ppm, plain(x.tariff), x.duty_ppm]
            for product, lanes in case.lanes.items()
            for x in lanes
        ),
    }
    if case.constraints:
        head["constraints"] = digest_rows(case.constraints)
    digest = hashlib.sha256(canonical_json(head))
    for product in sorted(case.orders):
        for lines in case.orders[product].lines():
            digest.update(lines.encode())
    for block in case.blocks:
        digest.update(canonical_json(digest_row(block)) + b"\n")
    return f"sha256:{digest.hexdigest()}"
