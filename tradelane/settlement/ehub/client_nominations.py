"""The e-hub's client, nominations. What holds for ``client`` holds here."""

from __future__ import annotations

from tradelane.settlement.ehub.asking import Ask, Command
from tradelane.settlement.ehub.wire_nominations import Nominate, NominationState


class NominationsClient:
    """A zone's side: what it tells, and what has become of it."""

    def __init__(self, command: Command, ask: Ask) -> None:
        self._command = command
        self._ask = ask

    async def nominate(self, key: str, question: Nominate) -> NominationState:
        return await self._command("/nominations", key, question, NominationState)

    async def nomination(self, nomination: str) -> NominationState:
        """The newest revision and its answer; HubRefused when there is none."""
        return await self._ask(f"/nominations/{nomination}", NominationState)
