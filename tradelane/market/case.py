"""Case files: a market as other people's text, ``tradelane.case/1``.

Reading is strict: every fault names the place (``orders[3].price``, or ``orders.csv line 17: price``), and
nothing is guessed. Numbers that carry money or energy are decimal strings, never JSON floats.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from tradelane.market.batch import OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.order_rows import OrderRows
from tradelane.market.product import Allocation, Lane, Product, Zone
from tradelane.market.units import PPM, decimal, plain, whole

FORMAT = "tradelane.case/1"
T = TypeVar("T", Product, Zone)
Attachment = Callable[[str], Iterable[Mapping[str, str]]]
"""Opens the file named in ``orders`` and gives its rows by column name."""


class CaseError(Exception):
    """A malformed case or result: ``where`` is the field at fault, ``reason`` says what is wrong with it."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Case:
    """``lanes`` and ``orders`` by product id; orders in sequence order."""

    numeraire: str
    products: tuple[Product, ...]
    zones: tuple[Zone, ...]
    lanes: Mapping[str, tuple[Lane, ...]]
    orders: Mapping[str, tuple[Order, ...]]

    def batches(self, product: str) -> dict[str, OrderBatch]:
        """The orders of one product as columns, by zone id."""
        return {zone: OrderBatch.of(rows) for zone, rows in self.by_zone(product).items()}

    def by_zone(self, product: str) -> dict[str, list[Order]]:
        found: dict[str, list[Order]] = {zone.id: [] for zone in self.zones}
        for order in self.orders[product]:
            found[order.zone].append(order)
        return found


class Fields:
    """One JSON object read field by field, knowing where it stands."""

    def __init__(self, row: object, where: str) -> None:
        if not isinstance(row, Mapping):
            raise CaseError(where, "expected an object")
        self.row: Mapping[str, Any] = row
        self.where = where

    def fault(self, name: str, reason: object) -> CaseError:
        return CaseError(f"{self.where}{name}", str(reason))

    def text(self, name: str) -> str:
        value = self.row.get(name)
        if not isinstance(value, str) or not value:
            raise self.fault(name, "missing" if value is None else "expected a text")
        return value

    def decimal(self, name: str, default: str | None = None) -> Decimal:
        try:
            return decimal(self.row.get(name, default))
        except ValueError as reason:
            raise self.fault(name, reason if name in self.row else "missing") from None

    def steps(self, name: str, step: Decimal, of: str) -> int:
        value = self.decimal(name)
        try:
            return whole(value, step)
        except ValueError:
            raise self.fault(name, f"{plain(value)} is not a multiple of the {of} {plain(step)}") from None

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.row.get(name, default)
        if isinstance(value, str) and value.strip().lstrip("-").isdigit():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(name, "missing" if value is None else "expected a whole number")
        return value

    def rows(self, name: str) -> Sequence[object]:
        value = self.row.get(name, [])
        if not isinstance(value, list):
            raise self.fault(name, "expected a list")
        return value


def _no_float(text: str) -> float:
    raise ValueError(f"{text} is a bare number; write money and energy as a decimal string")


def read_json(text: str) -> object:
    """JSON without floats: they carry no exact amount."""
    try:
        return json.loads(text, parse_float=_no_float, parse_constant=_no_float)
    except ValueError as reason:
        raise CaseError("file", f"not valid JSON for a case: {reason}") from None


def read_case(text: str, attachment: Attachment) -> Case:
    """The case in ``text``; CaseError names what is wrong. Blocks are refused until the market takes them."""
    top = Fields(read_json(text), "")
    if top.text("format") != FORMAT:
        raise top.fault("format", f"expected {FORMAT}")
    if top.rows("blocks"):
        raise top.fault("blocks", "block orders are not supported by this version")
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
    return Case(
        numeraire,
        tuple(products.values()),
        tuple(zones.values()),
        {p: tuple(rows) for p, rows in lanes.items()},
        _orders(top, attachment, products, zones),
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
    product = _known(f, "product", products)
    source, target = _known(f, "source", zones), _known(f, "target", zones)
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


def _known(f: Fields, name: str, known: Mapping[str, object]) -> str:
    value = f.text(name)
    if value not in known:
        raise f.fault(name, f"{value!r} is not in this case")
    return value


def _orders(
    top: Fields, attachment: Attachment, products: Mapping[str, Product], zones: Mapping[str, Zone]
) -> dict[str, tuple[Order, ...]]:
    named = top.row.get("orders", [])
    rows: Iterable[tuple[str, object]]
    if isinstance(named, str):
        rows = ((f"{named} line {line}: ", row) for line, row in enumerate(attachment(named), start=2))
    else:
        rows = ((f"orders[{k}].", row) for k, row in enumerate(top.rows("orders")))
    found: dict[str, list[Order]] = {p: [] for p in products}
    ids: set[str] = set()
    sequences: set[int] = set()
    quick = OrderRows(products, zones)
    for where, row in rows:
        order = quick.read(row) or _order(Fields(row, where), products, zones)
        if order.id in ids:
            raise CaseError(f"{where}id", f"{order.id!r} stands twice")
        if order.seq in sequences:
            raise CaseError(f"{where}seq", f"{order.seq} stands twice")
        ids.add(order.id)
        sequences.add(order.seq)
        found[order.product].append(order)
    return {p: tuple(sorted(orders, key=lambda o: o.seq)) for p, orders in found.items()}


def _order(f: Fields, products: Mapping[str, Product], zones: Mapping[str, Zone]) -> Order:
    product = products[_known(f, "product", products)]
    zone = _known(f, "zone", zones)
    if f.text("side") not in set(Side):
        raise f.fault("side", f"is one of {', '.join(Side)}")
    price = f.steps("price", product.tick, "tick")
    if not product.min_price <= price <= product.max_price:
        limits = f"{product.price_text(product.min_price)} to {product.price_text(product.max_price)}"
        raise f.fault("price", f"is outside the product's limits {limits}")
    quantity = f.steps("quantity", product.lot, "lot")
    if quantity <= 0:
        raise f.fault("quantity", "must be greater than zero")
    return Order(f.text("id"), f.integer("seq"), "", product.id, zone, Side(f.text("side")), price, quantity)


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
    digest = hashlib.sha256(canonical_json(head))
    for product in sorted(case.orders):
        for o in case.orders[product]:
            row = (o.seq, o.id, o.product, o.zone, o.side.value, o.price, o.quantity)
            digest.update("\x1f".join(map(str, row)).encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"
