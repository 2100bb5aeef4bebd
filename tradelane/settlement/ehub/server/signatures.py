"""Who asks: the operator by its token, or a member by signing its request (RFC 9421, Ed25519).

Always true: a signature counts for one method, one URL and one body, within five minutes of the hub's clock,
and once. Nonces are kept until their signature is too old to count; a clock set back by more than that would
let an old one in again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection, bindparam, delete, insert, select

from tradelane.market.units import iso
from tradelane.settlement.bearer import Bearer
from tradelane.settlement.ehub.server.commands import idempotency_key
from tradelane.settlement.ehub.server.tables import signature_nonces as nonces
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.signing import WINDOW_S
from tradelane.settlement.problem import Problem, unauthorised

LONGEST_NONCE = 200
SHORTEST_NONCE = 8
SIGNED = "signature-input"
_bearer = HTTPBearer(auto_error=False)


class Keys(Protocol):
    """The raw Ed25519 public key of a member that may speak, None for everyone else."""

    def __call__(self, conn: Connection, keyid: str, /) -> bytes | None: ...


def nobody(_conn: Connection, _keyid: str) -> bytes | None:
    """The keys of a hub without members."""
    return None


@dataclass(frozen=True, slots=True)
class Caller:
    """A member, or the operator when ``member`` is None."""

    member: str | None

    @property
    def is_operator(self) -> bool:
        return self.member is None


class Callers:
    """A router's dependency: lets members and the operator through, and notes who it was for Asker; Problem
    401 to all others. ``now`` in ms."""

    def __init__(
        self, token: str, keys: Keys, transact: Transact, read: Transact, now: Callable[[], int]
    ) -> None:
        self._operator = Bearer(token)
        self._keys, self._transact, self._read, self._now = keys, transact, read, now

    async def __call__(
        self, request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        if given is None and SIGNED in request.headers:
            request.state.caller = Caller(await self._member(request))
        elif self._operator.is_shown(given):
            request.state.caller = Caller(None)
        else:
            raise unauthorised()

    async def _member(self, request: Request) -> str:
        from tradelane.settlement.ehub.server import rfc9421

        message = rfc9421.Message(request.method, target_uri(request), request.headers)
        body, at = await request.body(), self._now()

        def proven(conn: Connection) -> Mapping[str, int | str]:
            return rfc9421.verified(message, body, partial(self._keys, conn))

        try:
            said = await self._read(proven)
        except rfc9421.Unproven as error:
            raise _invalid(str(error)) from error
        keyid, nonce, until = _lasting(said, at)
        await self._transact(lambda conn: remember(conn, keyid, nonce, until, at))
        return keyid


def _noted(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


Asker = Annotated[Caller, Depends(_noted)]
"""A route's parameter, where the router depends on Callers."""


async def own_key(asker: Asker, key: Annotated[str, Depends(idempotency_key)]) -> str:
    """The asker's own: two members may use the same key. No member's id holds a space."""
    return key if asker.is_operator else f"{asker.member} {key}"


OwnKey = Annotated[str, Depends(own_key)]


def operator_only(asker: Asker) -> None:
    """Problem 403 to members."""
    if not asker.is_operator:
        raise Problem.field(403, "operator-only", "Authorization", "this is for the hub's operator")


def members_only(asker: Caller) -> str:
    """The member that asks; Problem 403 to the operator."""
    if asker.member is None:
        raise Problem.field(403, "members-only", "Signature-Input", "this is for members, who sign")
    return asker.member


def target_uri(request: Request) -> str:
    """The URL as the client asked for it; behind a proxy, as the proxy says."""
    scope = request.scope
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    path = scope.get("raw_path") or request.url.path.encode()
    return f"{scope['scheme']}://{request.headers.get('host', '')}{path.decode('latin-1')}{query}"


def remember(conn: Connection, keyid: str, nonce: str, until: int, at: int) -> None:
    """Keep the nonce, and forget those that are over at ``at`` (ms); Problem 401 when it is known."""
    conn.execute(_FORGET, {"at": at})
    key = {"keyid": keyid, "nonce": nonce}
    if conn.execute(_SEEN, key).first() is not None:
        reason = "a request with this nonce came before; sign every request anew"
        raise Problem.field(401, "signature-replayed", "Signature-Input", reason)
    conn.execute(insert(nonces), {**key, "until": until})


def _lasting(said: Mapping[str, int | str], at: int) -> tuple[str, str, int]:
    """Key id, nonce, and the last ms at which the signature counts."""
    keyid, nonce, created, expires = (said.get(name) for name in ("keyid", "nonce", "created", "expires"))
    if not isinstance(keyid, str) or not isinstance(created, int):
        raise _invalid("the signature has created and keyid")
    if not isinstance(nonce, str) or not SHORTEST_NONCE <= len(nonce) <= LONGEST_NONCE:
        raise _invalid(f"the signature has a nonce of {SHORTEST_NONCE} to {LONGEST_NONCE} characters")
    skew_s = at // 1000 - created
    if abs(skew_s) > WINDOW_S:
        side = "behind" if skew_s > 0 else "ahead of"
        raise _expired(
            f"created is {abs(skew_s)} s {side} the clock here, which shows {iso(at)}; at most {WINDOW_S} s"
        )
    if isinstance(expires, int) and expires * 1000 <= at:
        raise _expired(f"expires is {at // 1000 - expires} s behind the clock here, which shows {iso(at)}")
    return keyid, nonce, (created + WINDOW_S + 1) * 1000


def _invalid(reason: str) -> Problem:
    return Problem.field(401, "signature-invalid", "Signature-Input", reason)


def _expired(reason: str) -> Problem:
    return Problem.field(401, "signature-expired", "Signature-Input", reason)


_FORGET = delete(nonces).where(nonces.c.until <= bindparam("at"))
_SEEN = select(nonces.c.until).where(
    nonces.c.keyid == bindparam("keyid"), nonces.c.nonce == bindparam("nonce")
)
