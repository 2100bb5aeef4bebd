"""Proof of a result file with no solver: ``verify`` recomputes everything from the case and the result alone.

Every bound, every balance, the certificate's numbers, the money, the trades against the fills, both digests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

import numpy as np

from tradelane.market.case import Case, CaseError, Fields, case_digest
from tradelane.market.certificate import Outcome, certify
from tradelane.market.network import Network
from tradelane.market.product import Product
from tradelane.market.result import CERTIFICATE, FORMAT, MONEY, ordered, result_digest, total
from tradelane.market.units import MILLI


def verify(case: Case, value: object) -> list[str]:
    """What does not hold of a result; empty means proven. CaseError when the result is malformed."""
    top = Fields(value, "")
    if top.text("format") != FORMAT:
        raise top.fault("format", f"expected {FORMAT}")
    if top.rows("blocks"):
        raise top.fault("blocks", "block orders are not supported by this version")
    result = dict(top.row)
    problems = []
    if top.text("case_digest") != case_digest(case):
        problems.append("case_digest: the result is not of this case")
    if top.text("result_digest") != result_digest(result):
        problems.append("result_digest: does not match the result")
    uncoupled = top.rows("uncoupled")
    fills = _read_fills(case, top)
    prices, flows = _read_prices(case, top), _read_flows(case, top)
    certificates = []
    for product in case.products:
        lanes = () if product.id in uncoupled else case.lanes[product.id]
        network = Network.of(product, case.zones, lanes)
        outcome = _outcome(case, product, network, prices, flows, fills)
        batches = case.batches(product.id)
        certificate = certify(product, network, [batches[z.id] for z in network.zones], outcome)
        problems += [f"{product.id}: {fault}" for fault in certificate.faults]
        certificates.append(certificate)
    for part, names in (("money", MONEY), ("certificate", CERTIFICATE)):
        stated = Fields(result.get(part), f"{part}.")
        for name in names:
            computed = total(certificates, name)
            if stated.decimal(name) != Decimal(computed):
                problems.append(f"{part}.{name}: says {stated.text(name)}, computed {computed}")
    problems += [f"lanes of {p}: flow on an uncoupled product" for p in uncoupled if _flowing(flows, p)]
    return problems + _trade_problems(case, top, prices, fills)


def _flowing(flows: Mapping[tuple[str, str], tuple[int, int]], product: object) -> bool:
    return any(sent or received for (p, _), (sent, received) in flows.items() if p == product)


def _outcome(
    case: Case,
    product: Product,
    network: Network,
    prices: Mapping[tuple[str, str], tuple[int, int, int]],
    flows: Mapping[tuple[str, str], tuple[int, int]],
    fills: Mapping[str, int],
) -> Outcome:
    orders = ordered(case, product.id, network)
    quoted = [prices[product.id, zone.id] for zone in network.zones]
    moved = [flows[product.id, lane.id] for lane in network.lanes]
    return Outcome(
        price=tuple(p for p, _, _ in quoted),
        low=tuple(low for _, low, _ in quoted),
        high=tuple(high for _, _, high in quoted),
        sent=tuple(sent for sent, _ in moved),
        received=tuple(received for _, received in moved),
        sold=tuple(np.array([fills.get(o.id, 0) for o in sells], np.int64) for sells, _ in orders),
        bought=tuple(np.array([fills.get(o.id, 0) for o in buys], np.int64) for _, buys in orders),
    )


def _keyed(case: Case, f: Fields, name: str, known: Iterable[str]) -> tuple[Product, str]:
    products = {p.id: p for p in case.products}
    product, key = f.text("product"), f.text(name)
    if product not in products:
        raise f.fault("product", f"{product!r} is not in the case")
    if key not in set(known):
        raise f.fault(name, f"{key!r} is not in the case")
    return products[product], key


def _read_prices(case: Case, top: Fields) -> dict[tuple[str, str], tuple[int, int, int]]:
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for k, row in enumerate(top.rows("prices")):
        f = Fields(row, f"prices[{k}].")
        product, zone = _keyed(case, f, "zone", (z.id for z in case.zones))
        step = product.tick / MILLI
        price, low, high = (f.steps(name, step, "thousandth of a tick,") for name in ("price", "low", "high"))
        found[product.id, zone] = (price, low, high)
    for product in case.products:
        for z in case.zones:
            if (product.id, z.id) not in found:
                raise CaseError("prices", f"no price for {z.id} in {product.id}")
    return found


def _read_flows(case: Case, top: Fields) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for k, row in enumerate(top.rows("flows")):
        f = Fields(row, f"flows[{k}].")
        product, lane = _keyed(case, f, "lane", (x.id for rows in case.lanes.values() for x in rows))
        found[product.id, lane] = (
            f.steps("sent", product.lot, "lot"),
            f.steps("received", product.lot, "lot"),
        )
    for name, lanes in case.lanes.items():
        for lane_ in lanes:
            if (name, lane_.id) not in found:
                raise CaseError("flows", f"no flow for {lane_.id} in {name}")
    return found


def _read_fills(case: Case, top: Fields) -> dict[str, int]:
    lots = {p.id: p.lot for p in case.products}
    lot_of = {o.id: lots[o.product] for orders in case.orders.values() for o in orders}
    found: dict[str, int] = {}
    for k, row in enumerate(top.rows("fills")):
        f = Fields(row, f"fills[{k}].")
        order = f.text("order")
        if order not in lot_of:
            raise f.fault("order", f"{order!r} is not in the case")
        if order in found:
            raise f.fault("order", f"{order!r} stands twice")
        found[order] = f.steps("quantity", lot_of[order], "lot")
    return found


def _trade_problems(
    case: Case,
    top: Fields,
    prices: Mapping[tuple[str, str], tuple[int, int, int]],
    fills: Mapping[str, int],
) -> list[str]:
    """Trades against fills and prices; where a lane itself stands in (``lane:…``) its side is not checked."""
    products = {p.id: p for p in case.products}
    orders = {o.id: o for rows in case.orders.values() for o in rows}
    traded: Counter[str] = Counter()
    problems = []
    for k, row in enumerate(top.rows("trades")):
        f = Fields(row, f"trades[{k}].")
        for side, amount in (("seller", "quantity"), ("buyer", "received")):
            name = f.text(side)
            if name.startswith("lane:"):
                continue
            if name not in orders:
                raise f.fault(side, f"{name!r} is not in the case")
            order = orders[name]
            product = products[order.product]
            lots = f.steps(amount, product.lot, "lot")
            price = f.steps(f"{side}_price", product.tick / MILLI, "thousandth of a tick,")
            if lots < 0:
                problems.append(f"trades[{k}].{amount}: below zero")
            if price != prices[product.id, order.zone][0]:
                problems.append(f"trades[{k}].{side}_price: is not the price of {order.zone}")
            traded[name] += lots
    for name in sorted(traded.keys() | fills.keys()):
        if traded[name] != fills.get(name, 0):
            problems.append(f"trades: order {name} is not traded as it is filled")
    return problems
