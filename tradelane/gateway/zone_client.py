"""An edge's way to its zone: signed messages over HTTP, tried again until the zone has answered.

Every message has an id or a key of its own, so sending it twice has one effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from tradelane.gateway.keys import sign
from tradelane.market.units import iso

if TYPE_CHECKING:
    import httpx2
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ATTEMPTS = 8
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0


class ZoneUnreachable(Exception):
    """No usable answer after every attempt."""


class ZoneRefused(Exception):
    """The zone's answer is no: ``problem`` is its problem+json."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or "refused"))
        self.problem = problem


class ZoneClient:
    def __init__(self, base_url: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        import httpx2

        self._failed = httpx2.TransportError
        self._http = httpx2.AsyncClient(base_url=base_url, transport=transport, timeout=10.0)

    async def close(self) -> None:
        await self._http.aclose()

    async def products(self) -> list[dict[str, Any]]:
        answer = await self._ask("GET", "/api/v1/products")
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def prices(self, zone: str, since: int, until: int) -> list[dict[str, Any]]:
        """A zone's clearing prices of deliveries from ``since`` to ``until`` (ms), oldest first."""
        asked = urlencode({"from": iso(since), "to": iso(until), "place": zone})
        answer = await self._ask("GET", f"/api/v1/data/prices?{asked}")
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def book(self, product: str, zone: str) -> dict[str, Any]:
        """The best offer and bid of goods as a trader in ``zone`` sees them."""
        asked = urlencode({"zone": zone, "levels": 1})
        return await self._ask("GET", f"/api/v1/books/{quote(product)}?{asked}")

    async def landed(
        self, product: str, zone: str, side: str, price: str, quantity: str
    ) -> dict[str, Any]:  # fmt: skip
        """What goods cost at a buyer's door over each lane to (buy) or from (sell) ``zone``."""
        asked = urlencode({"zone": zone, "side": side, "price": price, "quantity": quantity})
        return await self._ask("GET", f"/api/v1/landed/{quote(product)}?{asked}")

    async def mine(self, key: Ed25519PrivateKey, member: str, now: int) -> dict[str, Any]:
        """The market with what only ``member`` may see. Raises ZoneRefused or ZoneUnreachable."""
        return await self.send("mine", key, {"member": member, "at": iso(now)})

    async def send(self, what: str, key: Ed25519PrivateKey, body: dict[str, Any]) -> dict[str, Any]:
        """Sign ``body`` and post it to ``what`` (members, orders, cancels, statements, mine).

        Raises ZoneRefused or ZoneUnreachable.
        """
        return await self._ask("POST", f"/api/v1/{what}", {**body, "signature": sign(key, body)})

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        fault = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**attempt))
            try:
                answer = await self._http.request(method, path, json=body)
                content = answer.json()
            except (self._failed, ValueError) as error:
                fault = str(error) or type(error).__name__
                continue
            if answer.is_success:
                found: dict[str, Any] = content
                return found
            if answer.status_code < 500 and not str(content.get("type", "")).endswith(":in-progress"):
                raise ZoneRefused(content)
            fault = str(content.get("detail", answer.status_code))
        raise ZoneUnreachable(f"{method} {path}: {fault}")
