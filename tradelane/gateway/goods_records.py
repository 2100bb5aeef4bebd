"""What a command to a goods market did, as rows of the store: contracts, and how its orders stand now.

Always true: an order's row says ``open`` as long as lots of it rest or wait for their trigger; afterwards
``closed`` when it was filled or its kind let nothing rest, ``cancelled`` when its member or the market took
the rest off, ``expired`` when its time was over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, update

from tradelane.gateway import contracts
from tradelane.gateway.goods_opening import Opening
from tradelane.gateway.tables import orders
from tradelane.market.exchange import Exchange
from tradelane.market.order import Order, Side
from tradelane.market.outcome import Amended, Cancelled, Event, Fill, Why
from tradelane.settlement.contract import Contract, Leg

ENDS = {Why.REST: "closed", Why.EXPIRED: "expired"}


def record(
    conn: Connection, opening: Opening, exchange: Exchange, events: Sequence[Event], seq: int, now: int,
    wall: int,
) -> None:  # fmt: skip
    """Write down the events of the journal's entry ``seq``, after which ``exchange`` stands as it does."""
    fills = [event for event in events if isinstance(event, Fill)]
    trades = [fill.trade() for fill in fills]
    made = [_contract(opening, fill, f"c{seq}-{k}") for k, fill in enumerate(fills)]
    contracts.add(conn, made, [(trade.seller, trade.buyer) for trade in trades], seq, now, wall)
    filled: Counter[str] = Counter()
    ends: dict[str, str] = {}
    for event in events:
        if isinstance(event, Fill):
            for order in (event.maker, event.taker):
                filled[order.id] += _lots(event, order)
                ends.setdefault(order.id, "closed")
        elif isinstance(event, Cancelled):
            ends[event.id] = ENDS.get(event.why, "cancelled")
        elif isinstance(event, Amended):
            one = update(orders).where(orders.c.id == event.id)
            conn.execute(one.values(price=event.price, quantity=event.quantity))
    for id, end in ends.items():
        state = "open" if exchange.open_lots(id) else end
        one = update(orders).where(orders.c.id == id)
        conn.execute(one.values(filled=orders.c.filled + filled[id], state=state))


def filled_of(events: Sequence[Event], id: str) -> int:
    """Lots of one order that were traded."""
    fills = [event for event in events if isinstance(event, Fill)]
    return sum(_lots(fill, order) for fill in fills for order in (fill.maker, fill.taker) if order.id == id)


def _lots(fill: Fill, order: Order) -> int:
    return fill.sent if order.side is Side.SELL else fill.received


def _contract(opening: Opening, fill: Fill, id: str) -> Contract:
    zones = {zone.id: zone for zone in opening.zones}
    trade = fill.trade()
    seller, buyer = (fill.maker, fill.taker) if fill.taker.side is Side.BUY else (fill.taker, fill.maker)
    legs = tuple(
        Leg(lane, zones[lane.source], zones[lane.target], trade.seller_price, trade.buyer_price)
        for lane in opening.lanes
        if lane.id in trade.path
    )
    return Contract(
        id, opening.product, seller.member, zones[seller.zone], buyer.member, zones[buyer.zone], trade.sent,
        trade.received, trade.seller_price, trade.buyer_price, legs, continuous=True,
    )  # fmt: skip
