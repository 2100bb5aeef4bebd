"""The rules of accepted blocks, checked at published prices with no solver.

With s_b = Σ_t e·σ(p_t − limit)·lots_t, what a block gains at its accepted lots, in numeraire:

    share       a = 0, or min_acceptance ≤ a ≤ 1; a ≤ the parent's; Σ a ≤ 1 in an exclusive group
    no loss     s_b + what its accepted children gain (and theirs) ≥ 0: children may rescue a parent, but
                nobody a leaf
    in part     a < 1 only where nothing is gained either: the block, with the children that share its a, is
                at the money to what rounding a price to a millitick explains, unless its parent's share or
                its group holds it back

A block in the money may stay rejected (paradoxically): what such blocks would have gained is the slack, which
bounds how far the choice of blocks can be from the optimum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from tradelane.market.block import Acceptance, Block, children, groups
from tradelane.market.order import Side
from tradelane.market.product import Product, Zone
from tradelane.market.units import MILLI, NANO, whole

Prices = Mapping[tuple[str, str], int]
"""Milliticks by product id and zone id."""


class Broken(StrEnum):
    """Which rule an accepted block breaks."""

    BELOW_MINIMUM = "is accepted by less than its minimum"
    BEYOND_WHOLE = "is accepted by more than all of it"
    BEYOND_PARENT = "is accepted by more than its parent"
    GROUP_FULL = "and its exclusive group are accepted by more than one whole"
    AT_A_LOSS = "is accepted out of the money"
    NOT_BALANCED = "cannot be balanced by the orders"
    IN_PART = "is accepted in part and not at the money"


@dataclass(frozen=True, slots=True)
class Fault:
    block: str
    broken: Broken

    def __str__(self) -> str:
        return f"block {self.block}: {self.broken}"


class Book:
    """Blocks beside the products and zones they are valued in."""

    def __init__(self, blocks: Sequence[Block], products: Sequence[Product], zones: Sequence[Zone]) -> None:
        self.blocks = tuple(sorted(blocks, key=lambda b: b.seq))
        self.children = children(self.blocks)
        self.groups = groups(self.blocks)
        self.fx = {zone.id: Fraction(zone.fx) for zone in zones}
        by_id = {product.id: product for product in products}
        used = {p for block in self.blocks for p in block.profile}
        self.unit = {p: Fraction(by_id[p].tick) * Fraction(by_id[p].lot) / MILLI for p in used}
        self.unit_float = {p: float(unit) for p, unit in self.unit.items()}
        self.limit = {
            block.id: {p: MILLI * whole(block.price, by_id[p].tick) for p in block.profile}
            for block in self.blocks
        }
        self.same_unit = (
            next(iter(self.unit.values()), Fraction(1)) if len(set(self.unit.values())) < 2 else None
        )

    def gain(self, block: Block, share: int, prices: Prices) -> Fraction:
        """What the block gains at ``prices`` when accepted by ``share``, numeraire."""
        limit, zone, unit = self.limit[block.id], block.zone, self.same_unit
        if unit is not None:
            total = sum((prices[p, zone] - limit[p]) * block.lots(p, share) for p in block.profile)
            return block.side.sign * self.fx[zone] * unit * total
        parts = ((prices[p, zone] - limit[p]) * block.lots(p, share) * self.unit[p] for p in block.profile)
        return block.side.sign * self.fx[zone] * sum(parts, Fraction(0))

    def dust(self, block: Block, share: int) -> Fraction:
        """What half a millitick more or less in every price makes of the gain."""
        parts = (block.lots(p, share) * self.unit[p] for p in block.profile)
        return self.fx[block.zone] * sum(parts, Fraction(0)) / 2

    def correction(self, accepted: Acceptance, products: Sequence[Product]) -> Fraction:
        """What welfare is too low or high by when blocks are counted as orders that take any price."""
        total = Fraction(0)
        for block in self.blocks:
            if accepted.get(block.id):
                any_price = {
                    (p.id, block.zone): MILLI * (p.min_price if block.side is Side.SELL else p.max_price)
                    for p in products
                }
                total += self.gain(block, accepted[block.id], any_price)
        return total

    def faults(self, accepted: Acceptance, prices: Prices) -> list[Fault]:
        """Every rule that ``accepted`` breaks at ``prices``, by sequence."""
        found = [*self._share_faults(accepted)]
        gains = {b.id: self.gain(b, accepted[b.id], prices) for b in self.blocks if accepted.get(b.id)}
        for block in self.blocks:
            share = accepted.get(block.id, 0)
            if not share:
                continue
            if self._family(block, gains) < 0:
                found.append(Fault(block.id, Broken.AT_A_LOSS))
            elif share < NANO and not self._held(block, accepted):
                gain, dust = self.together(block, accepted, gains)
                if abs(gain) > dust:
                    found.append(Fault(block.id, Broken.IN_PART))
        return found

    def by_a_hair(self, fault: Fault, accepted: Acceptance, prices: Prices) -> bool:
        """Whether rounding the prices can be why this block loses."""
        family = self.family(next(b for b in self.blocks if b.id == fault.block), accepted)
        gain = sum((self.gain(b, accepted[b.id], prices) for b in family), Fraction(0))
        dust = sum((self.dust(b, accepted[b.id]) for b in family), Fraction(0))
        return fault.broken is Broken.AT_A_LOSS and gain >= -2 * dust

    def _share_faults(self, accepted: Acceptance) -> Iterator[Fault]:
        for block in self.blocks:
            share = accepted.get(block.id, 0)
            if share and share < block.min_acceptance:
                yield Fault(block.id, Broken.BELOW_MINIMUM)
            if share > NANO:
                yield Fault(block.id, Broken.BEYOND_WHOLE)
            if block.linked_to is not None and share > accepted.get(block.linked_to, 0):
                yield Fault(block.id, Broken.BEYOND_PARENT)
        for members in self.groups.values():
            if sum(accepted.get(b.id, 0) for b in members) > NANO:
                yield Fault(members[-1].id, Broken.GROUP_FULL)

    def _family(self, block: Block, gains: Mapping[str, Fraction]) -> Fraction:
        """Gain of a block and of everything accepted below it."""
        below = (self._family(c, gains) for c in self.children.get(block.id, ()) if c.id in gains)
        return gains[block.id] + sum(below, Fraction(0))

    def _held(self, block: Block, accepted: Acceptance) -> bool:
        """Whether the parent's share or the group keeps the block from more."""
        if block.linked_to is not None and accepted[block.id] == accepted.get(block.linked_to):
            return True
        group = self.groups.get(block.exclusive_group or "", ())
        return bool(group) and sum(accepted.get(b.id, 0) for b in group) == NANO

    def together(
        self, block: Block, accepted: Acceptance, gains: Mapping[str, Fraction]
    ) -> tuple[Fraction, Fraction]:
        """Gain and dust of a block and of the children that move with it."""
        gain, dust = gains[block.id], self.dust(block, accepted[block.id])
        for child in self.children.get(block.id, ()):
            if accepted.get(child.id) == accepted[block.id]:
                more, more_dust = self.together(child, accepted, gains)
                gain, dust = gain + more, dust + more_dust
        return gain, dust

    def movers(self, block: Block, accepted: Acceptance) -> list[Block]:
        """The block and the children that move with it."""
        found = [block]
        for child in self.children.get(block.id, ()):
            if accepted.get(child.id) == accepted[block.id]:
                found += self.movers(child, accepted)
        return found

    def family(self, block: Block, accepted: Acceptance) -> list[Block]:
        """The block and everything accepted below it."""
        found = [block]
        for child in self.children.get(block.id, ()):
            if accepted.get(child.id):
                found += self.family(child, accepted)
        return found

    def free(self, accepted: Acceptance) -> list[Block]:
        """Blocks accepted in part that nothing holds back: these must be at the money."""
        return [b for b in self.blocks if 0 < accepted.get(b.id, 0) < NANO and not self._held(b, accepted)]

    def paradoxically_rejected(self, accepted: Acceptance, prices: Prices) -> list[str]:
        """Rejected blocks that are in the money, and that neither parent nor group would have stopped."""
        found = []
        for block in self.blocks:
            full = sum(accepted.get(b.id, 0) for b in self.groups.get(block.exclusive_group or "", ()))
            orphan = block.linked_to is not None and not accepted.get(block.linked_to)
            if not accepted.get(block.id) and not orphan and not full and self.gain(block, NANO, prices) > 0:
                found.append(block.id)
        return found

    def slack(self, accepted: Acceptance, prices: Prices) -> Fraction:
        """The most that blocks could gain at ``prices`` less what they gain, numeraire; ≥ 0 where they keep
        the rules.

        With it, dual − primal of the clearing is also a bound over every other choice of blocks.
        """
        whole_gain = {b.id: self.gain(b, NANO, prices) for b in self.blocks}
        roots = [b for b in self.blocks if b.linked_to is None]
        best = sum((self._best(b, whole_gain) for b in roots if b.exclusive_group is None), Fraction(0))
        for members in self.groups.values():
            at_root = [self._best(b, whole_gain) for b in members if b.linked_to is None]
            best += max(at_root, default=Fraction(0))
        gained = (self.gain(b, accepted[b.id], prices) for b in self.blocks if accepted.get(b.id))
        return best - sum(gained, Fraction(0))

    def _best(self, block: Block, gain: Mapping[str, Fraction]) -> Fraction:
        below = (self._best(c, gain) for c in self.children.get(block.id, ()))
        return max(Fraction(0), gain[block.id] + sum(below, Fraction(0)))
