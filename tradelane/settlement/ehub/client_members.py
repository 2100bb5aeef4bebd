"""The e-hub's client, supervision: members come and rise in level. What holds for ``client`` holds here."""

from __future__ import annotations

from urllib.parse import quote

from tradelane.settlement.ehub.asking import Command
from tradelane.settlement.ehub.wire_members import ChangeLevel, MemberState, RegisterMember


class MembersClient:
    """One method a command, with the idempotency key its caller chose."""

    def __init__(self, command: Command) -> None:
        self._command = command

    async def register(self, key: str, question: RegisterMember) -> MemberState:
        return await self._command("/supervision/members", key, question, MemberState)

    async def change_level(self, key: str, member: str, question: ChangeLevel) -> MemberState:
        path = f"/supervision/members/{quote(member, safe='')}/level"
        return await self._command(path, key, question, MemberState)
