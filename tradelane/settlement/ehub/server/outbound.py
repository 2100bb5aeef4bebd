"""Where the hub may send: an address others gave us is resolved, checked, and then connected to as checked.

Always true: a name is resolved once for each request and every address of it is judged; the connection goes
to one of the judged addresses, so that a name which changes between the check and the call gains nothing.
Redirects are not followed. ``https`` keeps the name for the certificate's check.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import httpx2

TIMEOUT_S = 10
_DRAINED = 65_536
"""Bytes of an answer that are read though nobody wants them, so that the connection can be used again."""
LONGEST_URL = 2000
PORTS = {"http": 80, "https": 443}
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``body`` is cut off at the length asked for."""

    status: int
    body: bytes


class Forbidden(Exception):
    """The URL may not be called; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL: ``address`` is where to connect, ``host`` what to say there."""

    scheme: str
    host: str
    address: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The URL with the checked address in place of the name."""
        place = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{place}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_public(address: Address) -> bool:
    """Whether the address is one of the open Internet, also when it hides in an IPv6 form of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is not None:
            return is_public(inner)
        if any(address in net for net in _NAT64) or int(address) < 2**32:
            return False
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def parts(url: str) -> SplitResult:
    """The parts of a URL that may be kept as an endpoint; Forbidden otherwise. Resolves nothing."""
    if len(url) > LONGEST_URL or any(ord(c) <= 32 or c in "\\\x7f" for c in url):
        raise Forbidden("the URL is too long, or has spaces or control characters")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError as error:
        raise Forbidden(str(error)) from None
    if split.scheme not in PORTS:
        raise Forbidden("only http and https")
    if not split.hostname or split.username is not None or split.password is not None or port == 0:
        raise Forbidden("the URL names a host and no user")
    return split


async def check(url: str, *, private: bool = False) -> Target:
    """The place to connect to for ``url``. ``private`` allows addresses that are not of the open Internet.

    Raises Forbidden, or OSError when the name is not known.
    """
    split = parts(url)
    assert split.hostname is not None
    port = split.port or PORTS[split.scheme]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(split.hostname, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # no label of a name is empty or longer than 63 characters
        raise Forbidden("the host is not a name") from None
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not addresses:
        raise OSError(f"{split.hostname} has no address")
    if not private and not all(is_public(address) for address in addresses):
        raise Forbidden(f"{split.hostname} is not an address of the open Internet")
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return Target(split.scheme, split.hostname, str(addresses[0]), port, path)


async def send(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    private: bool = False,
) -> int:
    """As :func:`call`, for whom the HTTP status is enough."""
    return (await call(client, method, url, headers, body, private=private, most=0)).status


async def call(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    private: bool = False,
    most: int,
) -> Answer:
    """Send to the checked address with these headers and none of the client's own Accept; the answer with
    at most ``most`` bytes of its body.

    Raises Forbidden, OSError, or httpx2.HTTPError.
    """
    target = await check(url, private=private)
    extensions = {"sni_hostname": target.host} if target.scheme == "https" else {}
    request = client.build_request(
        method,
        target.url,
        headers={**headers, "Host": target.authority},
        content=body,
        extensions={**extensions, "timeout": dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)},
    )
    if not any(name.lower() == "accept" for name in headers):
        del request.headers["accept"]
    answer = await client.send(request, follow_redirects=False, stream=True)
    got = bytearray()
    try:
        async for chunk in answer.aiter_bytes():
            got += chunk
            if len(got) > max(most, _DRAINED):
                break
    finally:
        await answer.aclose()
    return Answer(int(answer.status_code), bytes(got[:most]))
