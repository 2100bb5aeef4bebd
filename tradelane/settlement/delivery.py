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
    """Share ``metered`` lots (a seller's export in the interval) over the contracts, first sold first.

    What the buyer receives shrinks with what the seller delivers, rounded down.
    """
    left = max(0, metered)
    found = []
    for contract in contracts:
        delivered = min(left, contract.sent)
        left -= delivered
        received = contract.received * delivered // contract.sent if contract.sent else 0
        found.append(Delivery(contract, delivered, received, contract.sent - delivered))
    return found


def shipped(contract: Contract) -> Delivery:
    """Goods arrive whole or not at all."""
    return Delivery(contract, contract.sent, contract.received, 0)
