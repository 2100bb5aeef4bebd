"""The goods markets over HTTP beside orders: their feeds for everyone, their phases for the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from tradelane.gateway.goods_channel import Channel
from tradelane.gateway.goods_floor import GoodsFloor
from tradelane.market.session import Phase
from tradelane.settlement.bearer import Bearer

RETRY_MS = 2000
"""How long a listener waits before it reconnects, in milliseconds."""
Json = dict[str, Any]


class TurnMessage(BaseModel):
    """Bring the market of a goods product into a phase."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: Annotated[str, Field(max_length=120)]
    phase: Phase


def goods_router(floor: GoodsFloor, operator_token: str) -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    operator = Bearer(operator_token)

    async def channel(product: str, zone_id: Annotated[str, Query(alias="zone")]) -> Channel:
        return await floor.channel(product, zone_id)

    listening = Depends(channel)  # in an annotation it would be looked for among the module's names

    @router.get("/snapshots/{product:path}")
    async def snapshot(here: Channel = listening) -> Json:
        """Phase, last price and the best levels of a goods product in a zone, as its feed has told them."""
        return {**here.snapshot(), "event": f"{floor.epoch}-{here.number}"}

    @router.get("/feeds/{product:path}", response_class=EventSourceResponse)
    async def feed(
        here: Channel = listening, last_event_id: Annotated[str | None, Header()] = None
    ) -> AsyncIterator[ServerSentEvent]:
        """A snapshot, then every trade, level, best price and phase as it changes, numbered."""
        yield ServerSentEvent(retry=RETRY_MS, comment="tradelane")
        async for told in here.subscribe(_number(last_event_id, floor.epoch)):
            yield ServerSentEvent(raw_data=told.text, event=told.name, id=f"{floor.epoch}-{told.number}")

    @router.post("/turns", dependencies=[Depends(operator)])
    async def turn(message: TurnMessage) -> Json:
        """The operator halts a goods market, or brings it back by an auction. Repeating changes nothing."""
        return await floor.turn(message.product, message.phase)

    return router


def _number(event: str | None, epoch: int) -> int | None:
    """The number of a message of this process; None of another's, or of no message at all."""
    before, _, number = (event or "").partition("-")
    known = before == str(epoch) and number.isascii() and number.isdigit() and len(number) < 20
    return int(number) if known else None
