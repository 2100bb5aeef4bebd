"""The e-hub's client, customs: landed prices and declarations. What holds for ``client`` holds here."""

from __future__ import annotations

from urllib.parse import quote

from tradelane.settlement.ehub.asking import Ask, Command
from tradelane.settlement.ehub.wire_declarations import (
    Amend,
    Assess,
    AssessmentAnswer,
    Decide,
    DeclarationAnswer,
    Declare,
    GiveDocument,
)


class CustomsClient:
    """One method a command, with the idempotency key its caller chose."""

    def __init__(self, command: Command, ask: Ask) -> None:
        self._command = command
        self._ask = ask

    async def assess(self, key: str, question: Assess) -> AssessmentAnswer:
        """Keep a landed price."""
        return await self._command("/assessments", key, question, AssessmentAnswer)

    async def declare(self, key: str, question: Declare) -> DeclarationAnswer:
        return await self._command("/declarations", key, question, DeclarationAnswer)

    async def amend(self, key: str, declaration: str, question: Amend) -> DeclarationAnswer:
        return await self._command(_path(declaration, "amendments"), key, question, DeclarationAnswer)

    async def give_document(self, key: str, declaration: str, question: GiveDocument) -> DeclarationAnswer:
        return await self._command(_path(declaration, "documents"), key, question, DeclarationAnswer)

    async def release(self, key: str, declaration: str, note: str = "") -> DeclarationAnswer:
        return await self._command(_path(declaration, "release"), key, Decide(note=note), DeclarationAnswer)

    async def hold(self, key: str, declaration: str, note: str = "") -> DeclarationAnswer:
        return await self._command(_path(declaration, "hold"), key, Decide(note=note), DeclarationAnswer)

    async def invalidate(self, key: str, declaration: str, note: str = "") -> DeclarationAnswer:
        return await self._command(
            _path(declaration, "invalidate"), key, Decide(note=note), DeclarationAnswer
        )

    async def declaration(self, declaration: str) -> DeclarationAnswer:
        return await self._ask(_path(declaration), DeclarationAnswer)


def _path(declaration: str, *more: str) -> str:
    return "/".join(("/declarations", quote(declaration, safe=""), *more))
