"""Where the facade's resources stand: their URLs, made and read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import quote, unquote

from fastapi import Request

from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.problem import Problem

PATH = "/api/v1/open-payments"
WALLETS, QUOTES, WEBHOOKS = "wallets", "quotes", "webhooks"
INCOMING, OUTGOING = "incoming-payments", "outgoing-payments"


@dataclass(frozen=True, slots=True)
class Places:
    """``base`` is the facade's URL as the caller knows it."""

    base: str

    @classmethod
    def of(cls, request: Request) -> Places:
        return cls(f"{request.scope['scheme']}://{request.headers.get('host', '')}{PATH}")

    def of_resource(self, kind: str, id: str) -> str:
        return f"{self.base}/{kind}/{quote(id, safe=':')}"

    def read(self, kind: str, place: str, field: str) -> str:
        """The id in a URL of this kind, or the id itself; Problem 422 when it is another hub's."""
        inside = self.inside(kind, place)
        if inside is None and "/" in place:
            raise Problem.field(422, "wrong-place", field, f"give a URL that begins {self.base}/{kind}/")
        return place if inside is None else inside

    def inside(self, kind: str, place: str) -> str | None:
        """The id in a URL of this kind, None for any other text."""
        start = f"{self.base}/{kind}/"
        return unquote(place.removeprefix(start)) if place.startswith(start) else None


def new_id(kind: str, command: Command) -> str:
    """The id of what a command makes: 128 bits that follow from its key."""
    return hashlib.sha256(f"{kind}\n{command.key}".encode()).hexdigest()[:32]
