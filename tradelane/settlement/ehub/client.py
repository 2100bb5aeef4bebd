"""The e-hub's client: one method a command, each with the idempotency key its caller chose.

A command is tried again after connection errors, time-outs, 5xx and 409 "in progress", always under the
same key, so it takes effect once however often it is sent. What the hub refuses for good is HubRefused.
When HubUnreachable is raised the command may or may not have taken effect: repeat it under the same key.
An argument the wire cannot carry (an amount of zero, an id with spaces) is a ValueError; nothing is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from tradelane.market.units import Money, iso
from tradelane.settlement.ehub import wire, wire_logistics
from tradelane.settlement.ehub.client_customs import CustomsClient
from tradelane.settlement.ehub.client_nominations import NominationsClient
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.logistics import ShipmentEvent, ShipmentState

if TYPE_CHECKING:
    import httpx2

M = TypeVar("M", bound=BaseModel)
PREFIX = "/api/v1"
IN_PROGRESS = "idempotency-in-progress"
Query = Mapping[str, str | int | None]


class HubError(Exception):
    """Whatever went wrong between us and the e-hub."""


class HubRefused(HubError):
    """The hub's answer is no, and stays no: ``code`` says why, ``errors`` which fields."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("type", "")).rpartition(":")[2]
        self.errors = [(str(e.get("field")), str(e.get("reason"))) for e in problem.get("errors", [])]


class HubUnreachable(HubError):
    """No usable answer after every attempt; a command may or may not have taken effect."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits ``first_s`` doubling up to ``cap_s`` seconds between at most ``attempts`` attempts; ``jitter``
    gives the share of each wait, 0 to 1."""

    attempts: int = 6
    first_s: float = 0.05
    cap_s: float = 2.0
    jitter: Callable[[], float] = lambda: 1.0

    def wait_s(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th failure, counted from 0."""
        return min(self.cap_s, self.first_s * 2.0**attempt) * self.jitter()


class HubClient:
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

        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._failed = httpx2.TransportError
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            transport=transport,
            timeout=timeout_s,
            headers={"Authorization": f"Bearer {token}"},
        )
        self.customs = CustomsClient(self._command, self._ask)
        self.nominations = NominationsClient(self._command, self._ask)

    async def close(self) -> None:
        await self._http.aclose()

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

    async def _command(self, path: str, key: str, question: BaseModel, shape: type[M]) -> M:
        body = question.model_dump_json().encode()
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return await self._patiently(shape, "POST", path, content=body, headers=headers)

    async def _ask(self, path: str, shape: type[M], query: Query | None = None) -> M:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return await self._patiently(shape, "GET", path, params=given)

    async def _patiently(self, shape: type[M], method: str, path: str, **request: Any) -> M:
        fault = ""
        for attempt in range(self._backoff.attempts):
            if attempt:
                await self._sleep(self._backoff.wait_s(attempt - 1))
            try:
                answer = await self._http.request(method, PREFIX + path, **request)
            except self._failed as error:
                fault = f"{type(error).__name__}: {error}"
                continue
            if answer.is_success:
                return _read(shape, answer.content)
            refused = HubRefused(answer.status_code, _problem(answer))
            if answer.status_code < 500 and refused.code != IN_PROGRESS:
                raise refused
            fault = f"status {answer.status_code}: {refused}"
        raise HubUnreachable(f"{method} {path}: {fault}")


def _amount(money: Money) -> wire.PositiveAmount:
    return wire.PositiveAmount(currency=money.currency, value=str(money))


def _read(shape: type[M], content: bytes) -> M:
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        raise HubUnreachable(f"the hub's answer is not a {shape.__name__}: {error}") from error


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
