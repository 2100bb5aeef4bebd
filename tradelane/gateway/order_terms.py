"""Orders on their way from a member's message through the journal to the market: kind, terms and prices.

Pure. In the journal an order says only what it says beyond a plain one, so that the same order sent again is
the same entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tradelane.gateway.refusals import steps
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.product import Product
from tradelane.market.terms import PLAIN, Kind, Terms
from tradelane.market.units import instant
from tradelane.settlement.problem import Problem

FIELDS = ("display", "until", "trigger")


class Said(Protocol):
    """What a message may say: ``display`` in units, ``until`` an instant, ``price`` and ``trigger`` in
    currency per unit."""

    @property
    def kind(self) -> str: ...
    @property
    def price(self) -> str | None: ...
    @property
    def display(self) -> str | None: ...
    @property
    def until(self) -> str | None: ...
    @property
    def trigger(self) -> str | None: ...


def read_kind(said: Said, product: Product) -> Kind:
    """A call auction takes plain limit orders only."""
    kinds = list(Kind) if product.gate is None else [Kind.LIMIT]
    if said.kind not in kinds:
        raise Problem.field(422, "unknown-kind", "kind", f"for this product, is one of {', '.join(kinds)}")
    return Kind(said.kind)


def read_price(said: Said, product: Product) -> int:
    """In ticks; of a market order, whose price means nothing, any."""
    if said.kind == Kind.MARKET:
        return product.min_price
    if said.price is None:
        raise Problem.field(422, "price-missing", "price", "only a market order has no price")
    return steps(said.price, "price", product.tick, Refusal.OFF_TICK)


def read_terms(said: Said, product: Product) -> Terms:
    given = [name for name in FIELDS if getattr(said, name) is not None]
    if not given:
        return PLAIN
    if product.gate is not None:
        reason = "a call auction takes plain limit orders"
        raise Problem.field(422, "not-in-an-auction", given[0], reason)
    display = 0 if said.display is None else steps(said.display, "display", product.lot, Refusal.OFF_LOT)
    trigger = said.trigger
    at = None if trigger is None else steps(trigger, "trigger", product.tick, Refusal.OFF_TICK)
    return Terms(display, None if said.until is None else _instant(said.until), at)


def terms_body(terms: Terms) -> dict[str, int]:
    """What the journal keeps of an order's terms."""
    values = ((name, getattr(terms, name)) for name in FIELDS)
    return {name: value for name, value in values if value != getattr(PLAIN, name)}


def asked_order(body: Mapping[str, Any], seq: int) -> tuple[Order, Kind, Terms]:
    """The order of a journal entry, as the market takes it."""
    order = Order(
        body["id"], seq, body["member"], body["product"], body["zone"], Side(body["side"]), body["price"],
        body["quantity"],
    )  # fmt: skip
    terms = {name: body[name] for name in FIELDS if name in body}
    return order, Kind(body["kind"]), Terms(**terms) if terms else PLAIN


def _instant(text: str) -> int:
    try:
        return instant(text)
    except (ValueError, OverflowError):
        raise Problem.field(422, "not-an-instant", "until", "is an ISO 8601 instant with an offset") from None
