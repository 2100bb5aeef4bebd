"""Three days of a real coupled market: 72 hours, 7 zones, as the exchange published them."""

from __future__ import annotations

from tests.market.italy import Hour, hours
from tradelane.market.allocation import allocate
from tradelane.market.auction import clear
from tradelane.market.batch import IntArray
from tradelane.market.certificate import Certificate, Outcome, certify
from tradelane.market.curve import Curve
from tradelane.market.network import Network


def test_published_prices_are_inside_our_interval_and_published_results_are_proven() -> None:
    inside = zones = count = 0
    for hour in hours():
        count += 1
        clearing = clear(hour.product, hour.zones, hour.lanes, hour.batches)
        assert clearing.coupled
        for k, zone in enumerate(clearing.network.zones):
            zones += 1
            inside += clearing.outcome.low[k] <= hour.price[zone.id] <= clearing.outcome.high[k]
        published = certified(hour)
        assert published.proven, (hour.product.id, published.faults)
        assert published.gap == 0
        assert published.welfare == clearing.certificate.welfare
    assert (count, zones) == (72, 504)
    assert inside == zones


def certified(hour: Hour) -> Certificate:
    """Our certificate of the published prices and flows."""
    network = Network.of(hour.product, hour.zones, hour.lanes)
    sent = tuple(
        max(0, hour.flow.get((lane.source, lane.target), -hour.flow.get((lane.target, lane.source), 0)))
        for lane in network.lanes
    )
    fills: list[tuple[IntArray, IntArray]] = []
    for z, zone in enumerate(network.zones):
        net = sum(f for link, f in zip(network.links, sent, strict=True) if link.source == z)
        net -= sum(f for link, f in zip(network.links, sent, strict=True) if link.target == z)
        batch, price = hour.batches[zone.id], hour.price[zone.id]
        margins = Curve.of(batch).margins(price)
        fills.append(allocate(batch, price, net, margins, hour.product.allocation))
    prices = tuple(hour.price[zone.id] for zone in network.zones)
    outcome = Outcome(
        prices, prices, prices, sent, sent, tuple(s for s, _ in fills), tuple(b for _, b in fills)
    )
    return certify(hour.product, network, [hour.batches[z.id] for z in network.zones], outcome)
