"""What members have chosen since their edge was configured: whether they sell, and from what price on.

Always true: a choice is checked as the configuration is, and stands in the edge's journal before it has
effect; after a restart the newest one holds, unless the configuration's own value was changed since, which is
the newer word then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError
from sqlalchemy import Connection

from tradelane.gateway import journal
from tradelane.gateway.sections import Member
from tradelane.market.units import decimal, plain

if TYPE_CHECKING:
    from tradelane.gateway.file import RoleFile

KIND = "choice"
Key = Literal["sells", "min_price"]
KEYS: tuple[Key, ...] = ("sells", "min_price")
PRICES = Decimal(-500), Decimal(4000)
"""The limits of European day-ahead auctions, and of a zone that names no others."""
WORDS = {"true": True, "false": False}


class NotChosen(Exception):
    """A choice is refused; the text names the member, the key and the reason."""


class Choices:
    """``prices`` are the least and the greatest price (currency per MWh) that may be chosen."""

    def __init__(self, members: Sequence[Member], prices: tuple[Decimal, Decimal] = PRICES) -> None:
        self._configured = {member.id: member for member in members}
        self._members = dict(self._configured)
        self.prices = prices

    def restore(self, conn: Connection) -> None:
        newest = {(e.body["member"], e.body["key"]): e.body for e in journal.read(conn, kinds=[KIND])}
        for (id, key), body in newest.items():
            member = self._configured.get(id)
            if key in KEYS and member is not None and body["configured"] == said(member, key):
                self._members[id] = self._checked(id, key, body["value"])

    def members(self) -> Iterator[Member]:
        """Every member as it is now."""
        return iter(tuple(self._members.values()))

    def member(self, id: str) -> Member:
        """KeyError when there is none."""
        return self._members[id]

    async def choose(self, file: RoleFile, at: int, id: str, key: Key, text: str) -> Member:
        """The member once the choice holds; ``at`` is market time (ms). Raises NotChosen."""
        member = self._checked(id, key, text)
        if member != self._members[id]:
            configured = said(self._configured[id], key)
            body = {"member": id, "key": key, "value": said(member, key), "configured": configured}
            await file(lambda conn: journal.append(conn, KIND, body, at))
            self._members[id] = self._members[id].model_copy(update={key: getattr(member, key)})
        return self._members[id]

    def _checked(self, id: str, key: Key, text: str) -> Member:
        member = self._members.get(id)
        if member is None:
            raise NotChosen(f"{id}: no such member")
        if key == "sells" and text == "true" and member.meter is None:
            raise NotChosen(f"{id}: {key}: selling power needs a meter")
        try:
            value = WORDS[text] if key == "sells" else self._price(text)
            return Member.model_validate(member.model_dump() | {key: value})
        except KeyError:
            raise NotChosen(f"{id}: {key}: {text!r} is neither true nor false") from None
        except ValidationError as error:
            raise NotChosen(f"{id}: {key}: {error.errors()[0]['msg']}") from None
        except ValueError as error:
            raise NotChosen(f"{id}: {key}: {error}") from None

    def _price(self, text: str) -> Decimal:
        least, most = self.prices
        price = decimal(text)
        if not least <= price <= most:
            raise ValueError(f"{plain(price)} is not between {plain(least)} and {plain(most)}")
        return price


def said(member: Member, key: Key) -> str:
    """A member's value as text: ``true``, ``false``, or a decimal."""
    return plain(member.min_price) if key == "min_price" else str(member.sells).lower()
