"""A member's orders over HTTP: their stories, what is written to the other side, and disputes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.desk import Desk
from tradelane.gateway.disputes import Decision, DisputeMessage, Disputes, TalkMessage
from tradelane.gateway.file import RoleFile
from tradelane.gateway.own_orders import OrderStory, StoryMessage, read_story, under_way
from tradelane.settlement.bearer import Bearer
from tradelane.settlement.ehub.client import HubClient

Json = dict[str, Any]
Trade = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


def own_orders_router(
    desk: Desk, file: RoleFile, catalogue: Catalogue, hub: HubClient, disputes: Disputes, operator_token: str
) -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    operator = Depends(Bearer(operator_token))

    @router.post("/mine/orders")
    async def story(message: StoryMessage) -> OrderStory:
        """One order of the member who signs, its trades, and each trade's way until it is paid."""
        desk.asker(message)
        found, rows = await file.read(lambda conn: read_story(conn, catalogue, message.member, message.order))
        await under_way(hub, found, rows)
        return found

    @router.post("/mine/messages", status_code=201)
    async def say(message: TalkMessage) -> Json:
        """Write to the other side of a trade. Repeating it changes nothing."""
        desk.asker(message)
        return await disputes.say(message)

    @router.post("/mine/disputes", status_code=201)
    async def dispute(message: DisputeMessage) -> Json:
        """Dispute goods that are under way: their money stays reserved until the operator has decided."""
        desk.asker(message)
        return await disputes.dispute(message)

    @router.get("/disputed-trades", dependencies=[operator])
    async def open_disputes() -> Json:
        """What the operator has to decide."""
        return await disputes.open()

    @router.post("/disputed-trades/{trade}", status_code=201, dependencies=[operator])
    async def decide(trade: Trade, decision: Decision) -> Json:
        """Decide a dispute: how much is paid for; the rest of the money goes back to the buyer."""
        return await disputes.decide(trade, decision)

    return router
