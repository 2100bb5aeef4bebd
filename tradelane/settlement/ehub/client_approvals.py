"""A named operator's client of what takes two. What holds for ``member_client`` holds here."""

from __future__ import annotations

from urllib.parse import quote

from tradelane.settlement.ehub.asking import Ask, Command
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_members import MemberState
from tradelane.settlement.ehub.wire_supervision import ApprovalState, Approve, Propose, Reject


class ApprovalsClient:
    """Each command under the key its caller chose."""

    def __init__(self, command: Command, ask: Ask) -> None:
        self._command = command
        self._ask = ask

    async def propose(self, key: str, question: Propose) -> ApprovalState:
        return await self._command("/approvals", key, question, ApprovalState)

    async def approve(self, key: str, approval: int) -> ApprovalState:
        """Carry out what another has proposed."""
        return await self._command(f"/approvals/{approval}/approve", key, Approve(), ApprovalState)

    async def reject(self, key: str, approval: int, reason: str) -> ApprovalState:
        return await self._command(f"/approvals/{approval}/reject", key, Reject(reason=reason), ApprovalState)

    async def member(self, id: str) -> MemberState:
        """Whom a proposal is about; HubRefused when there is none."""
        return await self._ask(f"/supervision/members/{quote(id, safe='')}", MemberState)

    async def listed(self, after: int = 0, limit: int = 100) -> Page[ApprovalState]:
        """Oldest first."""
        return await self._ask("/approvals", Page[ApprovalState], {"after": after, "limit": limit})
