from __future__ import annotations

import asyncio
from decimal import Decimal

from tradelane.gateway.goods_channel import KEPT, Channel, Told
from tradelane.market.depth import Depth
from tradelane.market.ladder import DepthLevel
from tradelane.market.product import Product
from tradelane.market.session import Phase

COFFEE = Product("coffee", "kg", Decimal(1), Decimal("0.01"), 0, 10**6)


def begun() -> Channel:
    return Channel(COFFEE, "NL", Depth([], []), Phase.CONTINUOUS)


def moved(channel: Channel, times: int) -> None:
    """Each time the best sell is another: one level goes, one comes, and there is a new top."""
    for price in range(times):
        channel.publish([], Depth([DepthLevel(100 + price, 1, 1)], []), Phase.CONTINUOUS)


async def rest(channel: Channel, last: int | None) -> list[Told]:
    """What a listener with the message ``last`` gets before it waits."""
    heard: list[Told] = []

    async def listen() -> None:
        async for told in channel.subscribe(last):
            heard.append(told)

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    channel.close()
    await task
    return heard


def test_a_listener_too_slow_for_what_is_kept_gets_a_snapshot() -> None:
    async def work() -> list[Told]:
        channel = begun()
        listener = channel.subscribe()
        first = await anext(listener)
        moved(channel, KEPT)
        second = await anext(listener)
        channel.close()
        return [first, second, *[told async for told in listener]]

    heard = asyncio.run(work())
    assert [(told.number, told.name) for told in heard] == [(0, "snapshot"), (3 * KEPT - 1, "snapshot")]


def test_who_comes_back_hears_what_came_after_without_a_gap() -> None:
    async def work(last: int | None) -> list[Told]:
        channel = begun()
        moved(channel, 4)
        return await rest(channel, last)

    assert [told.number for told in asyncio.run(work(3))] == list(range(4, 12))
    assert asyncio.run(work(11)) == []
    for elsewhere in (None, 12):
        assert [told.name for told in asyncio.run(work(elsewhere))] == ["snapshot"]


def test_a_turn_is_told_before_what_it_brought_about() -> None:
    async def work() -> list[Told]:
        channel = begun()
        channel.publish([], Depth([], [DepthLevel(250, 4, 2)]), Phase.HALTED)
        return await rest(channel, 0)

    phase, level, top = asyncio.run(work())
    assert (phase.name, phase.text) == ("phase", '{"number":1,"phase":"halted"}')
    assert level.text == '{"number":2,"side":"buy","price":"2.5","quantity":"4","orders":2}'
    assert top.text == '{"number":3,"sell":null,"buy":{"price":"2.5","quantity":"4","orders":2}}'
