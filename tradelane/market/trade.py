"""A trade: one seller and one buyer matched, made alike by the call auction and the continuous market."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trade:
    """``seller`` and ``buyer`` are order ids; ``sent`` and ``received`` are lots (they differ by the loss).

    ``seller_price`` and ``buyer_price`` are milliticks (thousandths of the product's tick) in the currency
    of each one's own zone. ``path`` holds the lane ids in the order of travel, empty within a zone.
    """

    product: str
    seller: str
    buyer: str
    sent: int
    received: int
    seller_price: int
    buyer_price: int
    path: tuple[str, ...]
