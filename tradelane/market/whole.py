"""Flows in whole lots: sent is rounded up, so are losses, and what a zone without an order at its price would
miss or have over is handed to the lanes that can still move, within the limits they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

from tradelane.market.curve import Margins
from tradelane.market.flows import downstream
from tradelane.market.network import Network
from tradelane.market.product import Lane
from tradelane.market.program import FloatArray
from tradelane.market.units import PPM

WHOLE = 1e-6
"""Lots below which a float flow counts as the whole number under it."""


def whole_lots(network: Network, flow: FloatArray, margins: Sequence[Margins]) -> list[int]:
    """Flows in whole lots that leave each zone a net position its orders can meet.

    A zone that cannot is asked of the zones it buys from first; what remains is met by rejecting units in
    the money (allocation.py), never by filling outside a limit.
    """
    sent = [min(lane.capacity, _ceil(f)) for lane, f in zip(network.lanes, flow, strict=True)]
    sent = [f if lane.received(f) else 0 for lane, f in zip(network.lanes, sent, strict=True)]
    _keep_limits(network, sent, flow)
    order = downstream(len(network.zones), network.links, sent)
    for z in reversed(order):
        m = margins[z]
        net = _net(network, sent, z)
        if net > m.net_high:
            _change_inflow(network, sent, z, net - m.net_high)
        elif net < m.net_low:
            _change_inflow(network, sent, z, net - m.net_low)
    before: list[int] = []
    while sent != before:
        before = list(sent)
        _cut(network, sent, margins, order)
        _keep_limits(network, sent, flow)
    return sent


def _cut(network: Network, sent: list[int], margins: Sequence[Margins], order: Sequence[int]) -> None:
    """Less out of zones that have too little to send, less into zones that cannot use what arrives."""
    for z in order:
        short = _net(network, sent, z) - (margins[z].supply_in + margins[z].supply_at)
        if short > 0:
            _cut_outflow(network, sent, z, short)
    for z in reversed(order):
        for k, (link, lane) in enumerate(zip(network.links, network.lanes, strict=True)):
            if link.source == z and not lane.received(sent[k]):
                sent[k] = 0
        over = -(margins[z].demand_in + margins[z].demand_at) - _net(network, sent, z)
        if over > 0:
            _change_inflow(network, sent, z, -over)


def _ceil(flow: float) -> int:
    return max(0, ceil(flow - WHOLE))


def _keep_limits(network: Network, sent: list[int], flow: FloatArray) -> None:
    """Take back what rounding up took beyond the limits that lanes share, most rounded first."""
    for _ in range(len(network.rows) + 1):
        over = [row for row in network.rows if row.left(sent) < 0]
        if not over:
            return
        for row in over:
            users = [k for k, share in row.share.items() if share > 0]
            for k in sorted(users, key=lambda k: (round(float(flow[k]) - sent[k], 6), k)):
                missing = -row.left(sent)
                if missing > 0:
                    sent[k] -= min(sent[k], ceil(missing / row.share[k]))


def _room(network: Network, sent: Sequence[int], k: int) -> int:
    """The most that lane ``k`` can send within its capacity and what it shares."""
    most = network.lanes[k].capacity
    for row in network.rows:
        share = row.share.get(k, 0)
        if share > 0:
            most = min(most, sent[k] + floor(row.left(sent) / share))
    return max(0, most)


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
        sent[k] = min(_room(network, sent, k), _sent_for(lane, max(0, before + more)))
        more -= lane.received(sent[k]) - before


def _cut_outflow(network: Network, sent: list[int], zone: int, less: int) -> None:
    for k, link in enumerate(network.links):
        if link.source == zone:
            cut = min(sent[k], less)
            sent[k] -= cut
            less -= cut


def _sent_for(lane: Lane, received: int) -> int:
    """Fewest lots to send so that ``received`` arrive."""
    sent = received * PPM // (PPM - lane.loss_ppm)
    while lane.received(sent) < received:
        sent += 1
    return sent
