"""A continuous market on file: all that its next answers depend on but the product, lanes and rules.

Always true: a market restored from its snapshot gives the same answers to the same commands, and has the
same ``digest``, as the one it was taken of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TypedDict

from tradelane.market.ladder import Ladder, Resting
from tradelane.market.order import Order, Side
from tradelane.market.terms import PLAIN, Kind, Terms


class RestingState(TypedDict):
    """An open order: its order, its terms, lots ``left`` to show and ``hidden``, its ``priority``."""

    id: str
    seq: int
    member: str
    price: int
    quantity: int
    kind: str
    display: int
    until: int | None
    trigger: int | None
    left: int
    hidden: int
    priority: int


class BookState(TypedDict):
    """Each side's orders and waiting stops in the order in which they would be filled or fire."""

    last: int | None
    dip: int
    peak: int
    sell: list[RestingState]
    buy: list[RestingState]
    stop_sell: list[RestingState]
    stop_buy: list[RestingState]


class ExchangeState(TypedDict):
    """The exchange: lots ``sent`` by lane id, books by zone id."""

    product: str
    phase: str
    now: int
    seq: int
    sent: dict[str, int]
    books: dict[str, BookState]


def saved_ladder(ladder: Ladder) -> list[RestingState]:
    return [_saved(resting) for resting in ladder]


def restored(row: RestingState, product: str, zone: str, side: Side) -> tuple[Order, Kind, Terms]:
    """The order of a row, as it was entered."""
    name, seq, member = row["id"], row["seq"], row["member"]
    order = Order(name, seq, member, product, zone, side, row["price"], row["quantity"])
    terms = Terms(row["display"], row["until"], row["trigger"])
    return order, Kind(row["kind"]), PLAIN if terms == PLAIN else terms


def digest(state: Mapping[str, object]) -> str:
    """sha256 (hex) of a state's canonical JSON: sorted names, no blanks."""
    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _saved(resting: Resting) -> RestingState:
    order, terms = resting.order, resting.terms
    return {
        "id": order.id,
        "seq": order.seq,
        "member": order.member,
        "price": order.price,
        "quantity": order.quantity,
        "kind": resting.kind.value,
        "display": terms.display,
        "until": terms.until,
        "trigger": terms.trigger,
        "left": resting.left,
        "hidden": resting.hidden,
        "priority": resting.seq,
    }
