"""The e-hub's client: one method a command, each with the idempotency key its caller chose.

How it asks, and what it raises, stands in ``asking``. An argument the wire cannot carry (an amount of zero,
an id with spaces) is a ValueError; nothing is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from tradelane.market.units import Money, iso
from tradelane.settlement.ehub import wire, wire_logistics
from tradelane.settlement.ehub.asking import (
    PREFIX,
    Asking,
    Backoff,
    HubError,
    HubRefused,
    HubUnreachable,
)
from tradelane.settlement.ehub.client_customs import CustomsClient
from tradelane.settlement.ehub.client_inspection import InspectionClient
from tradelane.settlement.ehub.client_members import MembersClient
from tradelane.settlement.ehub.client_nominations import NominationsClient
from tradelane.settlement.ehub.client_road import RoadClient
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.logistics import ShipmentEvent, ShipmentState

if TYPE_CHECKING:
    import httpx2

__all__ = ["Backoff", "HubClient", "HubError", "HubRefused", "HubUnreachable"]


class HubClient(Asking):
    """Talks to one e-hub over HTTP, or in-process through an ASGI ``transport``."""

    def __init__(
        self,
        base_url: str,
        token: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        backoff: Backoff | None = None,
        timeout_s: float = 10.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        import httpx2

        http = httpx2.AsyncClient(
            base_url=base_url,
            transport=transport,
            timeout=timeout_s,
            headers={"Authorization": f"Bearer {token}"},
        )
        super().__init__(http, backoff or Backoff(), sleep)
        self.customs = CustomsClient(self._command, self._ask)
        self.members = MembersClient(self._command)
        self.inspection = InspectionClient(self._command, self._ask)
        self.nominations = NominationsClient(self._command, self._ask)
        self.road = RoadClient(self._command, self._ask)

    async def open_account(
        self, key: str, *, account: str, owner: str, currency: str, limit: Money | None
    ) -> wire.AccountState:
        """``limit`` is the lowest balance allowed; None for none."""
        question = wire.OpenAccount(
            account=account, owner=owner, currency=currency, limit=None if limit is None else str(limit)
        )
        return await self._command("/accounts", key, question, wire.AccountState)

    async def deposit(self, key: str, *, account: str, amount: Money) -> wire.DepositState:
        question = wire.Deposit(account=account, amount=_amount(amount))
        return await self._command("/deposits", key, question, wire.DepositState)

    async def reserve(
        self,
        key: str,
        *,
        reservation: str,
        account: str,
        amount: Money,
        contract: str,
        expires_at: int | None = None,
    ) -> wire.ReservationState:
        """``expires_at`` in Unix ms."""
        question = wire.Reserve(
            reservation=reservation,
            account=account,
            amount=_amount(amount),
            contract=contract,
            expires_at=None if expires_at is None else iso(expires_at),
        )
        return await self._command("/reservations", key, question, wire.ReservationState)

    async def release(self, key: str, *, reservation: str) -> wire.ReservationState:
        path = f"/reservations/{quote(reservation, safe='')}/release"
        return await self._command(path, key, wire.Release(), wire.ReservationState)

    async def settle(
        self,
        key: str,
        *,
        settlement: str,
        contract: str,
        transfers: Sequence[Transfer],
        reservation: str | None = None,
    ) -> wire.SettlementState:
        """All of ``transfers`` or none. The hub names them ``<settlement>/<index>``."""
        legs = [
            wire.Leg(
                source=one.source, target=one.target, amount=_amount(one.amount), kind=one.kind, memo=one.memo
            )
            for one in transfers
        ]
        question = wire.Settle(
            settlement=settlement, reservation=reservation, contract=contract, transfers=legs
        )
        return await self._command("/settlements", key, question, wire.SettlementState)

    async def book_shipment(
        self,
        key: str,
        *,
        shipment: str,
        contract: str,
        declaration: str,
        lane: str,
        quantity: str,
        unit: str,
    ) -> wire_logistics.ShipmentAnswer:
        question = wire_logistics.BookShipment(
            shipment=shipment,
            contract=contract,
            declaration=declaration,
            lane=lane,
            quantity=quantity,
            unit=unit,
        )
        return await self._command("/shipments", key, question, wire_logistics.ShipmentAnswer)

    async def record_event(
        self,
        key: str,
        *,
        shipment: str,
        event: ShipmentEvent,
        at: int,
        quantity: str | None = None,
        proof_code: str | None = None,
    ) -> wire_logistics.ShipmentAnswer:
        """``at`` in Unix ms; ``quantity`` of a part delivery, in the shipment's unit."""
        question = wire_logistics.RecordEvent(
            event=event, at=iso(at), quantity=quantity, proof_code=proof_code
        )
        path = f"/shipments/{quote(shipment, safe='')}/events"
        return await self._command(path, key, question, wire_logistics.ShipmentAnswer)

    async def account(self, account: str) -> wire.AccountState:
        return await self._ask(f"/accounts/{quote(account, safe='')}", wire.AccountState)

    async def accounts(self, *, after: str | None = None, limit: int = 100) -> wire.Page[wire.AccountState]:
        return await self._ask("/accounts", wire.Page[wire.AccountState], {"after": after, "limit": limit})

    async def reservation(self, reservation: str) -> wire.ReservationState:
        return await self._ask(f"/reservations/{quote(reservation, safe='')}", wire.ReservationState)

    async def transfers(
        self, *, after: str | int | None = None, limit: int = 100
    ) -> wire.Page[wire.TransferState]:
        return await self._ask("/transfers", wire.Page[wire.TransferState], {"after": after, "limit": limit})

    async def receipts(
        self,
        *,
        account: str | None = None,
        contract: str | None = None,
        after: str | int | None = None,
        limit: int = 100,
    ) -> wire.Page[wire.Receipt]:
        query = {"account": account, "contract": contract, "after": after, "limit": limit}
        return await self._ask("/receipts", wire.Page[wire.Receipt], query)

    async def shipment(self, shipment: str) -> wire_logistics.ShipmentAnswer:
        return await self._ask(f"/shipments/{quote(shipment, safe='')}", wire_logistics.ShipmentAnswer)

    async def proof_code(self, shipment: str) -> str:
        """What the buyer shows at the door; for the buyer alone."""
        path = f"/shipments/{quote(shipment, safe='')}/proof-code"
        return (await self._ask(path, wire_logistics.ProofCode)).proof_code

    async def shipments(
        self,
        *,
        state: ShipmentState | None = None,
        contract: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> wire.Page[wire_logistics.ShipmentAnswer]:
        query = {"state": state, "contract": contract, "after": after, "limit": limit}
        return await self._ask("/shipments", wire.Page[wire_logistics.ShipmentAnswer], query)

    async def trial_balance(self) -> wire.TrialBalance:
        return await self._ask("/trial-balance", wire.TrialBalance)

    async def chain(self) -> wire.ChainCheck:
        return await self._ask("/chain", wire.ChainCheck)

    async def healthy(self) -> bool:
        """One attempt: does the hub answer?"""
        try:
            answer = await self._http.get(PREFIX + "/healthz")
        except self._failed:
            return False
        return answer.status_code == 200


def _amount(money: Money) -> wire.PositiveAmount:
    return wire.PositiveAmount(currency=money.currency, value=str(money))
