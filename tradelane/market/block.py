"""Block orders: energy over several products, accepted by one share or not at all.

A block is accepted by a share a (nano-shares: 10⁹ is all of it): a = 0, or min_acceptance ≤ a ≤ 1. A child
(``linked_to``) is accepted at most as much as its parent; the shares of an exclusive group sum to at most 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import numpy as np

from tradelane.market.batch import Columns, OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.product import Product
from tradelane.market.units import NANO, rounded

Acceptance = Mapping[str, int]
"""Accepted share by block id, in nano-shares; blocks that are not named are rejected."""


@dataclass(frozen=True, slots=True)
class Block:
    """``price`` is the limit in the zone's currency per unit, a whole number of ticks of every product of
    the profile; ``profile`` is lots by product id; ``min_acceptance`` is in nano-shares.
    """

    id: str
    seq: int
    zone: str
    side: Side
    price: Decimal
    profile: Mapping[str, int]
    min_acceptance: int = NANO
    linked_to: str | None = None
    exclusive_group: str | None = None

    def lots(self, product: str, share: int) -> int:
        """Lots of ``product`` when accepted by ``share`` nano-shares."""
        if share == NANO:
            return self.profile.get(product, 0)
        return rounded(Fraction(self.profile.get(product, 0) * share, NANO))

    def order(self, product: Product, share: int) -> Order | None:
        """The accepted part as an order that takes any price within the product's limits."""
        lots = self.lots(product.id, share)
        price = product.min_price if self.side is Side.SELL else product.max_price
        return Order(self.id, self.seq, "", product.id, self.zone, self.side, price, lots) if lots else None


class Refusal(Enum):
    """Why blocks cannot stand together: the field at fault and the reason."""

    UNKNOWN_PARENT = ("linked_to", "names no block of this case")
    LINKED_IN_A_RING = ("linked_to", "leads back to the block itself")

    @property
    def field(self) -> str:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


def check(blocks: Sequence[Block]) -> Iterator[tuple[int, Refusal]]:
    """Index of each block that cannot stand among the others, and why."""
    parent = {block.id: block.linked_to for block in blocks}
    for k, block in enumerate(blocks):
        if block.linked_to is None:
            continue
        if block.linked_to not in parent:
            yield k, Refusal.UNKNOWN_PARENT
        elif block.id in ancestors(block.id, parent):
            yield k, Refusal.LINKED_IN_A_RING


def ancestors(start: str, parent: Mapping[str, str | None]) -> list[str]:
    """Parents of ``start``, nearest first, each once."""
    found: list[str] = []
    at = parent[start]
    while at is not None and at not in found:
        found.append(at)
        at = parent.get(at)
    return found


def children(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    """Blocks by the id of their parent."""
    found: dict[str, list[Block]] = {}
    for block in blocks:
        if block.linked_to is not None:
            found.setdefault(block.linked_to, []).append(block)
    return found


def groups(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    """Blocks by exclusive group."""
    found: dict[str, list[Block]] = {}
    for block in blocks:
        if block.exclusive_group is not None:
            found.setdefault(block.exclusive_group, []).append(block)
    return found


def parents_first(blocks: Sequence[Block]) -> list[Block]:
    """By sequence, but no child before its parent."""
    parent = {block.id: block.linked_to for block in blocks}
    return sorted(blocks, key=lambda b: (len(ancestors(b.id, parent)), b.seq))


def with_blocks(
    product: Product, orders: Iterable[Order], blocks: Iterable[Block], accepted: Acceptance
) -> list[Order]:
    """Orders of one product with the accepted blocks among them, by sequence."""
    taken = (block.order(product, accepted.get(block.id, 0)) for block in blocks)
    return sorted([*orders, *(order for order in taken if order is not None)], key=lambda o: o.seq)


def with_columns(
    batch: OrderBatch, product: Product, blocks: Iterable[Block], accepted: Acceptance
) -> OrderBatch:
    """The same for orders as columns."""
    taken = (block.order(product, accepted.get(block.id, 0)) for block in blocks)
    more = [order for order in taken if order is not None]
    if not more:
        return batch
    added = OrderBatch.of(more)
    return OrderBatch(_merged(batch.sells, added.sells), _merged(batch.buys, added.buys))


def _merged(side: Columns, added: Columns) -> Columns:
    at = np.searchsorted(side.seq, added.seq)
    pairs = zip((side.price, side.quantity, side.seq), (added.price, added.quantity, added.seq), strict=True)
    return Columns(*(np.insert(whole, at, part) for whole, part in pairs))
