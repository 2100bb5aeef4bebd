"""Whom members would rather trade with: from their signed orders, through the journal, to pairing and files.

A community and an origin are the member's word; whose order it is, its signature proves. In public files
members go by numbers, which hold for one clearing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from tradelane.gateway.tables import journal, orders
from tradelane.market.order import Order, Side
from tradelane.market.wish import NO_WISH, Wish
from tradelane.settlement.problem import Problem

if TYPE_CHECKING:
    from tradelane.market.wishes import Preferences

FIELDS = ("community", "partners", "origin", "origins")


def stated(wish: Wish) -> dict[str, Any]:
    """What a wish says beyond whose it is, as JSON has it."""
    said = {name: getattr(wish, name) for name in FIELDS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items() if value}


def check_wish(wish: Wish, side: Side, auction: bool) -> None:
    """Refuse what cannot be preferred: a continuous book goes by price and time alone."""
    for name in stated(wish):
        if not auction:
            raise _not_taken(name, "goods trade by price and time with whoever comes")
        if name == ("origins" if side is Side.SELL else "origin"):
            raise _not_taken(name, "a sell has an origin, a buy prefers origins")
    for name in ("partners", "origins"):
        if len(set(getattr(wish, name))) < len(getattr(wish, name)):
            raise Problem.field(422, "named-twice", name, "each is named once")


def _not_taken(name: str, reason: str) -> Problem:
    return Problem.field(422, "not-a-preference", name, reason)


def wishes_of(conn: Connection, product: str) -> dict[str, Wish]:
    """The wishes of a product's accepted orders by their ids; empty where no order asks for anything."""
    query = select(orders.c.id, orders.c.member, journal.c.body)
    query = query.join(journal, journal.c.seq == orders.c.seq).where(orders.c.product == product)
    found = {row.id: _wish(row.member, row.body) for row in conn.execute(query)}
    return found if any(wish.asks for wish in found.values()) else {}


def _wish(member: str, body: str) -> Wish:
    if not any(f'"{name}":' in body for name in FIELDS):
        return Wish(member)
    said = json.loads(body)
    lists = {name: tuple(said.get(name, ())) for name in ("partners", "origins")}
    return Wish(member, said.get("community", ""), origin=said.get("origin", ""), **lists)


def preferences_of(
    ids: Sequence[tuple[Sequence[str], Sequence[str]]], wishes: Mapping[str, Wish]
) -> Preferences | None:
    """``ids`` of sells and buys by zone, as for ``pair``."""
    from tradelane.market.wishes import Preferences

    if not wishes:
        return None
    sides = ([wishes.get(id, NO_WISH) for zone in ids for id in zone[side]] for side in (0, 1))
    return Preferences.of(*sides)


def without_names(book: Sequence[Order], wishes: Mapping[str, Wish]) -> Iterator[dict[str, Any]]:
    """For each order what a case file says of its wish: members and communities by number."""
    members, communities = _Numbers("m"), _Numbers("c")
    for order in book:
        wish = wishes.get(order.id, NO_WISH)
        told = wish._replace(
            community=communities[wish.community], partners=tuple(members[id] for id in wish.partners)
        )
        yield ({"member": members[wish.member]} if wish.member else {}) | stated(told)


class _Numbers(dict[str, str]):
    """Names → ``m1``, ``m2`` … in the order in which they are met; no name stays none."""

    def __init__(self, letter: str) -> None:
        super().__init__({"": ""})
        self._next = (f"{letter}{k}" for k in count(1))

    def __missing__(self, name: str) -> str:
        self[name] = next(self._next)
        return self[name]
