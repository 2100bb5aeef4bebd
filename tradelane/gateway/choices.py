"""What members have chosen since their edge was configured: how they sell, to whom first, what they buy.

Always true: a choice is checked as the configuration is, and stands in the edge's journal before it has
effect; after a restart the newest one holds, unless the configuration's own value was changed since, which is
the newer word then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import ValidationError
from sqlalchemy import Connection

from tradelane.gateway import journal
from tradelane.gateway.sections import Buyer, Member
from tradelane.market.units import decimal, iso, plain

if TYPE_CHECKING:
    from tradelane.gateway.file import RoleFile

KIND = "choice"
Key = Literal["sells", "min_price", "keep_wh", "below_zero", "first", "partners", "buys"]
KEYS: tuple[Key, ...] = get_args(Key)
NOTHING = "nothing"
"""Said of a choice that may be empty."""
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
        self._said: set[tuple[str, Key]] = set()
        self.prices = prices

    def restore(self, conn: Connection) -> None:
        newest = {(e.body["member"], e.body["key"]): e.body for e in journal.read(conn, kinds=[KIND])}
        for (id, key), body in newest.items():
            member = self._configured.get(id)
            if key in KEYS and member is not None and body["configured"] == said(member, key):
                self._take(id, key, self.checked(id, key, body["value"]))

    def members(self) -> Iterator[Member]:
        """Every member as it is now."""
        return iter(tuple(self._members.values()))

    def member(self, id: str) -> Member:
        """KeyError when there is none."""
        return self._members[id]

    async def choose(self, file: RoleFile, at: int, id: str, key: Key, text: str) -> Member:
        """The member once the choice holds; ``at`` is market time (ms). Raises NotChosen."""
        member = self.checked(id, key, text)
        if member != self._members[id]:
            configured = said(self._configured[id], key)
            body = {"member": id, "key": key, "value": said(member, key), "configured": configured}
            await file(lambda conn: journal.append(conn, KIND, body, at))
            self._take(id, key, member)
        return self._members[id]

    def has_chosen(self, id: str, key: Key) -> bool:
        """Whether the member has said so itself, since its edge was configured."""
        return (id, key) in self._said

    def _take(self, id: str, key: Key, chosen: Member) -> None:
        self._members[id] = self._members[id].model_copy(update={key: getattr(chosen, key)})
        self._said.add((id, key))

    def checked(self, id: str, key: Key, text: str) -> Member:
        """The member as it would be. Raises NotChosen."""
        member = self._members.get(id)
        if member is None:
            raise NotChosen(f"{id}: no such member")
        if key == "sells" and text == "true" and member.meter is None:
            raise NotChosen(f"{id}: {key}: selling power needs a meter")
        try:
            value = self._read(key, text)
            return Member.model_validate(member.model_dump() | {key: value})
        except KeyError:
            raise NotChosen(f"{id}: {key}: {text!r} is neither true nor false") from None
        except ValidationError as error:
            raise NotChosen(f"{id}: {key}: {error.errors()[0]['msg']}") from None
        except ValueError as error:
            raise NotChosen(f"{id}: {key}: {error}") from None

    def _read(self, key: Key, text: str) -> Any:
        match key:
            case "sells" | "below_zero":
                return WORDS[text]
            case "min_price":
                return self._price(text)
            case "keep_wh":
                return int(text)
            case "partners":
                return () if text == NOTHING else tuple(text.split())
            case "buys":
                return None if text == NOTHING else Buyer.model_validate_json(text)
        return text

    def _price(self, text: str) -> Decimal:
        least, most = self.prices
        price = decimal(text)
        if not least <= price <= most:
            raise ValueError(f"{plain(price)} is not between {plain(least)} and {plain(most)}")
        return price


def said(member: Member, key: Key) -> str:
    """A member's value as text, as it is chosen: ``true``, ``12.5``, ``anna bram``, JSON of what it buys."""
    match key:
        case "min_price":
            return plain(member.min_price)
        case "partners":
            return " ".join(member.partners) or NOTHING
        case "buys":
            return NOTHING if member.buys is None else _buys(member.buys)
    return str(getattr(member, key)).lower()


def _buys(buyer: Buyer) -> str:
    said = buyer.model_dump(mode="json", exclude_defaults=True)
    instants = {name: iso(said[name]) for name in ("since", "until") if name in said}
    return json.dumps(said | instants, sort_keys=True)
