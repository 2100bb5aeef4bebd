"""What a member may see of itself and nobody else: its day, its trades, its orders that stand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, or_, select

from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.overview import MemberView, OwnOrder, OwnTrade, OwnView
from tradelane.gateway.overviews import amount_of, amounts, overview, shown_id
from tradelane.gateway.tables import contracts, members, orders
from tradelane.market.order import Refusal
from tradelane.market.units import Interval, Money, iso, plain
from tradelane.settlement.contract import State

NEWEST = 50
"""Trades shown."""


def own_view(conn: Connection, catalogue: Catalogue, clock: Clock, member: str) -> OwnView:
    """``member`` is registered in this zone."""
    row = conn.execute(select(members).where(members.c.id == member)).one()
    return OwnView(
        **overview(conn, catalogue, clock),
        member=_day(conn, catalogue, row, clock.now()),
        own_trades=_trades(conn, member),
        own_orders=_orders(conn, catalogue, member),
    )


def _day(conn: Connection, catalogue: Catalogue, member: Any, now: int) -> MemberView:
    query = select(contracts).where(
        contracts.c.seller == member.id,
        contracts.c.state == State.RELEASED,
        contracts.c.settled_at >= Interval.at(now, DAY).start,
    )
    rows = list(conn.execute(query).mappings())
    currency = catalogue.zones[member.zone].currency if member.zone in catalogue.zones else ""
    return MemberView(
        id=member.id,
        name=member.name,
        zone=member.zone,
        earned_today=amount_of(sum((amounts(r)[0] for r in rows), Money(0, currency))),
        energy_today_wh=sum(r["delivered"] for r in rows if r["commodity"] == "power"),
        sales_today=len(rows),
    )


def _trades(conn: Connection, member: str) -> list[OwnTrade]:
    c = contracts.c
    query = select(contracts).where(or_(c.seller == member, c.buyer == member))
    rows = conn.execute(query.order_by(c.seq.desc(), c.id.desc()).limit(NEWEST)).mappings().all()
    names = names_of(conn, rows)
    return [own_trade(row, member, names) for row in rows]


def names_of(conn: Connection, rows: Sequence[RowMapping]) -> dict[str, str]:
    """The names of both sides of contracts, by member."""
    ids = {row[side] for row in rows for side in ("seller", "buyer")}
    named = select(members.c.id, members.c.name).where(members.c.id.in_(ids))
    return {row.id: row.name for row in conn.execute(named)}


def own_trade(row: RowMapping, member: str, names: dict[str, str]) -> OwnTrade:
    """``names``: members' names by id."""
    gets, pays, lots = amounts(row)
    sells, power = row["seller"] == member, row["commodity"] == "power"
    side: Literal["sell", "buy"] = "sell" if sells else "buy"
    partner = row["buyer"] if sells else row["seller"]
    commodity: Literal["power", "goods"] = "power" if power else "goods"
    return OwnTrade(
        id=shown_id(row["id"]),
        order=row["seller_order"] if sells else row["buyer_order"],
        at=iso(row["agreed_at"]),
        commodity=commodity,
        product=row["product"],
        quantity=plain(lots * Decimal(row["detail"]["product"]["lot"]) * (1000 if power else 1)),
        unit="kWh" if power else row["detail"]["product"]["unit"],
        side=side,
        partner=names.get(partner, partner),
        partner_zone=row["buyer_zone"] if sells else row["seller_zone"],
        amount=amount_of(gets if sells else pays),
        state=row["state"],
    )


def _orders(conn: Connection, catalogue: Catalogue, member: str) -> list[OwnOrder]:
    o = orders.c
    query = select(orders).where(o.member == member, o.state == "open").order_by(o.seq.desc())
    found = []
    for row in conn.execute(query):
        product = catalogue.find(row.product)
        if not isinstance(product, Refusal):
            found.append(
                OwnOrder(
                    id=row.id,
                    product=row.product,
                    side=row.side,
                    price=product.price_text(row.price),
                    quantity=product.quantity_text(row.quantity),
                    filled=product.quantity_text(row.filled),
                    at=iso(row.at),
                )
            )
    return found
