"""``[[hub.operators]]`` of a configuration: who looks after this e-hub, each with a key of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from tradelane.gateway.section_types import Id, Section, shaped

PublicKey = Annotated[
    str,
    shaped(
        "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", "an Ed25519 public key (43 characters of base64url, 32 bytes)"
    ),
]
TOKEN_HOLDER = "operator"
"""So the audit trail calls whoever has the hub's token."""


class Operator(Section):
    """Signs requests as members do (RFC 9421), with ``name`` as key id."""

    name: Id
    public_key: PublicKey


class OwnOperator(Section):
    """As whom a zone's desk decides at its e-hub: the name of one of the hub's operators, and the file with
    that one's key. Only who is signed in at the desk under the same name decides."""

    name: Id
    key_file: Path


def _two_people(operators: tuple[Operator, ...]) -> tuple[Operator, ...]:
    names, keys = ({getattr(one, of) for one in operators} for of in ("name", "public_key"))
    if TOKEN_HOLDER in names:
        raise ValueError(f"{TOKEN_HOLDER!r} is who has the hub's token: take another name")
    if len(names) < len(operators) or len(keys) < len(operators):
        raise ValueError("a name or a key twice: nobody can be two people")
    if len(operators) == 1:
        raise ValueError("one alone cannot be two: name another, or none")
    return operators


Operators = Annotated[tuple[Operator, ...], AfterValidator(_two_people)]
"""None, or two and more."""
