"""Which of the optimal flows is published: one canonical choice, then whole lots.

Where lanes run in parallel or in loops, many flows give the same welfare. Published is the one that moves
least: minimal Σ w·f on the optimal face, with a distinct weight per lane in the order of lane ids. Lots are
then whole: sent is rounded up, losses are rounded up, and what a zone without an order at its price would
miss or have over is handed to the lanes that can still move.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from tradelane.market.curve import Curve, Margins
from tradelane.market.network import Link, Network
from tradelane.market.product import Lane
from tradelane.market.program import Borders, FloatArray, Program, Solver

WHOLE = 1e-6
"""Lots below which a float flow counts as the whole number under it."""
NEUTRAL = Fraction(1, 1_000_000)
"""Numeraire ticks of margin below which a lane is free to carry anything between 0 and capacity."""


def weights(count: int) -> FloatArray:
    """Distinct weights 1 … 2 from SHA-256 of the lane's place, so that sums over sets of lanes do not tie."""
    digests = (hashlib.sha256(b"lane %d" % k).digest() for k in range(count))
    return np.array([1.0 + int.from_bytes(digest[:4]) / 2**32 for digest in digests])


def canonical(
    curves: Sequence[Curve], network: Network, borders: Borders, price: Sequence[Fraction], solver: Solver
) -> FloatArray:
    """The least-moving flows that are optimal at ``price`` (numeraire ticks), as floats in lots.

    Raises NotSolved.
    """
    margins = [link.margin(price) for link in network.links]
    capacity = np.array([link.capacity for link in network.links], np.int64)
    lower = np.where([m > NEUTRAL for m in margins], capacity, 0)
    upper = np.where([m < -NEUTRAL for m in margins], 0, capacity)
    if (lower == upper).all():
        return lower.astype(np.float64)
    spans = [c.span(p / fx) for c, p, fx in zip(curves, price, network.fx, strict=True)]
    zones = len(curves)
    found = solver(
        Program(
            cost=np.concatenate([np.zeros(zones), weights(len(borders))]),
            lower=np.concatenate([[s[0] for s in spans], lower]).astype(np.float64),
            upper=np.concatenate([[s[1] for s in spans], upper]).astype(np.float64),
            balance=np.array([c.total_demand for c in curves], np.float64),
            zone=np.arange(zones),
            borders=borders,
        )
    )
    return found.value[zones:]


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


def whole_lots(network: Network, flow: FloatArray, margins: Sequence[Margins]) -> list[int]:
    """Flows in whole lots that leave each zone a net position its orders can meet.

    A zone that cannot is asked of the zones it buys from first; what remains is met by rejecting units in
    the money (allocation.py), never by filling outside a limit.
    """
    sent = [min(lane.capacity, _ceil(f)) for lane, f in zip(network.lanes, flow, strict=True)]
    sent = [f if lane.received(f) else 0 for lane, f in zip(network.lanes, sent, strict=True)]
    order = downstream(len(network.zones), network.links, sent)
    for z in reversed(order):
        m = margins[z]
        net = _net(network, sent, z)
        if net > m.net_high:
            _change_inflow(network, sent, z, net - m.net_high)
        elif net < m.net_low:
            _change_inflow(network, sent, z, net - m.net_low)
    for z in order:
        m = margins[z]
        short = _net(network, sent, z) - (m.supply_in + m.supply_at)
        if short > 0:
            _cut_outflow(network, sent, z, short)
    for z in reversed(order):
        for k, (link, lane) in enumerate(zip(network.links, network.lanes, strict=True)):
            if link.source == z and not lane.received(sent[k]):
                sent[k] = 0
        over = -(margins[z].demand_in + margins[z].demand_at) - _net(network, sent, z)
        if over > 0:
            _change_inflow(network, sent, z, -over)
    return sent


def _ceil(flow: float) -> int:
    return max(0, int(np.ceil(flow - WHOLE)))


def _net(network: Network, sent: Sequence[int], zone: int) -> int:
    net = 0
    for link, lane, flow in zip(network.links, network.lanes, sent, strict=True):
        if link.source == zone:
            net += flow
        if link.target == zone:
            net -= lane.received(flow)
    return net


def _change_inflow(network: Network, sent: list[int], zone: int, more: int) -> None:
    """Raise (or lower, when negative) what arrives in ``zone`` by ``more`` lots over lanes already in use."""
    for k, (link, lane) in enumerate(zip(network.links, network.lanes, strict=True)):
        if link.target != zone or sent[k] == 0 or more == 0:
            continue
        before = lane.received(sent[k])
        sent[k] = min(lane.capacity, _sent_for(lane, max(0, before + more)))
        more -= lane.received(sent[k]) - before


def _cut_outflow(network: Network, sent: list[int], zone: int, less: int) -> None:
    for k, link in enumerate(network.links):
        if link.source == zone:
            cut = min(sent[k], less)
            sent[k] -= cut
            less -= cut


def _sent_for(lane: Lane, received: int) -> int:
    """Fewest lots to send so that ``received`` arrive."""
    sent = received * 1_000_000 // (1_000_000 - lane.loss_ppm)
    while lane.received(sent) < received:
        sent += 1
    return sent
