"""Result files, ``tradelane.result/1``: what a clearing says of a case. proof.py proves them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np

from tradelane.market.acceptance import Book, Prices
from tradelane.market.auction import SOLVERS, Clearing, clear
from tradelane.market.block import Acceptance
from tradelane.market.block_rows import acceptance_rows
from tradelane.market.case import Case, canonical_json, case_digest
from tradelane.market.certificate import Certificate
from tradelane.market.joint import clear_together
from tradelane.market.network import Network
from tradelane.market.order import Order, Side
from tradelane.market.pairing import pair
from tradelane.market.product import Product
from tradelane.market.program import Solver
from tradelane.market.trade import Trade
from tradelane.market.units import MILLI, plain

FORMAT = "tradelane.result/1"
Json = dict[str, Any]
CERTIFICATE = ("welfare", "gap", "order_slack", "lane_slack", "loss_dust")
MONEY = ("buyers_pay", "sellers_get", "congestion_rent", "freight", "duty")


def exact(value: Fraction) -> str:
    """A fraction whose denominator is a product of 2s and 5s, as a plain decimal string."""
    twos = fives = 0
    denominator = value.denominator
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if denominator != 1:
        raise ValueError(f"{value} has no finite decimal form")
    places = max(twos, fives)
    digits = value.numerator * 2 ** (places - twos) * 5 ** (places - fives)
    return plain(Decimal(f"{digits}E-{places}"))


def price_text(product: Product, milliticks: int) -> str:
    """A clearing price in currency per unit, with six decimals or what a thousandth of the tick needs."""
    value = product.tick * milliticks / MILLI
    places = max(6, -int(product.tick.normalize().as_tuple().exponent) + 3)
    return format(value, f".{places}f")


def clear_case(
    case: Case, progress: Callable[[str], None] = lambda step: None, solvers: Sequence[Solver] = SOLVERS
) -> Json:
    """Clear every product of ``case`` and write the result object; ``progress`` is told each step."""
    clearings = []
    products = sorted(case.products, key=lambda p: p.id)
    if case.blocks:
        orders = {p.id: case.by_zone(p.id) for p in products}
        joint = clear_together(
            products, case.zones, case.lanes, orders, case.blocks, solvers, progress=progress
        )
        progress("pairing")
        return result_of(case, joint.clearings, joint.accepted, joint.notes)
    for product in products:
        progress(f"clearing {product.id}")
        lanes, batches = case.lanes[product.id], case.batches(product.id)
        clearings.append(clear(product, case.zones, lanes, batches, solvers))
    progress("pairing")
    return result_of(case, clearings)


def result_of(
    case: Case, clearings: Sequence[Clearing], accepted: Acceptance = MappingProxyType({}),
    notes: Sequence[str] = (),
) -> Json:  # fmt: skip
    """The result object of proven clearings, one per product of the case, by product id."""
    fills: list[Json] = []
    expanded = case.with_accepted(accepted)
    blocks = {block.id for block in case.blocks}
    trades: list[Json] = []
    for clearing in clearings:
        orders = ordered(expanded, clearing.product.id, clearing.network)
        fills += [row for row in _fills(clearing, orders) if row["order"] not in blocks]
        ids = [([o.id for o in sells], [o.id for o in buys]) for sells, buys in orders]
        trades += _trades(clearing.product, pair(clearing, ids))
    certificates = [c.certificate for c in clearings]
    result: Json = {
        "format": FORMAT,
        "case_digest": case_digest(case),
        "prices": [row for c in clearings for row in _prices(c)],
        "flows": [row for c in clearings for row in _flows(case, c)],
        "fills": fills,
        "blocks": acceptance_rows(case.blocks, accepted),
        "trades": trades,
        "money": {name: total(certificates, name) for name in MONEY},
        "certificate": {name: total(certificates, name) for name in CERTIFICATE},
        "uncoupled": [c.product.id for c in clearings if not c.coupled],
    }
    if case.blocks:
        quoted = {
            (c.product.id, zone.id): price
            for c in clearings
            for zone, price in zip(c.network.zones, c.outcome.price, strict=True)
        }
        book = Book(case.blocks, case.products, case.zones)
        result["certificate"]["welfare"] = total(
            certificates, "welfare", book.correction(accepted, case.products)
        )
        result |= {**block_claims(book, accepted, quoted), "blocks_notes": list(notes)}
    return result | {"result_digest": result_digest(result)}


def block_claims(book: Book, accepted: Acceptance, prices: Prices) -> Json:
    """What a result says of its choice of blocks: how far it can be from the best, and who might complain."""
    return {
        "blocks_gap": exact(book.slack(accepted, prices)),
        "paradoxically_rejected": book.paradoxically_rejected(accepted, prices),
    }


def result_digest(result: Json) -> str:
    """``sha256:`` over everything else the result says."""
    rest = {name: value for name, value in result.items() if name != "result_digest"}
    return f"sha256:{hashlib.sha256(canonical_json(rest)).hexdigest()}"


def total(certificates: Iterable[Certificate], name: str, more: Fraction = Fraction(0)) -> str:
    return exact(sum((getattr(c, name) for c in certificates), more))


def ordered(case: Case, product: str, network: Network) -> list[tuple[list[Order], list[Order]]]:
    """Sells and buys per zone, as the batches hold them."""
    zones = case.by_zone(product)
    return [
        (
            [o for o in zones[zone.id] if o.side is Side.SELL],
            [o for o in zones[zone.id] if o.side is Side.BUY],
        )
        for zone in network.zones
    ]


def _prices(clearing: Clearing) -> list[Json]:
    product, outcome = clearing.product, clearing.outcome
    return [
        {
            "product": product.id,
            "zone": zone.id,
            "price": price_text(product, outcome.price[z]),
            "low": price_text(product, outcome.low[z]),
            "high": price_text(product, outcome.high[z]),
        }
        for z, zone in enumerate(clearing.network.zones)
    ]


def _flows(case: Case, clearing: Clearing) -> list[Json]:
    product = clearing.product
    moved = {
        lane.id: (sent, received)
        for lane, sent, received in zip(
            clearing.network.lanes, clearing.outcome.sent, clearing.outcome.received, strict=True
        )
    }
    return [
        {
            "product": product.id,
            "lane": lane.id,
            "sent": product.quantity_text(moved.get(lane.id, (0, 0))[0]),
            "received": product.quantity_text(moved.get(lane.id, (0, 0))[1]),
        }
        for lane in sorted(case.lanes[product.id], key=lambda lane: lane.id)
    ]


def _fills(clearing: Clearing, orders: Sequence[tuple[Sequence[Order], Sequence[Order]]]) -> list[Json]:
    found = []
    for z, (sells, buys) in enumerate(orders):
        for rows, fill in ((sells, clearing.outcome.sold[z]), (buys, clearing.outcome.bought[z])):
            found += [(rows[int(k)], int(fill[k])) for k in np.flatnonzero(fill)]
    found.sort(key=lambda row: row[0].seq)
    written = cache(clearing.product.quantity_text)
    return [{"order": o.id, "quantity": written(lots)} for o, lots in found]


def _trades(product: Product, made: Sequence[Trade]) -> Iterator[Json]:
    quantity, price = cache(product.quantity_text), cache(partial(price_text, product))
    for trade in made:
        yield {
            "product": product.id,
            "seller": trade.seller,
            "buyer": trade.buyer,
            "quantity": quantity(trade.sent),
            "received": quantity(trade.received),
            "seller_price": price(trade.seller_price),
            "buyer_price": price(trade.buyer_price),
            "lane": trade.path[-1] if trade.path else None,
            "path": list(trade.path),
        }
