"""Messages about members: who they are, how well known, and whether they may move money."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from tradelane.settlement.ehub.fields import Currency, Name
from tradelane.settlement.ehub.wire import Question, Total
from tradelane.settlement.member import KEY_BYTES, LOWEST, Level


def _key(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {KEY_BYTES} bytes, this has {len(raw)}")
    return base64.b64encode(raw).decode()


MemberId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:>-]{0,63}$")]
PublicKey = Annotated[str, Field(max_length=44), AfterValidator(_key)]
"""The 32 bytes of an Ed25519 public key in base64, RFC 4648 section 4."""
Reason = Annotated[Name, Field(max_length=200)]


class RegisterMember(Question):
    """One screen: the first four are needed. Everyone begins at the lowest level; ``level`` is what is asked
    for. ``owner_born`` is a year."""

    member: MemberId
    public_key: PublicKey
    name: Annotated[Name, Field(max_length=120)]
    currency: Currency
    level: Level = LOWEST
    employees: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    owner_born: Annotated[int, Field(ge=1900, le=2100)] | None = None

    @property
    def raw_key(self) -> bytes:
        return base64.b64decode(self.public_key)


class ChangeLevel(Question):
    level: Level


class Suspend(Question):
    reason: Reason


class LiftSuspension(Question):
    reason: Reason


class RotateKey(Question):
    """The old key counts no more, from this instant on."""

    public_key: PublicKey

    @property
    def raw_key(self) -> bytes:
        return base64.b64decode(self.public_key)


class MemberState(BaseModel):
    """``asked`` is the level the member wants; ``contract_limit`` and ``day_limit`` what may leave its
    account for a contract and on a day, null where none is in force; ``policy`` the platform's rule it falls
    under; ``suspended`` the reason or null."""

    member: str
    public_key: str
    name: str
    currency: str
    account: str
    level: Level
    asked: Level
    contract_limit: Total | None
    day_limit: Total | None
    employees: int
    owner_born: int | None
    policy: str | None
    suspended: str | None
    registered_at: str
