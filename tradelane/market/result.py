"""Result files, ``tradelane.result/1``: what a clearing says of a case. proof.py proves them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from tradelane.market.acceptance import Book, Prices
from tradelane.market.auction import SOLVERS, Clearing, Part, clear_all
from tradelane.market.block import Acceptance
from tradelane.market.block_rows import acceptance_rows
from tradelane.market.case import Case, canonical_json, case_digest
from tradelane.market.certificate import Certificate
from tradelane.market.constraint_rows import Stated
from tradelane.market.joint import clear_together
from tradelane.market.program import Solver
from tradelane.market.result_rows import fill_rows, trade_rows
from tradelane.market.result_rows import price_text as price_text
from tradelane.market.rows import Rows, Table
from tradelane.market.units import exact

FORMAT = "tradelane.result/1"
Json = dict[str, Any]
CERTIFICATE = ("welfare", "gap", "order_slack", "lane_slack", "loss_dust")
MONEY = ("buyers_pay", "sellers_get", "congestion_rent", "freight", "duty")


def clear_case(
    case: Case, progress: Callable[[str], None] = lambda step: None, solvers: Sequence[Solver] = SOLVERS
) -> Json:
    """Clear every product of ``case`` and write the result object; ``progress`` is told each step."""
    result = clear_tables(case, progress, solvers)
    return {name: value.objects() if isinstance(value, Table) else value for name, value in result.items()}


def clear_tables(
    case: Case, progress: Callable[[str], None] = lambda step: None, solvers: Sequence[Solver] = SOLVERS
) -> Json:
    """As ``clear_case``, but fills and trades stay Tables: a million of them take little room."""
    products = sorted(case.products, key=lambda p: p.id)
    if case.blocks:
        orders = {p.id: case.batches(p.id) for p in products}
        joint = clear_together(
            products, case.zones, case.lanes, orders, case.blocks, solvers, progress, case.constraints
        )
        progress("pairing")
        return result_of(case, joint.clearings, joint.accepted, joint.notes)
    parts = [Part(p, case.lanes[p.id], case.batches(p.id)) for p in products]
    clearings = clear_all(parts, case.zones, case.constraints, solvers, progress)
    progress("pairing")
    return result_of(case, clearings)


def result_of(
    case: Case, clearings: Sequence[Clearing], accepted: Acceptance = MappingProxyType({}),
    notes: Sequence[str] = (),
) -> Json:  # fmt: skip
    """The result of proven clearings, one per product of the case, by product id; with Tables."""
    fills: list[Rows] = []
    expanded = case.with_accepted(accepted)
    blocks = {block.id for block in case.blocks}
    trades: list[Rows] = []
    for clearing in clearings:
        orders = expanded.orders[clearing.product.id]
        fills += fill_rows(clearing, orders, blocks, first=sum(map(len, fills)))
        trades += trade_rows(clearing, orders, first=sum(map(len, trades)))
    certificates = [c.certificate for c in clearings]
    result: Json = {
        "format": FORMAT,
        "case_digest": case_digest(case),
        "prices": [row for c in clearings for row in _prices(c)],
        "flows": [row for c in clearings for row in _flows(case, c)],
        "fills": Table(fills),
        "blocks": acceptance_rows(case.blocks, accepted),
        "trades": Table(trades),
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
    if case.constraints:
        stated = _stated(case, clearings)
        result["constraints"] = stated.rows()
        result["certificate"] |= {
            "gap": total(certificates, "gap", stated.slack),
            "constraint_slack": exact(stated.slack),
        }
    return result | {"result_digest": result_digest(result)}


def _stated(case: Case, clearings: Sequence[Clearing]) -> Stated:
    sent = {
        (c.product.id, lane.id): lots
        for c in clearings
        for lane, lots in zip(c.network.lanes, c.outcome.sent, strict=True)
    }
    prices = {id: price for c in clearings for id, price in c.shadow.items()}
    uncoupled = [c.product.id for c in clearings if not c.coupled]
    return Stated(case.constraints, {p.id: p for p in case.products}, uncoupled, sent, prices)


def block_claims(book: Book, accepted: Acceptance, prices: Prices) -> Json:
    """What a result says of its choice of blocks: how far it can be from the best, and who might complain."""
    return {
        "blocks_gap": exact(book.slack(accepted, prices)),
        "paradoxically_rejected": book.paradoxically_rejected(accepted, prices),
    }


def result_digest(result: Mapping[str, Any]) -> str:
    """``sha256:`` over everything else the result says, in canonical form."""
    digest = hashlib.sha256()
    for k, name in enumerate(sorted(result.keys() - {"result_digest"})):
        digest.update((b"," if k else b"{") + canonical_json(name) + b":")
        value = result[name]
        if not isinstance(value, Table):
            digest.update(canonical_json(value))
            continue
        for j, part in enumerate(value.json()):
            digest.update(("," if j else "[").encode() + part.encode())
        digest.update(b"]" if len(value) else b"[]")
    digest.update(b"}")
    return f"sha256:{digest.hexdigest()}"


def total(certificates: Iterable[Certificate], name: str, more: Fraction = Fraction(0)) -> str:
    return exact(sum((getattr(c, name) for c in certificates), more))


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
