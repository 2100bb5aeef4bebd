"""What two operators of the e-hub decide together, seen and decided from a zone's desk.

Always true: a zone holds the key of one of the hub's operators at most, so nobody is two people at its desk;
it signs for who is signed in under that operator's name and for nobody else. The hub keeps what was decided
in its audit trail, the zone in its journal.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tradelane.gateway import acts, keys
from tradelane.gateway.acts import Act, Kind
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.sections import ZoneSection
from tradelane.settlement.approval import State
from tradelane.settlement.ehub.asking import Backoff, HubRefused, HubUnreachable
from tradelane.settlement.ehub.client_approvals import ApprovalsClient
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_members import MemberState
from tradelane.settlement.ehub.wire_supervision import ApprovalState
from tradelane.settlement.problem import Problem

if TYPE_CHECKING:
    import httpx2

PAGE = 100
LONGEST_REASON = 200
MEMBER_LIMIT, DISPUTE = "member-limit", "dispute"
"""The kinds of act that the hub has."""
QUICKLY = Backoff(attempts=2)
"""Somebody sits before the page."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal, and the member whose limits it would change, where it is about those."""

    approval: ApprovalState
    member: MemberState | None


class Approvals:
    """``name``: who decides here; None where the configuration names nobody. Raises KeyFileError."""

    def __init__(
        self, file: RoleFile, clock: Clock, zone: ZoneSection, transport: httpx2.AsyncBaseTransport | None
    ) -> None:
        self._file = file
        self._clock = clock
        self._client: MemberClient | None = None
        own = zone.hub_operator
        self.name = None if own is None else own.name
        if own is not None:
            signer = Signer(own.name, keys.load_key(own.key_file), clock.now)
            self._client = MemberClient(zone.hub_url or "http://hub", signer, transport, backoff=QUICKLY)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def waiting(self, who: str) -> list[Waiting]:
        """Those that wait, the oldest first. Problem 403 to who does not decide here, 503 while the hub does
        not answer."""
        hub = self._hub(who)
        try:
            found: list[ApprovalState] = []
            last = 0
            while True:
                page = await hub.listed(last, PAGE)
                found += [one for one in page.items if one.state is State.PROPOSED]
                if page.next is None:
                    break
                last = int(page.next)
            return await asyncio.gather(*(_with_member(hub, one) for one in found))
        except (HubRefused, HubUnreachable) as error:
            raise _no(error) from None

    async def approve(self, who: str, number: int) -> Act:
        """Raises Problem with what the hub says against it."""
        return await self._decided(who, Kind.APPROVE, number, "")

    async def reject(self, who: str, number: int, reason: str) -> Act:
        """Raises Problem with what the hub says against it, or where there is no reason."""
        reason = reason.strip()[:LONGEST_REASON]
        if not reason:
            raise Problem.field(422, "validation", "reason", "who proposed it is told why")
        return await self._decided(who, Kind.REJECT, number, reason)

    async def _decided(self, who: str, kind: Kind, number: int, reason: str) -> Act:
        hub, once = self._hub(who), secrets.token_hex(16)
        try:
            if kind is Kind.APPROVE:
                done = await hub.approve(once, number)
            else:
                done = await hub.reject(once, number, reason)
        except (HubRefused, HubUnreachable) as error:
            raise _no(error) from None
        return await self._file(lambda conn: self._note(conn, kind, done, who, reason))

    def _note(self, conn: Connection, kind: Kind, done: ApprovalState, who: str, reason: str) -> Act:
        body = {"act": done.kind, "subject": done.subject, "proposed_by": done.proposed_by, "reason": reason}
        return acts.write(conn, kind, f"approval/{done.approval}", who, self._clock.now(), body)

    def _hub(self, who: str) -> ApprovalsClient:
        if self._client is None:
            reason = "the configuration names no operator of the e-hub: [zone.hub_operator]"
            raise Problem(403, "forbidden", "Nobody decides here", reason)
        if who != self.name:
            raise Problem(403, "forbidden", "Not allowed", f"{self.name} decides here, and nobody else")
        return self._client.approvals


async def _with_member(hub: ApprovalsClient, one: ApprovalState) -> Waiting:
    if one.kind != MEMBER_LIMIT:
        return Waiting(one, None)
    try:
        return Waiting(one, await hub.member(one.subject))
    except HubRefused:
        return Waiting(one, None)


def _no(error: HubRefused | HubUnreachable) -> Problem:
    if isinstance(error, HubUnreachable):
        return Problem(503, "unavailable", "The e-hub does not answer", str(error))
    return Problem(error.status, error.code or "forbidden", "The e-hub refuses", str(error))
