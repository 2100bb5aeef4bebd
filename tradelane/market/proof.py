"""Proof of a result file with no solver: ``verify`` recomputes everything from the case and the result alone.

Every bound, every balance, the certificate's numbers, the money, the trades against the fills and the orders'
preferences, both digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from tradelane.market.acceptance import Book, Prices
from tradelane.market.auction import Clearing
from tradelane.market.block import Acceptance
from tradelane.market.block_rows import read_acceptance
from tradelane.market.case import Case, CaseError, Fields, case_digest
from tradelane.market.certificate import Outcome, Toll, certify
from tradelane.market.constraint import tolls
from tradelane.market.constraint_rows import Stated, read_prices
from tradelane.market.network import Network
from tradelane.market.order_table import OrderTable
from tradelane.market.paired import pairing_problems
from tradelane.market.product import Product
from tradelane.market.result import CERTIFICATE, FORMAT, MONEY, block_claims, result_digest, total
from tradelane.market.rows import Rows, parts_of
from tradelane.market.stated import Fills, Numbered, Traded
from tradelane.market.units import MILLI, exact


def verify(case: Case, value: object) -> list[str]:
    """What does not hold of a result; empty means proven. CaseError when the result is malformed."""
    top = Fields(value, "")
    if top.text("format") != FORMAT:
        raise top.fault("format", f"expected {FORMAT}")
    problems = _digest_problems(case, top)
    uncoupled = [str(product) for product in top.rows("uncoupled")]
    prices, flows = _read_prices(case, top), _read_flows(case, top)
    quoted = {key: price for key, (price, _, _) in prices.items()}
    accepted = read_acceptance(top, {block.id for block in case.blocks})
    book = Book(case.blocks, case.products, case.zones)
    case = case.with_accepted(accepted)
    orders = Numbered(case.products, case.orders, {block.id for block in case.blocks})
    fills = Fills(orders)
    for rows in _rows(top, "fills"):
        fills.add(rows)
    products = {p.id: p for p in case.products}
    shadow = read_prices(top, case.constraints, products)
    sent = {place: lots for place, (lots, _) in flows.items()}
    said = Stated(case.constraints, products, uncoupled, sent, shadow)
    clearings = []
    for product in case.products:
        network = Network.of(product, case.zones, () if product.id in uncoupled else case.lanes[product.id])
        outcome = _outcome(case.orders[product.id], network, prices, flows, fills)
        paid = tolls(said.held, shadow, product.id, network)
        clearings.append(_certified(case, product, network, outcome, paid))
    problems += [f"{c.product.id}: {fault}" for c in clearings for fault in c.certificate.faults]
    problems += _total_problems(top, clearings, book.correction(accepted, case.products), said.slack)
    problems += [f"lanes of {p}: flow on an uncoupled product" for p in uncoupled if _flowing(flows, p)]
    if case.constraints:
        problems += _constraint_problems(top, said)
    if case.blocks:
        problems += _block_problems(top, book, accepted, quoted)
    trades = _rows(top, "trades")
    traded = Traded(orders, quoted)
    for rows in trades:
        traded.add(rows)
    problems += traded.problems(fills)
    if problems:
        return problems
    return [
        problem
        for clearing in clearings
        for problem in pairing_problems(clearing, case.orders[clearing.product.id], trades)
    ]


def _digest_problems(case: Case, top: Fields) -> list[str]:
    problems = []
    if top.text("case_digest") != case_digest(case):
        problems.append("case_digest: the result is not of this case")
    if top.text("result_digest") != result_digest(dict(top.row)):
        problems.append("result_digest: does not match the result")
    return problems


def _certified(
    case: Case, product: Product, network: Network, outcome: Outcome, paid: Sequence[Toll]
) -> Clearing:
    by_zone = case.batches(product.id)
    batches = tuple(by_zone[zone.id] for zone in network.zones)
    return Clearing(product, network, batches, outcome, certify(product, network, batches, outcome, paid))


def _total_problems(
    top: Fields, clearings: Sequence[Clearing], correction: Fraction, slack: Fraction
) -> list[str]:
    """Sums of all products: ``correction`` is what blocks change of the welfare, ``slack`` what the
    constraints add to the gap."""
    certificates, problems = [clearing.certificate for clearing in clearings], []
    more = {"welfare": correction, "gap": slack}
    for part, names in (("money", MONEY), ("certificate", CERTIFICATE)):
        stated = Fields(top.row.get(part), f"{part}.")
        for name in names:
            computed = total(certificates, name, more.get(name, Fraction(0)))
            if stated.decimal(name) != Decimal(computed):
                problems.append(f"{part}.{name}: says {stated.text(name)}, computed {computed}")
    return problems


def _rows(top: Fields, name: str) -> Sequence[Rows]:
    parts = parts_of(name, top.row.get(name, []))
    if parts is None:
        raise top.fault(name, "expected a list")
    return parts


def _block_problems(top: Fields, book: Book, accepted: Acceptance, prices: Prices) -> list[str]:
    problems = [str(fault) for fault in book.faults(accepted, prices)]
    claims = block_claims(book, accepted, prices)
    if top.decimal("blocks_gap") != Decimal(claims["blocks_gap"]):
        problems.append(f"blocks_gap: says {top.text('blocks_gap')}, computed {claims['blocks_gap']}")
    if top.rows("paradoxically_rejected") != claims["paradoxically_rejected"]:
        problems.append(f"paradoxically_rejected: computed {claims['paradoxically_rejected']}")
    return problems


def _constraint_problems(top: Fields, said: Stated) -> list[str]:
    problems = said.faults()
    if top.rows("constraints") != said.rows():
        problems.append("constraints: not what the flows and their prices make them")
    says, computed = Fields(top.row.get("certificate"), "certificate."), exact(said.slack)
    if says.decimal("constraint_slack") != Decimal(computed):
        problems.append(f"certificate.constraint_slack: computed {computed}")
    return problems


def _flowing(flows: Mapping[tuple[str, str], tuple[int, int]], product: object) -> bool:
    return any(sent or received for (p, _), (sent, received) in flows.items() if p == product)


def _outcome(
    orders: OrderTable,
    network: Network,
    prices: Mapping[tuple[str, str], tuple[int, int, int]],
    flows: Mapping[tuple[str, str], tuple[int, int]],
    fills: Fills,
) -> Outcome:
    product, lots = orders.product, fills.of(orders.product)
    quoted = [prices[product, zone.id] for zone in network.zones]
    moved = [flows[product, lane.id] for lane in network.lanes]
    sides = [orders.sides[zone.id] for zone in network.zones]
    return Outcome(
        price=tuple(p for p, _, _ in quoted),
        low=tuple(low for _, low, _ in quoted),
        high=tuple(high for _, _, high in quoted),
        sent=tuple(sent for sent, _ in moved),
        received=tuple(received for _, received in moved),
        sold=tuple(lots[sells] for sells, _ in sides),
        bought=tuple(lots[buys] for _, buys in sides),
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
