"""A member's side of an e-hub's facade: quotes, payments, receipts, each request signed.

How it asks, and what it raises, stands in ``asking``; every attempt is signed anew. An amount the wire cannot
carry is a ValueError; nothing is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote as quoted

from tradelane.market.units import Money, iso
from tradelane.settlement.ehub import wire_payments as wire
from tradelane.settlement.ehub.asking import Asking, Backoff
from tradelane.settlement.ehub.client_approvals import ApprovalsClient
from tradelane.settlement.ehub.client_certificates import CertificatesClient
from tradelane.settlement.ehub.client_inspection import InspectionClient
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire import Page, Receipt

if TYPE_CHECKING:
    import httpx2

FACADE = "/open-payments"
SPARE_S = 10.0
"""How much longer than the hub this side waits."""


class MemberClient(Asking):
    """Asks one e-hub as one member, over HTTP or in-process through an ASGI ``transport``. Payments are named
    by their URL or its last part, wallets by their URL or their account."""

    def __init__(
        self,
        base_url: str,
        signer: Signer,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        backoff: Backoff | None = None,
        timeout_s: float = 10.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        import httpx2

        def signed(request: httpx2.Request) -> httpx2.Request:
            request.headers.update(signer.headers(request.method, str(request.url), request.content))
            return request

        http = httpx2.AsyncClient(base_url=base_url, transport=transport, timeout=timeout_s, auth=signed)
        super().__init__(http, backoff or Backoff(), sleep)
        self.certificates = CertificatesClient(self._command, self._ask)
        self.approvals = ApprovalsClient(self._command, self._ask)
        self.inspection = InspectionClient(self._command, self._ask)

    async def wallet(self, account: str) -> wire.WalletAddress:
        """What anyone may know of a wallet; HubRefused when there is none."""
        return await self._ask(f"{FACADE}/wallets/{quoted(account, safe=':')}", wire.WalletAddress)

    async def wallets(self) -> wire.Wallets:
        return await self._ask(f"{FACADE}/wallets", wire.Wallets)

    async def quote(
        self,
        key: str,
        *,
        wallet: str,
        receiver: str,
        debit: Money | None = None,
        receive: Money | None = None,
    ) -> wire.Quote:
        """What it will cost to pay ``receiver``, an incoming payment or a wallet. One amount, or none where
        the incoming payment says it."""
        question = wire.AskQuote(
            wallet_address=wallet,
            receiver=receiver,
            debit_amount=_amount(debit),
            receive_amount=_amount(receive),
        )
        return await self._command(f"{FACADE}/quotes", key, question, wire.Quote)

    async def pay(
        self, key: str, quote: wire.Quote, metadata: Mapping[str, str] | None = None
    ) -> wire.Outgoing:
        """Pay as quoted; HubRefused when the quote has expired or the money is not there."""
        question = wire.AskOutgoing(
            wallet_address=quote.wallet_address, quote_id=quote.id, metadata=dict(metadata or {})
        )
        return await self._command(f"{FACADE}/outgoing-payments", key, question, wire.Outgoing)

    async def expect(
        self,
        key: str,
        *,
        wallet: str,
        amount: Money | None = None,
        expires_at: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> wire.Incoming:
        """An incoming payment to be shown to whoever pays. ``expires_at`` in Unix ms."""
        question = wire.AskIncoming(
            wallet_address=wallet,
            incoming_amount=_amount(amount),
            expires_at=None if expires_at is None else iso(expires_at),
            metadata=dict(metadata or {}),
        )
        return await self._command(f"{FACADE}/incoming-payments", key, question, wire.Incoming)

    async def incoming(self, payment: str, *, wait_s: int = 0) -> wire.Incoming:
        """Once it is completed, or after ``wait_s`` seconds, at most 60."""
        path = f"{FACADE}/incoming-payments/{payment.rpartition('/')[2]}"
        return await self._patiently(
            wire.Incoming, "GET", path, params={"wait": wait_s}, timeout=wait_s + SPARE_S
        )

    async def receipts(self, *, after: str | None = None, limit: int = 100) -> Page[Receipt]:
        """What payments and settlements did to the member's wallets."""
        return await self._ask(f"{FACADE}/receipts", Page[Receipt], {"after": after, "limit": limit})

    async def rates(self) -> wire.Rates:
        return await self._ask(f"{FACADE}/rates", wire.Rates)


def _amount(money: Money | None) -> wire.Paid | None:
    if money is None:
        return None
    return wire.Paid(value=str(money.nano), asset_code=money.currency, asset_scale=9)
