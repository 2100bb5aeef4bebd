"""A settled contract whose delivery turns out to be another: only the difference is moved.

Always true: what was settled and its correction together move, between any two accounts and for any one
reason, what settling the corrected delivery would have moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tradelane.market.units import Money
from tradelane.settlement.delivery import Delivery
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.settle import settle


def correction_of(contract: str) -> str:
    """The name of a contract's correction among the settlements."""
    return f"{contract}:corrected"


def correct(before: Delivery, after: Delivery, penalty_ppm: int) -> list[Transfer]:
    """All transfers that turn a settlement of ``before`` into one of ``after``, of the same contract."""
    moved: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    for sign, delivery in ((-1, before), (1, after)):
        for one in settle(delivery, penalty_ppm):
            way, nano = _way(one)
            moved[way] += sign * nano
    name, product = correction_of(after.contract.id), after.contract.product.id
    return [
        Transfer(f"{name}/{k}", source, target, Money(nano, currency), kind, product)
        for k, (source, target, nano, currency, kind) in enumerate(_positive(moved))
    ]


def _way(one: Transfer) -> tuple[tuple[str, str, str, str], int]:
    """Two accounts in one order, whichever way money goes, and nano-units from the first to the second."""
    first, second = sorted((one.source, one.target))
    nano = one.amount.nano if one.source == first else -one.amount.nano
    return (first, second, one.amount.currency, one.kind), nano


def _positive(moved: dict[tuple[str, str, str, str], int]) -> Iterator[tuple[str, str, int, str, str]]:
    for (first, second, currency, kind), nano in sorted(moved.items()):
        if nano > 0:
            yield first, second, nano, currency, kind
        elif nano < 0:
            yield second, first, -nano, currency, kind
