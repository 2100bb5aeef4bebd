"""An edge asks its zone over real sockets: again until it has an answer, once in effect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from tests.gateway.marketplace import ANNA
from tests.shared import free_port
from tradelane.gateway import keys, zone_client
from tradelane.gateway.zone_client import ATTEMPTS, ZoneClient, ZoneRefused, ZoneUnreachable

T = TypeVar("T")
BODY = {"id": "a-1", "member": "anna"}
OK = (201, {"id": "a-1", "seq": 7})
IN_PROGRESS = (409, {"type": "urn:tradelane:problem:in-progress", "detail": "being taken"})
REFUSED = (422, {"type": "urn:tradelane:problem:off-tick", "title": "Off tick", "detail": "price: off tick"})
UNAVAILABLE = (503, {"type": "urn:tradelane:problem:unavailable", "detail": "try again"})
HANG_UP = (0, "")
GIBBERISH = (200, "<html>a proxy says hello</html>")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_client, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(zone_client, "LONGEST_WAIT_S", 0.002)


def asked(use: Callable[[ZoneClient], Coroutine[Any, Any, T]], *script: Any) -> tuple[T, list[Any]]:
    """Run ``use`` against a server that gives the answers of ``script``, the last one for ever."""
    heard: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(x.split(":")[1]) for x in head.splitlines() if "content-length" in x), 0)
        heard.append(json.loads(await reader.readexactly(length) or b"null"))
        status, content = script[min(len(heard), len(script)) - 1]
        if status:
            text = content if isinstance(content, str) else json.dumps(content)
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text)}", "Connection: close", "", text]
            writer.write("\r\n".join(lines).encode())
            await writer.drain()
        writer.close()

    async def main() -> T:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = ZoneClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            return await use(client)
        finally:
            await client.close()
            server.close()

    return asyncio.run(main()), heard


async def send(client: ZoneClient) -> dict[str, Any]:
    return await client.send("orders", ANNA.key, BODY)


@pytest.mark.parametrize("trouble", [HANG_UP, UNAVAILABLE, IN_PROGRESS, GIBBERISH])
def test_trouble_is_asked_again_with_the_same_signed_message(trouble: Any) -> None:
    answer, heard = asked(send, trouble, trouble, OK)
    assert answer == OK[1] and len(heard) == 3
    assert heard[0] == heard[1] == heard[2]
    assert keys.verify(keys.public_key_text(ANNA.key), BODY, heard[0]["signature"])


def test_a_refusal_is_final() -> None:
    async def refused(client: ZoneClient) -> ZoneRefused:
        with pytest.raises(ZoneRefused, match="price: off tick") as found:
            await send(client)
        return found.value

    error, heard = asked(refused, REFUSED, OK)
    assert len(heard) == 1 and error.problem["title"] == "Off tick"


@pytest.mark.parametrize("trouble", [HANG_UP, UNAVAILABLE, GIBBERISH])
def test_patience_has_an_end(trouble: Any) -> None:
    async def lost(client: ZoneClient) -> None:
        with pytest.raises(ZoneUnreachable, match="POST /api/v1/orders"):
            await send(client)

    assert len(asked(lost, trouble)[1]) == ATTEMPTS


def test_nobody_at_home() -> None:
    async def lost() -> None:
        client = ZoneClient(f"http://127.0.0.1:{free_port()}")
        with pytest.raises(ZoneUnreachable):
            await client.products()
        await client.close()

    asyncio.run(lost())


def test_products_are_the_items_of_the_answer() -> None:
    found, heard = asked(lambda client: client.products(), (200, {"items": [{"id": "power/x"}]}))
    assert found == [{"id": "power/x"}] and heard == [None]
