"""One of a member's own orders and what became of it: each trade's way until it is paid, what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, and_, or_, select
from typing_extensions import TypedDict  # pydantic on Python 3.11 does not take typing's

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.intake import Id, MineMessage
from tradelane.gateway.overview import OwnOrder, OwnTrade
from tradelane.gateway.overviews import shown_id
from tradelane.gateway.own import names_of, own_trade
from tradelane.gateway.refusals import refuse
from tradelane.gateway.tables import contracts, messages, orders
from tradelane.market.order import Refusal
from tradelane.market.units import iso
from tradelane.settlement import declaration
from tradelane.settlement.contract import State
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.logistics import ShipmentState

MOST_TRADES = 20
"""Of one order, newest first."""
GOODS_WAY = ("matched", "reserved", "declared", "inspected", "shipped", "delivered", "paid")
HOME_WAY = ("matched", "reserved", "delivered", "paid")
POWER_WAY = ("matched", "reserved", "metered", "paid")
REACHED: dict[str, tuple[str, ...]] = {
    State.AGREED: ("matched",),
    State.REFUSED: ("matched",),
    State.FUNDED: ("matched", "reserved"),
    State.METERED: ("matched", "reserved", "metered"),
    State.SHIPPED: ("matched", "reserved", "declared"),
    State.ACCEPTED: GOODS_WAY[:-1],
    State.RELEASED: (*GOODS_WAY, "metered"),
    State.DISPUTED: ("matched", "reserved"),
    State.REFUNDED: ("matched", "reserved"),
}
"""What is certain of a trade's way by its state alone."""


class StoryMessage(MineMessage):
    """A member asks for one of its orders."""

    order: Id


class Step(TypedDict):
    """``step``: of GOODS_WAY, HOME_WAY or POWER_WAY."""

    step: str
    done: bool


class Said(TypedDict):
    """``mine``: by who asks."""

    mine: bool
    at: str
    text: str


class TradeStory(OwnTrade):
    """``reason``: why it is disputed or refused; ``may_dispute``: whether who asks may, now."""

    steps: list[Step]
    messages: list[Said]
    reason: str | None
    may_dispute: bool


class OrderStory(OwnOrder):
    """``gate``: when an order of power is final; null for goods, which can be amended while ``open``."""

    unit: str
    currency: str
    hs_code: str | None
    gate: str | None
    state: str
    open: bool
    trades: list[TradeStory]


def read_story(
    conn: Connection, catalogue: Catalogue, member: str, order: str
) -> tuple[OrderStory, list[RowMapping]]:
    """The order and the contracts behind its trades. Raises Problem 422 for one that is not the member's."""
    row = conn.execute(select(orders).where(orders.c.id == order, orders.c.member == member)).first()
    product = Refusal.UNKNOWN_ORDER if row is None else catalogue.find(row.product)
    if row is None or isinstance(product, Refusal):
        refuse(Refusal.UNKNOWN_ORDER, "order")
    rows = trades_of(conn, member, order)
    names, said = names_of(conn, rows), _said(conn, rows, member)
    story = OrderStory(
        id=row.id,
        product=row.product,
        side=row.side,
        price=product.price_text(row.price),
        quantity=product.quantity_text(row.quantity),
        filled=product.quantity_text(row.filled),
        at=iso(row.at),
        unit=product.unit,
        currency=catalogue.zones[row.zone].currency,
        hs_code=product.hs_code,
        gate=None if product.gate is None else iso(product.gate),
        state=row.state,
        open=row.state == "open",
        trades=[_trade(one, member, names, said[one["id"]]) for one in rows],
    )
    return story, rows


def trades_of(conn: Connection, member: str, order: str) -> list[RowMapping]:
    """Contracts that a member's own order is in, newest first."""
    c = contracts.c
    own = or_(
        and_(c.seller == member, c.seller_order == order), and_(c.buyer == member, c.buyer_order == order)
    )
    query = select(contracts).where(own).order_by(c.seq.desc(), c.id.desc()).limit(MOST_TRADES)
    return list(conn.execute(query).mappings())


def _said(conn: Connection, rows: Sequence[RowMapping], member: str) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = {row["id"]: [] for row in rows}
    m = messages.c
    query = select(messages).where(m.contract.in_(found)).order_by(m.at, m.id)
    for row in conn.execute(query):
        found[row.contract].append(Said(mine=row.sender == member, at=iso(row.at), text=row.text))
    return found


def _trade(row: RowMapping, member: str, names: dict[str, str], said: list[Said]) -> TradeStory:
    way = POWER_WAY if row["commodity"] == "power" else GOODS_WAY if row["path"] else HOME_WAY
    reached = REACHED[row["state"]]
    return TradeStory(
        **own_trade(row, member, names),
        steps=[Step(step=step, done=step in reached) for step in way],
        messages=said,
        reason=row["detail"].get("refusal"),
        may_dispute=may_dispute(row, member),
    )


def may_dispute(row: RowMapping, member: str) -> bool:
    """The buyer may, while the goods are under way: once it took them over they are paid for."""
    return bool(row["buyer"] == member and row["state"] == State.SHIPPED)


async def under_way(hub: HubClient, story: OrderStory, rows: Sequence[RowMapping]) -> None:
    """Add what customs and the carrier know of trades that are between their ends; an e-hub that does not
    answer adds nothing."""
    waiting = {
        shown_id(row["id"]): row["id"]
        for row in rows
        if row["path"] and row["commodity"] == "goods" and row["state"] in (State.SHIPPED, State.DISPUTED)
    }
    for trade in story["trades"]:
        if trade["id"] in waiting:
            known = await _known(hub, waiting[trade["id"]])
            for step in trade["steps"]:
                step["done"] = step["done"] or step["step"] in known


async def _known(hub: HubClient, contract: str) -> set[str]:
    try:
        declared, shipment = await asyncio.gather(hub.customs.declaration(contract), hub.shipment(contract))
    except (HubRefused, HubUnreachable):
        return set()
    known = {"declared"}
    if declared.state is declaration.State.RELEASED:
        known.add("inspected")
    if shipment.state is not ShipmentState.BOOKED:
        known.add("shipped")
    if shipment.state is ShipmentState.DELIVERED:
        known.add("delivered")
    return known
