"""Goods as a member trades them from its phone: what there is, at what price, and its own orders.

Always true: an order carries the key of the form it was sent by, so a form sent twice is one order.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tradelane.gateway.web.phone.own_zone import answer
from tradelane.gateway.zone_client import ZoneClient, ZoneRefused, ZoneUnreachable
from tradelane.settlement import hs

Json = dict[str, Any]
Send = Callable[[str, str, Json], Awaitable[Json]]
"""A member, what for, and the message to sign and post. Raises ZoneUnreachable or ZoneRefused."""
HS_LANGUAGES = {"nb": "no"}
"""Where the names of goods call a language otherwise than the pages do."""
KEY = re.compile(r"[0-9a-f]{16}")
SENDING_S = 8.0
"""How long a person waits to hear that an order was taken."""


class NotTaken(Exception):
    """The zone did not take it; ``sure`` that it has no effect, or it may have one: send the same again."""

    def __init__(self, reason: str, *, sure: bool) -> None:
        super().__init__(reason)
        self.sure = sure


@dataclass(frozen=True, slots=True)
class Good:
    """A goods product that can be ordered now; ``name`` in the reader's language."""

    product: str
    name: str
    unit: str
    lot: str
    hs_code: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search found: goods of this market, and the names of those it does not trade."""

    goods: list[Good]
    elsewhere: list[str]


class OwnGoods:
    def __init__(self, zone: ZoneClient, send: Send, now: Callable[[], str]) -> None:
        self._zone = zone
        self._send = send
        self._now = now

    async def goods(self, locale: str) -> list[Good] | None:
        """Everything that can be ordered now; None while the zone does not answer."""
        found = await answer(self._zone.products())
        if found is None:
            return None
        return [_good(one, locale) for one in found if one["gate"] is None]

    async def book(self, product: str, zone: str) -> Json | None:
        """The best offer and bid a trader in ``zone`` sees; None while the zone does not answer."""
        return await answer(self._zone.book(product, zone))

    async def landed(self, product: str, zone: str, side: str, price: str, quantity: str) -> list[Json]:
        """What a buyer pays at its door, over each lane. Raises NotTaken for what cannot be ordered."""
        try:
            async with asyncio.timeout(SENDING_S):
                found = await self._zone.landed(product, zone, side, price, quantity)
        except ZoneRefused as refused:
            raise NotTaken(str(refused), sure=True) from refused
        except (ZoneUnreachable, TimeoutError):
            return []
        items: list[Json] = found["items"]
        return items

    async def order(self, member: str, key: str, body: Json) -> Json:
        """Send an order; ``key`` is the form's. Raises NotTaken."""
        return await self._do(member, "orders", {"id": order_id(key), "member": member, **body})

    async def cancel(self, member: str, order: str) -> Json:
        """Raises NotTaken."""
        return await self._do(member, "cancels", {"id": order, "member": member})

    async def amend(self, member: str, order: str, key: str, price: str, quantity: str) -> Json:
        """Raises NotTaken."""
        body = {"order": order, "member": member, "price": price, "quantity": quantity}
        return await self._do(member, "amendments", {"id": order_id(key), **body})

    async def say(self, member: str, order: str, trade: str, key: str, text: str) -> Json:
        """A message to the other side of a trade. Raises NotTaken."""
        body = {"id": order_id(key), "member": member, "at": self._now(), "order": order, "trade": trade}
        return await self._do(member, "mine/messages", body | {"text": text})

    async def dispute(self, member: str, order: str, trade: str, reason: str) -> Json:
        """Raises NotTaken."""
        body = {"member": member, "at": self._now(), "order": order, "trade": trade, "reason": reason}
        return await self._do(member, "mine/disputes", body)

    async def story(self, member: str, order: str) -> Json:
        """One's own order and what became of it. Raises NotTaken."""
        return await self._do(member, "mine/orders", {"member": member, "at": self._now(), "order": order})

    async def _do(self, member: str, what: str, body: Json) -> Json:
        try:
            async with asyncio.timeout(SENDING_S):
                return await self._send(member, what, body)
        except ZoneRefused as refused:
            raise NotTaken(str(refused), sure=True) from refused
        except (ZoneUnreachable, TimeoutError) as error:
            raise NotTaken(str(error) or "no answer", sure=False) from error


def order_id(key: str) -> str:
    """Raises NotTaken for a key that no form of ours carries."""
    if not KEY.fullmatch(key):
        raise NotTaken("this form has no key: open the page again", sure=True)
    return f"phone-{key}"


def search(text: str, goods: list[Good], locale: str) -> Finding:
    """Goods by a word in any of the six languages; those of this market first. No word: all of them."""
    if not text.strip():
        return Finding(goods, [])
    lang = HS_LANGUAGES.get(locale, locale)
    found = _index().search(text)
    codes = [one.code for one in found]
    here = sorted(
        (good for good in goods if good.hs_code[:6] in codes), key=lambda good: codes.index(good.hs_code[:6])
    )
    traded = {good.hs_code[:6] for good in here}
    return Finding(here, [name_of(code, lang) or "" for code in codes if code not in traded][:5])


def name_of(hs_code: str, lang: str) -> str | None:
    """What a code's good is called first in a language."""
    return _names().get((hs_code[:6], HS_LANGUAGES.get(lang, lang)))


def _good(raw: Mapping[str, Any], locale: str) -> Good:
    code = str(raw["hs_code"] or "")
    called = name_of(code, locale) or str(raw["id"]).partition("/")[0]
    return Good(raw["id"], called[:1].upper() + called[1:], raw["unit"], raw["lot"], code)


@cache
def _names() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for entry in hs.goods():
        found.setdefault((entry.code, entry.lang), entry.name)
    return found


@cache
def _index() -> hs.Index:
    return hs.Index(hs.goods())
