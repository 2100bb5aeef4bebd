"""Messages about the switch's participants, from the operator; those between payment systems are FSPIOP's."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tradelane.settlement.ehub.wire import PositiveAmount, Question, Total

FspId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
Endpoint = Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$", max_length=2000)]
Keys = Annotated[str, Field(max_length=20_000)]


class AddParticipant(Question):
    """``endpoint`` is the base of its callbacks' URLs; ``caps`` the most it may owe, a currency each.

    ``keys`` are the PEM public keys it signs with, none where it does not sign.
    """

    participant: FspId
    endpoint: Endpoint
    caps: Annotated[list[PositiveAmount], Field(min_length=1, max_length=200)]
    keys: Keys | None = None


class ChangeParticipant(Question):
    """What is given replaces what was; keys can be changed, not withdrawn."""

    endpoint: Endpoint | None = None
    caps: Annotated[tuple[PositiveAmount, ...], Field(max_length=200)] = ()
    keys: Keys | None = None


class PositionState(BaseModel):
    """``position`` is what it owes the others, below zero what it is owed; ``reserved`` by transfers under
    way; the two together never beyond ``cap``."""

    position: Total
    reserved: Total
    cap: Total


class ParticipantState(BaseModel):
    participant: str
    endpoint: str
    signs: bool
    positions: list[PositionState]
