"""Stated trades held against the rule, where orders prefer whom they trade with.

Without preferences any trades prove that add up to the fills. With them somebody may have been passed over:
they have to be those of pairing.py, in whatever order and however split up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tradelane.market.auction import Clearing
from tradelane.market.fields import CaseError
from tradelane.market.order_rows import UNUSUAL
from tradelane.market.order_table import OrderTable
from tradelane.market.product import Product
from tradelane.market.result_rows import trade_rows
from tradelane.market.rows import Rows
from tradelane.market.steps import Steps

AMOUNTS = ("quantity", "received")
Pair = tuple[str, str, tuple[str, ...]]
"""Seller, buyer and path."""


def pairing_problems(clearing: Clearing, orders: OrderTable, trades: Sequence[Rows]) -> list[str]:
    """What of the stated ``trades`` the orders' preferences do not give. CaseError when one is malformed."""
    if orders.wishes is None:
        return []
    product = clearing.product
    due = _met(product, trade_rows(clearing, orders, 0))
    stated = _met(product, trades)
    wrong = sorted(
        {
            key[:2]
            for amount in AMOUNTS
            for key in due[amount].keys() | stated[amount].keys()
            if due[amount][key] != stated[amount][key]
        }
    )
    if not wrong:
        return []
    seller, buyer = wrong[0]
    return [f"trades: {product.id}: {seller} and {buyer} trade as their preferences do not give"]


def _met(product: Product, parts: Iterable[Rows]) -> dict[str, Counter[Pair]]:
    """Lots sent and received by pair and path."""
    found: dict[str, Counter[Pair]] = {amount: Counter() for amount in AMOUNTS}
    steps = Steps(product.lot)
    for rows in parts:
        try:
            own = [k for k, name in enumerate(rows.column("product")) if name == product.id]
            names = [rows.column(name) for name in ("seller", "buyer", "path")]
            pairs = [(names[0][k], names[1][k], tuple(names[2][k])) for k in own]
            for amount in AMOUNTS:
                texts = rows.column(amount)
                for pair, lots in zip(pairs, steps.counts([texts[k] for k in own]).tolist(), strict=True):
                    found[amount][pair] += lots
        except UNUSUAL:
            fields = "product, seller, buyer, quantity, received and path"
            raise CaseError(rows.place.of(0), f"from here on a trade is without {fields}") from None
    return found
