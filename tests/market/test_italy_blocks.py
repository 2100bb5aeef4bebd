"""Three days of real block orders: what the Italian exchange made of them, and what we make of them.

Our choice starts from simple bids and blocks alone, no published price. It agrees with the published status
of all 104 blocks: 55 accepted, 45 rejected, 4 paradoxically rejected (in the money at the published prices,
and yet not to be had). There are no differences to explain among the blocks.

Prices: with the accepted blocks at any price, the published price lies between our lowest and our
highest in each of 504 zone-hours. It is our middle in 428: elsewhere sales and purchases leave a gap, which
the exchange ends in an optimisation that spans all of Europe. Here the foreign borders stand as published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.market.italy import Day, days
from tradelane.market.acceptance import Book
from tradelane.market.joint import Joint, clear_together
from tradelane.market.units import NANO

CENT = 1000
"""A hundredth of a euro in milliticks."""
STATUS = {(True, False): "ACC", (False, False): "REJ", (False, True): "PREJ"}


def cleared() -> Iterator[tuple[Day, Book, Joint]]:
    for day in days():
        products, zones = [hour.product for hour in day.hours], day.hours[0].zones
        lanes = {hour.product.id: hour.lanes for hour in day.hours}
        orders = {hour.product.id: hour.batches for hour in day.hours}
        joint = clear_together(products, zones, lanes, orders, day.blocks)
        yield day, Book(day.blocks, products, zones), joint


def test_our_choice_of_blocks_is_the_published_one() -> None:
    pairs: Counter[tuple[str, str]] = Counter()
    near = inside = zones = 0
    for day, book, joint in cleared():
        published = {
            (hour.product.id, zone.id): hour.price[zone.id] for hour in day.hours for zone in hour.zones
        }
        ours = {
            (c.product.id, zone.id): (c.outcome.low[z], c.outcome.price[z], c.outcome.high[z])
            for c in joint.clearings
            for z, zone in enumerate(c.network.zones)
        }
        prices = {key: price for key, (_, price, _) in ours.items()}
        accepted = {name: NANO for name, status in day.status.items() if status == "ACC"}
        assert book.faults(accepted, published) == [] == book.faults(joint.accepted, prices)
        paradoxical = set(book.paradoxically_rejected(joint.accepted, prices))
        for block in day.blocks:
            own = STATUS[block.id in joint.accepted, block.id in paradoxical]
            pairs[day.status[block.id], own] += 1
        assert joint.notes == () and all(clearing.coupled for clearing in joint.clearings)
        assert joint.most_welfare is not None
        welfare = sum(c.certificate.welfare for c in joint.clearings)
        welfare += book.correction(joint.accepted, [hour.product for hour in day.hours])
        assert 0 <= joint.most_welfare - float(welfare) <= 2e-6 * float(welfare)
        for key, (low, price, high) in ours.items():
            zones += 1
            near += abs(price - published[key]) <= CENT
            inside += low <= published[key] <= high
    assert pairs == {("ACC", "ACC"): 55, ("REJ", "REJ"): 45, ("PREJ", "PREJ"): 4}
    assert zones == inside == 504
    assert near >= 420
