"""No address that others gave us leads into our own network."""

from __future__ import annotations

import asyncio
import ipaddress

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from tests.settlement.hubs import serving
from tradelane.settlement.ehub.server import outbound

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.1", "169.254.169.254", "172.16.0.1", "192.168.1.1",
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "2130706433",
    "0x7f000001", "0177.0.0.1", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "[2002:a00:1::]", "[fe80::1]", "[fc00::1]",
    "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "localhost",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_no_private_address_passes(host: str) -> None:
    with pytest.raises((outbound.Forbidden, OSError)):
        asyncio.run(outbound.check(f"http://{host}/callback"))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_pass(address: str) -> None:
    assert outbound.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "http:///x", "http://u:p@a.example/", "http://a.example:0/", "http://a.example:x/",
     "http://a b/", "http://a.example\\@b.example/", "file:///etc/passwd", "http://a/" + "x" * 2000],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(outbound.Forbidden):
        outbound.parts(url)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_host_that_can_be_no_name_is_refused(host: str) -> None:
    with pytest.raises(outbound.Forbidden, match="not a name"):
        asyncio.run(outbound.check(f"https://{host}/"))


def test_a_name_that_also_leads_inside_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("8.8.8.8", 80)), (0, 0, 0, "", ("10.0.0.1", 80))]

    async def main() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        with pytest.raises(outbound.Forbidden, match="open Internet"):
            await outbound.check("https://mixed.example/")
        target = await outbound.check("https://mixed.example:8443/a?b=c", private=True)
        assert target.url == "https://8.8.8.8:8443/a?b=c"
        assert target.authority == "mixed.example:8443"

    asyncio.run(main())


def test_a_call_carries_the_headers_given_and_no_accept_of_the_client_s() -> None:
    seen: list[dict[str, str]] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append({k.decode(): v.decode() for k, v in scope["headers"]})
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", b"/b")]})
        await send({"type": "http.response.body"})

    async def main(url: str) -> int:
        async with httpx2.AsyncClient() as client:
            return await outbound.send(client, "PUT", url, {"X-A": "1"}, b"{}", private=True)

    with serving(app) as url:
        assert asyncio.run(main(url + "/a")) == 302
    assert len(seen) == 1
    assert seen[0]["x-a"] == "1"
    assert "accept" not in seen[0]
