"""Books what a correction changes of contracts that are settled already.

Always true: each contract is corrected once, under a key of its own, and its row moves on only after the
e-hub's answer; a correction is booked when all contracts of its interval have been. What the e-hub refuses
stays as it was settled, and says so in the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, select, update

from tradelane.gateway import contracts
from tradelane.gateway.file import RoleFile
from tradelane.gateway.tables import contracts as contract_rows
from tradelane.gateway.tables import corrections
from tradelane.settlement.contract import State
from tradelane.settlement.correction import correct, correction_of
from tradelane.settlement.delivery import Delivery, measure
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable

log = structlog.get_logger(__name__)
WRONG_TOKEN = (401, 403)
SETTLED = (State.RELEASED, State.DISPUTED, State.REFUNDED)
"""States of contracts that shared what was metered."""


class Corrector:
    """``step()`` books what can be booked now; it returns how many contracts were corrected."""

    def __init__(self, store: RoleFile, hub: HubClient) -> None:
        self._store = store
        self._hub = hub

    async def step(self) -> int:
        count = 0
        for row in await self._store.read(_unbooked):
            sold = await self._store.read(lambda conn, row=row: _sold(conn, row))  # type: ignore[misc]  # lambda default
            if any(State(one["state"]) not in (*SETTLED, State.REFUSED) for one in sold):
                continue
            try:
                count += await self._correct(row["export_wh"], [r for r in sold if r["state"] in SETTLED])
            except HubUnreachable as error:
                log.warning("e-hub not reached, will try again", reason=str(error))
                continue
            own = (
                corrections.c.member == row["member"],
                corrections.c.interval_start == row["interval_start"],
            )
            booked = update(corrections).where(*own).values(booked=True)
            await self._store(lambda conn, booked=booked: conn.execute(booked))  # type: ignore[misc]  # lambda default
        return count

    async def _correct(self, exported: int, rows: Sequence[RowMapping]) -> int:
        count = 0
        for row, after in zip(rows, measure(exported, map(contracts.contract_of, rows)), strict=True):
            if row["state"] == State.RELEASED and after.delivered != row["delivered"]:
                await self._book(row, after)
                count += 1
        return count

    async def _book(self, row: RowMapping, after: Delivery) -> None:
        detail = row["detail"]
        before = Delivery(after.contract, row["delivered"], detail["received"], row["imbalance"])
        values: dict[str, Any] = {"delivered": after.delivered, "imbalance": after.imbalance}
        more: dict[str, Any] = {"received": after.received, "corrected_from": before.delivered}
        try:
            await self._hub.settle(
                f"{row['id']}/correct",
                settlement=correction_of(row["id"]),
                contract=row["id"],
                reservation=None,
                transfers=correct(before, after, detail["penalty_ppm"]),
            )
        except (HubRefused, ValueError) as refusal:  # ValueError: what no message can carry
            if isinstance(refusal, HubRefused) and refusal.status in WRONG_TOKEN:
                raise HubUnreachable(str(refusal)) from refusal
            log.error("the e-hub refuses a correction", contract=row["id"], reason=str(refusal))
            values, more = {}, {"correction_refused": str(refusal)}
        moved = update(contract_rows).where(contract_rows.c.id == row["id"])
        await self._store(lambda conn: conn.execute(moved.values(**values, detail={**detail, **more})))


def _unbooked(conn: Connection) -> list[RowMapping]:
    query = select(corrections).where(corrections.c.booked.is_(False)).order_by(corrections.c.seq)
    return list(conn.execute(query).mappings())


def _sold(conn: Connection, row: RowMapping) -> list[RowMapping]:
    """The member's power contracts of the interval, in the order in which they are delivered."""
    c = contract_rows.c
    query = select(contract_rows).where(
        c.seller == row["member"], c.interval_start == row["interval_start"], c.commodity == "power"
    )
    return sorted(conn.execute(query).mappings(), key=contracts.place)
