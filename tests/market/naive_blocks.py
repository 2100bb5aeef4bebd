"""Blocks in one zone and at most two products, so small that every choice can be tried, in whole lots.

Nothing is shared with the search: prices come from the merit order, price rules from clipping a rectangle.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product as every

from tests.market.block_markets import TICK, BlockMarket, product
from tradelane.market.block import Acceptance, Block
from tradelane.market.order import Order, Side
from tradelane.market.units import NANO

LOWEST, HIGHEST = -500, 4000
Point = tuple[Fraction, Fraction]
Lots = tuple[int, ...]
"""Accepted lots of each block, in its first product."""
Queue = list[tuple[int, int]]
"""Price in ticks and lots."""


def tiny_market(seed: int) -> BlockMarket:
    """Up to 8 orders a product and 4 blocks: one product where blocks may be taken in part (families then of
    one size, so that a share is the same lots in all of them), else up to two.
    """
    r = random.Random(seed)
    partial = r.random() < 0.4
    products = [product(f"h{t}") for t in range(1 if partial else r.randint(1, 2))]
    orders = [
        Order(
            f"o{k}",
            k,
            "",
            r.choice(products).id,
            "A",
            r.choice(list(Side)),
            r.randrange(10, 90),
            r.randint(1, 9),
        )
        for k in range(8 * len(products))
    ]
    blocks: list[Block] = []
    for k in range(r.randint(1, 3 if partial else 4)):
        linked = f"b{r.randrange(k)}" if k and r.random() < 0.3 else None
        lots = {p.id: r.randint(1, 8) for p in r.sample(products, r.randint(1, len(products)))}
        if partial and linked:
            lots = dict(blocks[int(linked[1:])].profile)
        blocks.append(
            Block(
                f"b{k}", 100 + k, "A", r.choice(list(Side)), r.randrange(20, 80) * TICK,
                lots, r.choice([NANO, NANO // 2, 0]) if partial else NANO,
                linked, "g" if linked is None and r.random() < 0.3 else None,
            )
        )  # fmt: skip
    return BlockMarket(tuple(products), (), tuple(orders), tuple(blocks))


def best_of_all(market: BlockMarket) -> int:
    """Greatest welfare (ticks and lots) of all choices that keep the rules."""
    found = (welfare_of(market, lots) for lots in _choices(market.blocks))
    return max(value for value in found if value is not None)


def accepted_lots(market: BlockMarket, accepted: Acceptance) -> Lots:
    return tuple(round(Fraction(accepted.get(b.id, 0) * _whole(b), NANO)) for b in market.blocks)


def _choices(blocks: Sequence[Block]) -> Iterator[Lots]:
    """All lots that keep minimum shares, families and groups."""
    ranges = []
    for block in blocks:
        whole = _whole(block)
        least = -(-block.min_acceptance * whole // NANO)
        ranges.append([0, *range(max(1, least), whole + 1)] if len(block.profile) == 1 else [0, whole])
    place = {block.id: k for k, block in enumerate(blocks)}
    for lots in every(*ranges):
        share = _shares(blocks, lots)
        linked = all(
            b.linked_to is None or a <= share[place[b.linked_to]] for b, a in zip(blocks, share, strict=True)
        )
        grouped = sum((a for b, a in zip(blocks, share, strict=True) if b.exclusive_group), Fraction(0))
        if linked and grouped <= 1:
            yield lots


def _whole(block: Block) -> int:
    return next(iter(block.profile.values()))


def _shares(blocks: Sequence[Block], lots: Lots) -> list[Fraction]:
    return [Fraction(n, _whole(block)) for block, n in zip(blocks, lots, strict=True)]


def _limit(block: Block) -> int:
    return int(block.price / TICK)


def welfare_of(market: BlockMarket, lots: Lots) -> int | None:
    """What a choice is worth (ticks and lots); None where no prices let everyone be content."""
    total, box = 0, []
    for p in market.products:
        sells, buys = _sides(market, p.id, lots)
        total += _merit(sells, buys)
        box.append(_price_range(sells, buys))
    for block, share in zip(market.blocks, _shares(market.blocks, lots), strict=True):
        instead = LOWEST if block.side is Side.SELL else HIGHEST
        total -= block.side.sign * (_limit(block) - instead) * int(share * sum(block.profile.values()))
    return total if _content(market, lots, box) else None


def _sides(market: BlockMarket, name: str, lots: Lots) -> tuple[Queue, Queue]:
    """Price and lots of sells and of buys; blocks at any price."""
    sells, buys = (
        [(o.price, o.quantity) for o in market.orders if (o.product, o.side) == (name, s)] for s in Side
    )
    for block, share in zip(market.blocks, _shares(market.blocks, lots), strict=True):
        queue, any_price = (sells, LOWEST) if block.side is Side.SELL else (buys, HIGHEST)
        queue.append((any_price, int(share * block.profile.get(name, 0))))
    return [(p, n) for p, n in sells if n], [(p, n) for p, n in buys if n]


def _merit(sells: Queue, buys: Queue) -> int:
    """Every lot apart, cheapest sell with dearest buy while both gain."""
    asks = sorted(p for p, n in sells for _ in range(n))
    bids = sorted((p for p, n in buys for _ in range(n)), reverse=True)
    return sum(max(0, bid - ask) for ask, bid in zip(asks, bids, strict=False))


def _price_range(sells: Queue, buys: Queue) -> tuple[int, int]:
    """Lowest and highest tick at which neither side is left with more to do."""

    def clears(p: int) -> bool:
        below, upto = (sum(n for q, n in sells if q < p + at) for at in (0, 1))
        above, down = (sum(n for q, n in buys if q > p - at) for at in (0, 1))
        return below <= down and above <= upto

    good = [p for p in sorted({LOWEST, HIGHEST, *(q for q, _ in [*sells, *buys])}) if clears(p)]
    return good[0], good[-1]


def _content(market: BlockMarket, lots: Lots, box: Sequence[tuple[int, int]]) -> bool:
    """Whether prices in ``box`` exist at which no family loses and what is taken in part is at the money."""
    (a, b), (c, d) = [*box, (0, 0)][:2]
    area: list[Point] = [(Fraction(x), Fraction(y)) for x, y in ((a, c), (b, c), (b, d), (a, d))]
    share = dict(zip((k.id for k in market.blocks), _shares(market.blocks, lots), strict=True))
    for block in market.blocks:
        if not share[block.id]:
            continue
        area = _clip(area, *_gain(market, _below(market, block, share, same=False), share))
        if share[block.id] < 1 and not _held(market, block, share):
            x, y, least = _gain(market, _below(market, block, share, same=True), share)
            area = _clip(area, -x, -y, -least)
            area = _clip(area, x, y, least)
    return bool(area)


def _below(market: BlockMarket, block: Block, share: Mapping[str, Fraction], *, same: bool) -> list[Block]:
    """The block and its accepted descendants; with ``same`` those only that have its share all the way."""
    found = [block]
    for child in market.blocks:
        taken = share[child.id] == share[block.id] if same else share[child.id] > 0
        if child.linked_to == block.id and taken:
            found += _below(market, child, share, same=same)
    return found


def _held(market: BlockMarket, block: Block, share: Mapping[str, Fraction]) -> bool:
    if block.linked_to is not None and share[block.id] == share[block.linked_to]:
        return True
    return (
        block.exclusive_group is not None
        and sum(share[b.id] for b in market.blocks if b.exclusive_group) == 1
    )


def _gain(
    market: BlockMarket, blocks: Sequence[Block], share: Mapping[str, Fraction]
) -> tuple[Fraction, Fraction, Fraction]:
    """What they gain at prices (x, y): slope of x, slope of y, and what these must reach for no loss."""
    slope, least = [Fraction(0), Fraction(0)], Fraction(0)
    for block in blocks:
        for t, p in enumerate(market.products):
            lots = block.side.sign * share[block.id] * block.profile.get(p.id, 0)
            slope[t] += lots
            least += lots * _limit(block)
    return slope[0], slope[1], least


def _clip(area: list[Point], x: Fraction, y: Fraction, least: Fraction) -> list[Point]:
    """The corners of the part of a convex ``area`` where x·p + y·q ≥ least."""
    value = [x * p + y * q - least for p, q in area]
    found: list[Point] = []
    for k, (p, q) in enumerate(area):
        (last_p, last_q), last = area[k - 1], value[k - 1]
        if value[k] * last < 0:
            part = last / (last - value[k])
            found.append((last_p + part * (p - last_p), last_q + part * (q - last_q)))
        if value[k] >= 0:
            found.append((p, q))
    return found
