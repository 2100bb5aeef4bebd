"""Which of the optimal flows is published: one canonical choice.

Where lanes run in parallel or in loops, many flows give the same welfare. Published is the one that moves
least: minimal Σ w·f on the optimal face, with a distinct weight per lane in the order of lane ids. Where
zones are short at the price limit, what is curtailed is shared first (curtailment.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from tradelane.market.curtailment import Spans, shared
from tradelane.market.curve import Curve
from tradelane.market.network import Link, Network
from tradelane.market.product import Product
from tradelane.market.program import Borders, FloatArray, Program, Solver
from tradelane.market.sensitivity import surcharges

NEUTRAL = Fraction(1, 1_000_000)
"""Numeraire ticks of margin below which a lane is free to carry anything between 0 and capacity."""
ROUNDED = Fraction(1, 2_000)
"""The same where the prices of shared limits were rounded."""


def weights(count: int) -> FloatArray:
    """Distinct weights 1 … 2 from SHA-256 of the lane's place, so that sums over sets of lanes do not tie."""
    digests = (hashlib.sha256(b"lane %d" % k).digest() for k in range(count))
    return np.array([1.0 + int.from_bytes(digest[:4]) / 2**32 for digest in digests])


def canonical(
    product: Product, curves: Sequence[Curve], network: Network, borders: Borders, price: Sequence[Fraction],
    shadow: Sequence[Fraction], solver: Solver,
) -> FloatArray:  # fmt: skip
    """The least-moving flows that are optimal at ``price`` and the rows' prices ``shadow`` (numeraire ticks),
    as floats in lots. Raises NotSolved.
    """
    margins = [link.margin(price) for link in network.paying(surcharges(network, shadow)).links]
    capacity = np.array([link.capacity for link in network.links], np.int64)
    near = ROUNDED if network.rows else NEUTRAL
    lower = np.where([m > near for m in margins], capacity, 0)
    upper = np.where([m < -near for m in margins], 0, capacity)
    if (lower == upper).all():
        return lower.astype(np.float64)
    local = [p / fx for p, fx in zip(price, network.fx, strict=True)]
    ends = np.array([c.span(p) for c, p in zip(curves, local, strict=True)], np.float64).reshape(-1, 2)
    spans = Spans(ends[:, 0], ends[:, 1])
    borders = _binding(borders, shadow)
    limits = {Fraction(product.min_price), Fraction(product.max_price)}
    balance = np.array([c.total_demand for c in curves], np.float64)
    at_limit = np.flatnonzero([p in limits for p in local] & (spans.low < spans.high))
    lanes = lower.astype(np.float64), upper.astype(np.float64)
    if len(at_limit) > 1:
        spans = shared(spans, at_limit, balance, borders, lanes, solver)
    found = solver(
        Program(
            cost=np.concatenate([np.zeros(len(curves)), weights(len(borders))]),
            lower=np.concatenate([spans.low, lanes[0]]),
            upper=np.concatenate([spans.high, lanes[1]]),
            balance=balance,
            zone=np.arange(len(curves)),
            borders=borders,
        )
    )
    return found.value[len(curves) :]


def _binding(borders: Borders, shadow: Sequence[Fraction]) -> Borders:
    """With the rows that have a price held at their room, from both sides."""
    held = np.flatnonzero([price > 0 for price in shadow])
    use = np.concatenate([borders.use, -borders.use[held]])
    return replace(borders, use=use, room=np.concatenate([borders.room, -borders.room[held]]))


def downstream(zones: int, links: Sequence[Link], sent: Sequence[int]) -> list[int]:
    """Zone indices, sources before targets; zones on a loop of flows come last, in index order."""
    incoming = [0] * zones
    onward: list[list[int]] = [[] for _ in range(zones)]
    for link, flow in zip(links, sent, strict=True):
        if flow:
            incoming[link.target] += 1
            onward[link.source].append(link.target)
    order = [z for z in range(zones) if not incoming[z]]
    for z in order:
        for target in onward[z]:
            incoming[target] -= 1
            if not incoming[target]:
                order.append(target)
    return order + [z for z in range(zones) if incoming[z]]
