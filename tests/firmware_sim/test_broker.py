from __future__ import annotations

import asyncio

import pytest

from firmware_sim.broker import HOST, start_broker, stop_broker
from tests import shared


async def client(*command: str) -> str:
    """A mosquitto client's output, the broker's loop running meanwhile."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0, command
    return said.decode()


async def retained_beside_another_subscriber() -> tuple[str, str]:
    broker, port = await start_broker(0)
    at = ("-h", HOST, "-p", str(port), "-q", "1", "-t")
    publish, subscribe = shared.program("mosquitto_pub"), shared.program("mosquitto_sub")
    try:
        for topic in ("a", "b"):
            await client(publish, *at, topic, "-r", "-m", f"kept on {topic}")
        first = await client(subscribe, *at, "a", "-C", "1", "-W", "20")
        second = await client(subscribe, *at, "b", "-C", "1", "-W", "20")
    finally:
        await stop_broker(broker)
    return first, second


def test_each_subscriber_gets_what_is_kept_for_its_own_topics() -> None:
    assert asyncio.run(retained_beside_another_subscriber()) == ("kept on a\n", "kept on b\n")


def test_a_taken_port_is_refused() -> None:
    async def twice() -> None:
        broker, port = await start_broker(0)
        try:
            with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
                await start_broker(port)
        finally:
            await stop_broker(broker)

    asyncio.run(twice())


def test_it_can_start_again_on_its_port() -> None:
    async def lives() -> list[int]:
        broker, port = await start_broker(0)
        await stop_broker(broker)
        again, same = await start_broker(port)
        await stop_broker(again)
        return [port, same]

    first, second = asyncio.run(lives())
    assert first == second
