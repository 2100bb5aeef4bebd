"""What was metered or shipped against what was sold.

Always true: delivered + imbalance = sent, for every contract, to the lot; no more is delivered than was
metered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradelane.settlement.contract import Contract


@dataclass(frozen=True, slots=True)
class Delivery:
    """``delivered`` of the contract's ``sent`` lots, ``received`` of what the buyer was to receive,
    ``imbalance`` the lots sold and not delivered."""

    contract: Contract
    delivered: int
    received: int
    imbalance: int


def measure(metered: int, contracts: Iterable[Contract]) -> list[Delivery]:
    """Share ``metered`` lots (a seller's export in the interval) over the contracts, first sold first."""
    left = max(0, metered)
    found = []
    for contract in contracts:
        delivered = min(left, contract.sent)
        left -= delivered
        found.append(delivery_of(contract, delivered))
    return found


def delivery_of(contract: Contract, delivered: int) -> Delivery:
    """``delivered`` of the lots sent; what the buyer receives shrinks with them, rounded down."""
    received = contract.received * delivered // contract.sent if contract.sent else 0
    return Delivery(contract, delivered, received, contract.sent - delivered)
