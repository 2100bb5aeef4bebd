"""A zone's HTTP API: members, orders, cancels and meter statements in; products, books and clearings out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradelane.gateway.desk import Desk
from tradelane.gateway.door_codes import DoorCodes, DoorMessage
from tradelane.gateway.intake import (
    AmendMessage,
    CancelMessage,
    MemberMessage,
    MineMessage,
    OrderMessage,
    StatementMessage,
)
from tradelane.gateway.overview import OwnView
from tradelane.gateway.own_money import MoneyMessage, OwnMoney
from tradelane.gateway.reader import Reader

Json = dict[str, Any]
After = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def zone_router(desk: Desk, reader: Reader) -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.post("/members", status_code=201)
    async def register(message: MemberMessage) -> Json:
        """Make a member known; repeating it changes nothing."""
        return await desk.register(message)

    @router.post("/mine")
    async def mine(message: MineMessage) -> OwnView:
        """The market, and what only the member who signs may see: its day, its trades, its open orders."""
        return await desk.mine(message)

    @router.post("/mine/money")
    async def money(message: MoneyMessage) -> OwnMoney:
        """The balance and the receipts of the member who signs, as its e-hub has them."""
        return await desk.money(message)

    @router.post("/mine/door-codes")
    async def codes(message: DoorMessage) -> DoorCodes:
        """The codes that the member who signs shows carriers at its door."""
        return await desk.door_codes(message)

    @router.post("/orders", status_code=201)
    async def order(message: OrderMessage) -> Json:
        """Take one signed order. Repeating an order gives its first answer."""
        return await desk.order(message)

    @router.post("/cancels", status_code=201)
    async def cancel(message: CancelMessage) -> Json:
        """Take one's own resting goods order off the book."""
        return await desk.cancel(message)

    @router.post("/amendments", status_code=201)
    async def amend(message: AmendMessage) -> Json:
        """Give one's own resting goods order another price and quantity. Repeating it changes nothing."""
        return await desk.amend(message)

    @router.post("/statements", status_code=201)
    async def statement(message: StatementMessage) -> Json:
        """Take what a member's meter counted in an interval."""
        return await desk.statement(message)

    @router.post("/corrections", status_code=201)
    async def correction(message: StatementMessage) -> Json:
        """Take what an interval turned out to be by readings that came late, once, before it is final."""
        return await desk.correction(message)

    @router.get("/heads")
    async def heads(member: str) -> Json:
        """The newest head of each of a member's sealed chains that the zone was told."""
        return await reader.heads(member)

    @router.get("/products")
    async def products() -> Json:
        """What can be ordered now."""
        return {"items": reader.products()}

    @router.get("/books/{product:path}")
    async def book(product: str, zone_id: Annotated[str, Query(alias="zone")], levels: Limit = 10) -> Json:
        """Depth of a goods product as a trader in a zone sees it, foreign orders at landed prices."""
        return await reader.depth(product, zone_id, levels)

    @router.get("/trades")
    async def trades(after: After = 0, limit: Limit = 100) -> Json:
        """Contracts, oldest first, by the journal's sequence."""
        return await reader.trades(after, limit)

    @router.get("/prices")
    async def prices(after: After = 0, limit: Limit = 100) -> Json:
        """Clearing prices, oldest first, by the journal's sequence."""
        return await reader.price_rows(after, limit)

    @router.get("/clearings/{product:path}/case")
    async def case(product: str) -> Json:
        """The orders and lanes a power product was cleared from, as a case file without names."""
        return await reader.case(product)

    @router.get("/clearings/{product:path}/result")
    async def result(product: str) -> Json:
        """The clearing and its certificate as a result file: ``tradelane verify`` proves it."""
        return (await reader.clearing_files(product))[1]

    return router
