"""Who of the operators asks: one that is named, by its signature, or whoever has the hub's token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from tradelane.settlement.ehub.server.commands import idempotency_key
from tradelane.settlement.ehub.server.signatures import Asker, Caller

OPERATOR = "operator"
"""Who has the hub's one token."""


def name_of(asker: Caller) -> str:
    """As the audit trail knows them. Here a caller's id is an operator's."""
    return asker.member or OPERATOR


async def operator_key(asker: Asker, key: Annotated[str, Depends(idempotency_key)]) -> str:
    """The operator's own: two may use the same key."""
    return key if asker.is_operator else f"{OPERATOR} {asker.member} {key}"


OperatorKey = Annotated[str, Depends(operator_key)]
