"""Blocks in case files and accepted shares in result files, read strictly: every fault names its field."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradelane.market.block import Acceptance, Block, check
from tradelane.market.fields import CaseError, Fields
from tradelane.market.order import Side
from tradelane.market.product import Product, Zone
from tradelane.market.units import NANO, plain

SHARE = Decimal(1) / NANO


def read_blocks(
    top: Fields, products: Mapping[str, Product], zones: Mapping[str, Zone], taken: tuple[set[str], set[int]]
) -> tuple[Block, ...]:
    """The blocks of a case by sequence. ``taken`` holds the ids and sequence numbers of its orders."""
    ids, sequences = set(taken[0]), set(taken[1])
    found = []
    for k, row in enumerate(top.rows("blocks")):
        f = Fields(row, f"blocks[{k}].")
        block = _block(f, products, zones)
        if block.id in ids:
            raise f.fault("id", f"{block.id!r} stands twice")
        if block.seq in sequences:
            raise f.fault("seq", f"{block.seq} stands twice")
        ids.add(block.id)
        sequences.add(block.seq)
        found.append(block)
    for k, refusal in check(found):
        raise CaseError(f"blocks[{k}].{refusal.field}", refusal.reason)
    return tuple(sorted(found, key=lambda b: b.seq))


def _block(f: Fields, products: Mapping[str, Product], zones: Mapping[str, Zone]) -> Block:
    zone = f.text("zone")
    if zone not in zones:
        raise f.fault("zone", f"{zone!r} is not in this case")
    if f.text("side") not in set(Side):
        raise f.fault("side", f"is one of {', '.join(Side)}")
    profile = _profile(f, products)
    price = f.decimal("price")
    for product in (products[name] for name in profile):
        ticks = f.steps("price", product.tick, "tick")
        if not product.min_price <= ticks <= product.max_price:
            limits = f"{product.price_text(product.min_price)} to {product.price_text(product.max_price)}"
            raise f.fault("price", f"is outside the limits {limits} of {product.id}")
    least = _share(f, "min_acceptance", "1")
    if not 0 <= least <= NANO:
        raise f.fault("min_acceptance", "is from 0 to 1")
    return Block(
        f.text("id"), f.integer("seq"), zone, Side(f.text("side")), price, profile, least,
        f.text_or_none("linked_to"), f.text_or_none("exclusive_group"),
    )  # fmt: skip


def _profile(f: Fields, products: Mapping[str, Product]) -> dict[str, int]:
    named = f.row.get("profile")
    if not isinstance(named, Mapping) or not named:
        raise f.fault("profile", "expected an object with a quantity for at least one product")
    part, found = Fields(named, f"{f.where}profile."), {}
    for name in sorted(named):
        if name not in products:
            raise part.fault(name, "is no product of this case")
        found[name] = part.steps(name, products[name].lot, "lot")
        if found[name] <= 0:
            raise part.fault(name, "must be greater than zero")
    return found


def _share(f: Fields, name: str, default: str | None = None) -> int:
    if default is not None and name not in f.row:
        return NANO
    return f.steps(name, SHARE, "billionth")


def digest_row(block: Block) -> list[Any]:
    """A block as the case digest holds it."""
    return [
        block.seq, block.id, block.zone, block.side.value, plain(block.price), dict(block.profile),
        block.min_acceptance, block.linked_to, block.exclusive_group,
    ]  # fmt: skip


def acceptance_rows(blocks: Sequence[Block], accepted: Acceptance) -> list[dict[str, str]]:
    """The accepted blocks by sequence, as a result names them."""
    return [
        {"block": b.id, "acceptance": plain(accepted[b.id] * SHARE)} for b in blocks if accepted.get(b.id)
    ]


def read_acceptance(top: Fields, known: Collection[str]) -> dict[str, int]:
    """Accepted shares by block id; CaseError when malformed."""
    found: dict[str, int] = {}
    for k, row in enumerate(top.rows("blocks")):
        f = Fields(row, f"blocks[{k}].")
        block = f.text("block")
        if block not in known:
            raise f.fault("block", f"{block!r} is not in the case")
        if block in found:
            raise f.fault("block", f"{block!r} stands twice")
        found[block] = _share(f, "acceptance")
        if found[block] <= 0:
            raise f.fault("acceptance", "must be greater than zero")
    return found
