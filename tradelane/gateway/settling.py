"""Drives every contract of a zone through the e-hub, from agreed to released.

Always true: each command to the hub carries a key made from the contract's id and step, and the row moves on
only after the hub's answer. Killed between the two, the step is sent again under the same key and gets the
same answer, so nothing is paid twice or half.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping

from tradelane.gateway import contracts
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.correcting import WRONG_TOKEN, Corrector
from tradelane.gateway.crossing import Crossing
from tradelane.gateway.file import RoleFile
from tradelane.gateway.statements import stated
from tradelane.market.units import decimal, whole
from tradelane.settlement import accounts
from tradelane.settlement.contract import Contract, State
from tradelane.settlement.delivery import Delivery, delivery_of, measure
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.ehub.wire_logistics import ShipmentAnswer
from tradelane.settlement.logistics import EFFECTS, Effect
from tradelane.settlement.settle import settle, to_reserve

log = structlog.get_logger(__name__)
AT_ONCE = 16
"""Contracts settled at the same time over one hub connection pool."""


Work = Callable[[RowMapping], Awaitable[bool | None]]
"""One step of one contract; False when there was nothing to do yet."""


class Settler:
    """``step()`` moves every contract as far as it can go now; it returns how many moved."""

    def __init__(self, store: RoleFile, hub: HubClient, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._hub = hub
        self._catalogue = catalogue
        self._clock = clock
        self._corrector = Corrector(store, hub)
        self._crossing = Crossing(hub, catalogue)
        # while this process was away nobody could tell it anything
        self._patient_until = clock.now() + catalogue.mtu

    async def step(self) -> int:
        count = await self._each(State.AGREED, self._fund)
        count += await self._meter()
        count += await self._each(State.METERED, self._release_power)
        count += await self._corrector.step()
        goods = [row for row in await self._rows(State.FUNDED) if row["commodity"] == "goods"]
        count += await self._all(goods, self._ship)
        count += await self._arrivals()
        count += await self._each(State.ACCEPTED, self._release_goods)
        count += await self._each(State.DISPUTED, self._resolve)
        return count

    async def _rows(self, *states: State) -> list[RowMapping]:
        return await self._store.read(lambda conn: contracts.in_state(conn, *states))

    async def _each(self, state: State, work: Work) -> int:
        return await self._all(await self._rows(state), work)

    async def _all(self, rows: Sequence[RowMapping], work: Work) -> int:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: RowMapping) -> int:
            async with gate:
                try:
                    return 0 if await work(row) is False else 1
                except HubUnreachable as error:
                    log.warning("e-hub not reached, will try again", contract=row["id"], reason=str(error))
                    return 0
                except (HubRefused, ValueError) as refusal:  # ValueError: what no message can carry
                    return await self._refused(row, refusal)

        return sum(await asyncio.gather(*(one(row) for row in rows)))

    async def _refused(self, row: RowMapping, refusal: HubRefused | ValueError) -> int:
        """What the e-hub does not do stays undone: people have to look at the contract. Our token being
        wrong says nothing about the contract, which waits."""
        log.error("the e-hub refuses", contract=row["id"], state=row["state"], reason=str(refusal))
        if isinstance(refusal, HubRefused) and refusal.status in WRONG_TOKEN:
            return 0
        await self._dispute(row, str(refusal))
        return 1

    async def _dispute(self, row: RowMapping, reason: str) -> None:
        detail = {**row["detail"], "refusal": reason}
        if row["state"] == State.DISPUTED:
            await self._store(lambda conn: contracts.undecided(conn, row, reason))
        elif row["state"] == State.AGREED:
            await self._move(row, State.REFUSED, settled_at=self._clock.now(), detail=detail)
        else:
            await self._move(row, State.DISPUTED, detail=detail)

    async def _fund(self, row: RowMapping) -> None:
        """Reserve the most the buyer can come to owe."""
        contract = contracts.contract_of(row)
        held = await self._crossing.hold(contract)
        try:
            await self._reserve(contract)
        except HubRefused:
            if held:
                await self._crossing.let_go(contract.id)
            raise
        detail = {**row["detail"], "held_for_customs": held}
        await self._move(row, State.FUNDED, funded_wall=self._clock.wall(), detail=detail)

    async def _reserve(self, contract: Contract) -> None:
        amount = to_reserve(contract)
        if amount.nano:
            await self._hub.reserve(
                f"{contract.id}/reserve",
                reservation=contract.id,
                account=accounts.member(contract.buyer, amount.currency),
                amount=amount,
                contract=contract.id,
            )

    async def _meter(self) -> int:
        """Hold metered statements against what their members sold in the interval."""
        count = 0
        funded = [r for r in await self._rows(State.FUNDED) if r["commodity"] == "power"]
        waiting = {(r["seller"], r["interval_start"]) for r in await self._rows(State.AGREED)}
        funded.sort(key=lambda r: (r["seller"], r["interval_start"], *contracts.place(r)))
        for (seller, start), group in groupby(funded, key=lambda r: (r["seller"], r["interval_start"])):
            rows = list(group)
            if (seller, start) in waiting or self._clock.now() < rows[0]["interval_end"]:
                continue
            if await self._store(lambda conn, rows=rows: self._measure(conn, rows)):  # type: ignore[misc]  # lambda default
                count += len(rows)
        return count

    def _measure(self, conn: Connection, rows: Sequence[RowMapping]) -> bool:
        seller, start, end = rows[0]["seller"], rows[0]["interval_start"], rows[0]["interval_end"]
        statement = stated(conn, seller, start)
        if statement is None and self._clock.now() < max(self._catalogue.final(end), self._patient_until):
            return False
        exported = statement.export_wh if statement else 0
        for row, delivery in zip(rows, measure(exported, map(contracts.contract_of, rows)), strict=True):
            detail = {
                **row["detail"],
                "received": delivery.received,
                "metered": bool(statement),
                "penalty_ppm": self._catalogue.section.imbalance.penalty_ppm,
                "read_wall": statement.read_wall if statement else None,
            }
            contracts.move(
                conn, row, State.METERED, delivered=delivery.delivered, imbalance=delivery.imbalance,
                detail=detail,
            )  # fmt: skip
        return True

    async def _release_power(self, row: RowMapping) -> None:
        contract = contracts.contract_of(row)
        delivery = Delivery(contract, row["delivered"], row["detail"]["received"], row["imbalance"])
        await self._release(row, delivery, row["detail"]["penalty_ppm"])

    async def _release_goods(self, row: RowMapping) -> None:
        contract = contracts.contract_of(row)
        lots = contract.sent if row["delivered"] is None else row["delivered"]
        await self._release(row, delivery_of(contract, lots), 0)

    async def _release(self, row: RowMapping, delivery: Delivery, penalty_ppm: int) -> None:
        """Commit what is owed and release the rest of the reservation, in one linked set."""
        contract = delivery.contract
        await self._hub.settle(
            f"{contract.id}/settle",
            settlement=contract.id,
            contract=contract.id,
            reservation=contract.id if to_reserve(contract).nano else None,
            transfers=settle(delivery, penalty_ppm),
        )
        await self._move(
            row,
            State.RELEASED,
            settled_at=self._clock.now(),
            settled_wall=self._clock.wall(),
            delivered=delivery.delivered,
            imbalance=delivery.imbalance,
        )

    async def _ship(self, row: RowMapping) -> None:
        """Declare the goods to customs and book the shipment."""
        contract = contracts.contract_of(row)
        if not contract.legs:
            await self._move(row, State.SHIPPED)
            return
        question = await self._crossing.declare(contract, row["detail"].get("held_for_customs", False))
        await self._hub.book_shipment(
            f"{contract.id}/ship",
            shipment=contract.id,
            contract=contract.id,
            declaration=contract.id,
            lane=contract.legs[0].lane.id,
            quantity=question.quantity,
            unit=question.unit,
        )
        await self._move(row, State.SHIPPED)

    async def _arrivals(self) -> int:
        return await self._each(State.SHIPPED, self._accept_if_delivered)

    async def _accept_if_delivered(self, row: RowMapping) -> bool:
        if not row["path"]:
            await self._move(row, State.ACCEPTED)
            return True
        shipment = await self._hub.shipment(row["id"])
        effect = EFFECTS[shipment.state]
        if effect is Effect.WAIT:
            return False
        lots = _lots_handed(row, shipment)
        if effect is Effect.REVIEW or lots is None:
            reason = f"the shipment is {shipment.state}, {shipment.delivered} {shipment.unit} delivered"
            await self._dispute(row, reason)
            return True
        contract = contracts.contract_of(row)
        await self._crossing.arrived(contract, lots)
        if lots:
            detail = {**row["detail"], "received": delivery_of(contract, lots).received}
            await self._move(row, State.ACCEPTED, delivered=lots, detail=detail)
        else:
            await self._refund(row, f"the shipment is {shipment.state}")
        return True

    async def _refund(self, row: RowMapping, reason: str) -> None:
        """Give the buyer its money back: nothing was delivered."""
        if to_reserve(contracts.contract_of(row)).nano:
            await self._hub.release(f"{row['id']}/refund", reservation=row["id"])
        await self._store(lambda conn: contracts.refund(conn, row, reason, self._clock.now()))

    async def _resolve(self, row: RowMapping) -> bool:
        """Do what the operator has decided of a dispute."""
        decided = row["detail"].get("resolution")
        if decided is None:
            return False
        contract = contracts.contract_of(row)
        lots = decided["lots"]
        if row["commodity"] == "goods" and row["path"]:
            await self._crossing.settled_by_hand(contract, lots, row["detail"].get("held_for_customs", False))
        if lots:
            await self._release(row, delivery_of(contract, lots), 0)
            return True
        if to_reserve(contract).nano:
            await self._hub.release(f"{row['id']}/refund", reservation=row["id"])
        at = self._clock.now()
        await self._move(row, State.REFUNDED, delivered=0, imbalance=row["sent"], settled_at=at)
        return True

    async def _move(self, row: RowMapping, to: State, **fields: Any) -> None:
        await self._store(lambda conn: contracts.move(conn, row, to, **fields))


def _lots_handed(row: RowMapping, shipment: ShipmentAnswer) -> int | None:
    """Lots that the buyer has; None when one of them was broken."""
    try:
        return whole(decimal(shipment.delivered), decimal(row["detail"]["product"]["lot"]))
    except ValueError:
        return None
