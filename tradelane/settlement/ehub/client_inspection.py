"""The client of the e-hub's inspection. What holds for ``client`` and ``member_client`` holds here."""

from __future__ import annotations

from urllib.parse import quote

from tradelane.settlement.ehub.asking import Ask, Command
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_certificates import DeviceState, RegisterDevice
from tradelane.settlement.ehub.wire_inspection import (
    DisputeState,
    DocumentState,
    FileDocument,
    InspectionResult,
    InspectionState,
    OpenDispute,
    OrderInspection,
    ResolveDispute,
)
from tradelane.settlement.inspection import State


class InspectionClient:
    """A member disputes; all else is the operator's."""

    def __init__(self, command: Command, ask: Ask) -> None:
        self._command = command
        self._ask = ask

    async def register_device(self, key: str, question: RegisterDevice) -> DeviceState:
        """A meter whose production gets certificates."""
        return await self._command("/certificates/devices", key, question, DeviceState)

    async def dispute(self, key: str, contract: str, question: OpenDispute) -> DisputeState:
        """Keep the contract's money where it is."""
        return await self._command(f"/contracts/{_in_path(contract)}/dispute", key, question, DisputeState)

    async def resolve(self, key: str, contract: str, question: ResolveDispute) -> DisputeState:
        return await self._command(f"/contracts/{_in_path(contract)}/resolve", key, question, DisputeState)

    async def file(self, key: str, question: FileDocument) -> DocumentState:
        """A paper the office has seen."""
        return await self._command("/documents", key, question, DocumentState)

    async def order(self, key: str, question: OrderInspection) -> InspectionState:
        return await self._command("/inspections", key, question, InspectionState)

    async def result(self, key: str, inspection: str, question: InspectionResult) -> InspectionState:
        return await self._command(
            f"/inspections/{_in_path(inspection)}/result", key, question, InspectionState
        )

    async def inspections(
        self, *, state: State | None = None, declaration: str | None = None, after: str | None = None
    ) -> Page[InspectionState]:
        query = {"state": state, "declaration": declaration, "after": after}
        return await self._ask("/inspections", Page[InspectionState], query)


def _in_path(id: str) -> str:
    return quote(id, safe="")
