"""Proof of a clearing, with no solver, in O(orders + lanes).

σ = +1 for a sell, −1 for a buy; x fill, q quantity; lane i→j sends f and delivers r = f − ⌈f·ppm/10⁶⌉;
γ = 1 − loss, d duty, t tariff, e_z numeraire per local unit, p_z local price:

    feasible    0 ≤ x ≤ q, x = 0 outside the limit, 0 ≤ f ≤ cap, Σσx = Σ_out f − Σ_in r in every zone
    order slack s_o = q·max(0, σ(p − lim)) − σ(p − lim)·x  ≥ 0
    lane slack  s_l = cap·max(0, Δ) − Δ·f ≥ 0,  Δ = γ·e_j·p_j − (1 + d)·e_i·p_i − t
    gap         dual − primal = Σ e_z·s_o + Σ s_l + Σ e_j·p_j·(γf − r)

(strong duality of the linear program in coupling.py; duty counts as a cost of the primal). A clearing is
proven when it is feasible and each slack is within what rounding can explain: prices to a millitick, flows
and losses to a lot. Without lossy lanes the order slack must be zero.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.curve import BLOCK
from tradelane.market.network import Network
from tradelane.market.product import Product
from tradelane.market.units import MILLI


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a clearing claims, zones and lanes in Network order: prices in milliticks per zone, flows in lots
    per lane, fills in lots aligned with each zone's batch.
    """

    price: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    sent: tuple[int, ...]
    received: tuple[int, ...]
    sold: tuple[IntArray, ...]
    bought: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True)
class Toll:
    """What a lot sent over a lane pays for its constraints (numeraire ticks), and Σ|share| of those."""

    price: Fraction
    share: Fraction


FREE = Toll(Fraction(0), Fraction(0))


@dataclass(frozen=True, slots=True)
class Certificate:
    """Amounts in numeraire. ``faults`` says in words what does not hold; empty means proven."""

    welfare: Fraction
    gap: Fraction
    order_slack: Fraction
    lane_slack: Fraction
    loss_dust: Fraction
    buyers_pay: Fraction
    sellers_get: Fraction
    congestion_rent: Fraction
    freight: Fraction
    duty: Fraction
    faults: tuple[str, ...]

    @property
    def proven(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class _Side:
    filled: int
    value: int
    slack: int
    short: int
    faults: tuple[str, ...]


def certify(
    product: Product, network: Network, batches: Sequence[OrderBatch], outcome: Outcome,
    tolls: Sequence[Toll] = (),
) -> Certificate:  # fmt: skip
    """Check ``outcome`` against the orders and lanes it was cleared from (all in Network order).

    ``tolls`` are what lanes pay for constraints they share, none where it is empty; they are part of the
    congestion rent. The constraints themselves are constraint.limit_faults' to check.
    """
    tolls = tolls or [FREE] * len(network.links)
    faults: list[str] = []
    unit = Fraction(product.tick) * Fraction(product.lot)
    order_slack = value = bought_value = sold_value = Fraction(0)
    net, inexact = _exports(network, outcome), _inexact(network, tolls)
    for z, (zone, batch) in enumerate(zip(network.zones, batches, strict=True)):
        price, e = outcome.price[z], network.fx[z]
        sells = _side(batch.sells, outcome.sold[z], price, +1)
        buys = _side(batch.buys, outcome.bought[z], price, -1)
        faults += [f"zone {zone.id}: sell {f}" for f in sells.faults]
        faults += [f"zone {zone.id}: buy {f}" for f in buys.faults]
        if not outcome.low[z] <= price <= outcome.high[z]:
            faults.append(f"zone {zone.id}: price is outside its own low and high")
        if sells.filled - buys.filled != net[z]:
            faults.append(
                f"zone {zone.id}: sold less bought is {sells.filled - buys.filled} lots, lanes carry {net[z]}"
            )
        slack = e * Fraction(sells.slack + buys.slack, MILLI)
        if sells.short + buys.short > 2 * inexact:
            faults.append(f"zone {zone.id}: {sells.short + buys.short} lots in the money are left unfilled")
        order_slack += slack
        value += e * (buys.value - sells.value)
        bought_value += e * Fraction(price * buys.filled, MILLI)
        sold_value += e * Fraction(price * sells.filled, MILLI)
    lanes = _lanes(network, outcome, tolls, faults)
    return Certificate(
        welfare=(value - lanes.freight) * unit,
        gap=(order_slack + lanes.slack + lanes.dust) * unit,
        order_slack=order_slack * unit,
        lane_slack=lanes.slack * unit,
        loss_dust=lanes.dust * unit,
        buyers_pay=bought_value * unit,
        sellers_get=sold_value * unit,
        congestion_rent=lanes.rent * unit,
        freight=lanes.freight * unit,
        duty=lanes.duty * unit,
        faults=tuple(faults),
    )


def _exports(network: Network, outcome: Outcome) -> list[int]:
    net = [0] * len(network.zones)
    for link, sent, received in zip(network.links, outcome.sent, outcome.received, strict=True):
        net[link.source] += sent
        net[link.target] -= received
    return net


def _inexact(network: Network, tolls: Sequence[Toll]) -> int:
    """Lanes whose flows need not be whole where they are optimal: rounding one takes up to two lots."""
    return sum(link.gamma != 1 or toll.price != 0 for link, toll in zip(network.links, tolls, strict=True))


def _side(side: Columns, fill: IntArray, price: int, sign: int) -> _Side:
    """One side of one zone. Slack in millitick·lots, value (limit × fill) in tick·lots.

    Nearly every order is filled whole inside its limit or not at all outside it; those need no other check.
    """
    if len(fill) != len(side):
        return _Side(0, 0, 0, 0, ("fills do not match the orders",))
    filled, others = 0, [np.zeros(0, np.intp)]
    most = _largest(fill)
    narrow = fill.dtype if most * BLOCK <= np.iinfo(fill.dtype).max else np.int64
    for k in range(0, len(side), BLOCK):
        part = slice(k, k + BLOCK)
        filled += int(fill[part].sum(dtype=narrow))
        others.append(
            k + np.flatnonzero(_not_plain(side.price[part], side.quantity[part], fill[part], price, sign))
        )
    other = np.concatenate(others)
    odd = side.price[other], side.quantity[other], fill[other]
    short, slack = _unfilled(*odd, price, sign)
    return _Side(
        filled, exact_dot(side.price, fill, most), slack, short, tuple(_limit_faults(*odd, price, sign))
    )


def _not_plain(
    limit: IntArray, quantity: IntArray, fill: IntArray, price: int, sign: int
) -> npt.NDArray[np.bool_]:
    """Orders neither filled whole inside their limit nor empty elsewhere, without multiplying columns."""
    odd: npt.NDArray[np.bool_] = fill != 0
    odd ^= _inside(limit, price, sign) & (odd ^ (fill != quantity))  # inside, what counts is the second
    return odd


def _inside(limit: IntArray, price: int, sign: int) -> npt.NDArray[np.bool_]:
    """Orders strictly in the money."""
    inside: npt.NDArray[np.bool_] = limit < -(-price // MILLI) if sign > 0 else limit > price // MILLI
    return inside


def _unfilled(limit: IntArray, quantity: IntArray, fill: IntArray, price: int, sign: int) -> tuple[int, int]:
    """Lots in the money that are not filled, and what they are worth beyond their limits (millitick·lots)."""
    short = np.flatnonzero(_inside(limit, price, sign) & (fill < quantity))
    left = quantity[short] - fill[short]
    lots = int(left.sum(dtype=np.int64))
    return lots, sign * (price * lots - MILLI * exact_dot(limit[short], left))


def _limit_faults(
    limit: IntArray, quantity: IntArray, fill: IntArray, price: int, sign: int
) -> Iterator[str]:
    if (fill < 0).any():
        yield "fill below zero"
    if (fill > quantity).any():
        yield "fill beyond its quantity"
    outside = limit > price // MILLI if sign > 0 else limit < -(-price // MILLI)
    if (outside & (fill != 0)).any():
        yield "fill outside its limit"


def exact_dot(a: npt.NDArray[np.integer], b: npt.NDArray[np.integer], largest_b: int | None = None) -> int:
    """Σ a·b exactly: in int64 where it cannot overflow, else in Python integers."""
    most = _largest(b) if largest_b is None else largest_b
    if _largest(a) * most * len(a) < 2**63:
        return int(np.einsum("i,i", a, b, dtype=np.int64))
    return sum(map(operator.mul, a.tolist(), b.tolist()))


def _largest(a: npt.NDArray[np.integer]) -> int:
    return max(abs(int(a.min())), abs(int(a.max()))) if len(a) else 0


@dataclass(slots=True)
class _Lanes:
    slack: Fraction = Fraction(0)
    dust: Fraction = Fraction(0)
    rent: Fraction = Fraction(0)
    freight: Fraction = Fraction(0)
    duty: Fraction = Fraction(0)


def _lanes(network: Network, outcome: Outcome, tolls: Sequence[Toll], faults: list[str]) -> _Lanes:
    price = [e * Fraction(p, MILLI) for e, p in zip(network.fx, outcome.price, strict=True)]
    inexact = _inexact(network, tolls)
    movable = 2 + inexact if inexact else 0
    total = _Lanes()
    for k, (lane, link) in enumerate(zip(network.lanes, network.links, strict=True)):
        f, r = outcome.sent[k], outcome.received[k]
        if not 0 <= f <= link.capacity:
            faults.append(f"lane {lane.id}: sends {f} lots of a capacity of {link.capacity}")
        if r != lane.received(f):
            faults.append(f"lane {lane.id}: {f} lots sent deliver {lane.received(f)}, not {r}")
        margin = link.margin(price) - tolls[k].price
        slack = link.capacity * max(Fraction(0), margin) - margin * f
        weight = link.gamma * network.fx[link.target] + link.markup * network.fx[link.source] + tolls[k].share
        allowed = max(weight / (2 * MILLI) * max(f, link.capacity - f), abs(margin) * movable)
        if slack > allowed:
            faults.append(
                f"lane {lane.id}: sends {f} of {link.capacity} lots at a margin of {float(margin):.4f} ticks"
            )
        total.slack += slack
        total.dust += price[link.target] * (link.gamma * f - r)
        total.freight += link.tariff * f
        total.duty += (link.markup - 1) * price[link.source] * f
        total.rent += price[link.target] * r - link.markup * price[link.source] * f - link.tariff * f
    return total
