"""What a zone's operator does over HTTP, by the zone's secret; and what of it everyone may know."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from tradelane.gateway import capacities, halting
from tradelane.gateway.capacities import MOST_KW, Setting, setting_of
from tradelane.gateway.halting import Halt
from tradelane.gateway.operations import LONGEST_REASON, Operations
from tradelane.gateway.watching import Called
from tradelane.market.units import Interval, instant, iso
from tradelane.settlement.bearer import Bearer
from tradelane.settlement.problem import Problem

Json = dict[str, Any]
Reason = Annotated[str, Field(max_length=LONGEST_REASON)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Signed(BaseModel):
    """``by``: under which name it is journaled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Name = "machine"


class CapacityMessage(_Signed):
    """What a lane may carry in each market time unit from ``from`` until ``until``, in kW; null: as
    configured."""

    since: Annotated[str, Field(alias="from", max_length=40)]
    until: Annotated[str, Field(max_length=40)]
    capacity_kw: Annotated[int, Field(ge=0, le=MOST_KW, strict=True)] | None
    reason: Reason = ""


class HaltMessage(_Signed):
    """``market``: ``power``, or goods by their id. Members are told the ``reason``."""

    market: Name
    reason: Annotated[Reason, Field(min_length=1)]


class AcknowledgeMessage(_Signed):
    """``alarm``: as it is told."""

    alarm: Annotated[str, Field(max_length=120)]


class ResumeMessage(_Signed):
    market: Name


def operator_router(operations: Operations, token: str) -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    operator = [Depends(Bearer(token))]
    file, clock = operations.file, operations.clock

    @router.put("/lanes/{lane}/capacity", dependencies=operator)
    async def set_capacity(lane: str, message: CapacityMessage) -> Json:
        """What a lane may carry in intervals whose gates have not closed. Repeating changes nothing."""
        setting = Setting(lane, delivery(message.since, message.until), message.capacity_kw)
        (act,) = await operations.set_capacities(message.by, [setting], message.reason)
        return {"lane": lane, **setting.told(), "seq": act.seq}

    @router.get("/lanes/{lane}/capacity")
    async def capacity(lane: str) -> Json:
        """What a lane may carry: as configured, and as it was set for intervals to come, last word last."""
        configured = {one.id: one.capacity_kw for one in operations.catalogue.section.lanes}
        if lane not in configured:
            raise Problem.field(404, "unknown-lane", "lane", f"no lane {lane!r}")
        found = await file.read(lambda conn: capacities.to_come(conn, clock.now()))
        told = [{**setting_of(act).told(), "seq": act.seq} for act in found if act.name == lane]
        return {"lane": lane, "configured_kw": configured[lane], "set": told}

    @router.get("/market")
    async def markets() -> Json:
        """Which markets there are, and which are halted, since when and why."""
        names = operations.markets
        halts = await file.read(lambda conn: [halting.halted(conn, name) for name in names])
        return {"items": [_told(name, halt) for name, halt in zip(names, halts, strict=True)]}

    @router.post("/market/halt", dependencies=operator)
    async def halt(message: HaltMessage) -> Json:
        """No order is taken, and no gate cleared, until the market is resumed. Repeating changes nothing."""
        return _told(message.market, await operations.halt(message.by, message.market, message.reason))

    @router.post("/market/resume", dependencies=operator)
    async def resume(message: ResumeMessage) -> Json:
        """Take orders again; goods by an auction first. Repeating changes nothing."""
        await operations.resume(message.by, message.market)
        return _told(message.market, None)

    @router.get("/alarms", dependencies=operator)
    async def alarms() -> Json:
        """What the operator is called for now, the oldest first; ``value``'s unit depends on the ``kind``."""
        return {"items": [_alarm(called) for called in await operations.alarms()]}

    @router.post("/alarms/acknowledge", dependencies=operator)
    async def acknowledge(message: AcknowledgeMessage) -> Json:
        """Take note of an alarm; one that comes back calls again. Repeating changes nothing."""
        act = await operations.acknowledge(message.by, message.alarm)
        return {"alarm": message.alarm, "by": act.who, "at": iso(act.at), "seq": act.seq}

    return router


def delivery(since: str, until: str) -> Interval:
    """A time of delivery from two texts. Raises Problem 422."""
    found = []
    for field, text in (("from", since), ("until", until)):
        try:
            found.append(instant(text))
        except (ValueError, OverflowError) as error:
            raise Problem.field(422, "not-an-instant", field, str(error)) from None
    if found[1] <= found[0]:
        raise Problem.field(422, "not-an-interval", "until", "is after from")
    return Interval(*found)


def _alarm(called: Called) -> Json:
    alarm, seen = called.alarm, called.seen
    told = {"alarm": alarm.key, "kind": alarm.kind.value, "about": alarm.about, "value": alarm.value}
    by = None if seen is None else {"by": seen.who, "at": iso(seen.at)}
    return {**told, "since": iso(alarm.since), "acknowledged": by}


def _told(market: str, halt: Halt | None) -> Json:
    halted = None if halt is None else {"since": iso(halt.since), "reason": halt.reason}
    return {"market": market, "halted": halted}
