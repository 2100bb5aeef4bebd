"""The continuous market of goods: one exchange per product and day, run on the store's writer.

Always true: a command is journaled before the exchange sees it, and what it did stands in the same
transaction. The exchange in memory is a function of the journal, the passing of time included, and is built
from it: at first use, and again when the newest entry it has seen is not there, because the commit that held
it failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from tradelane.gateway import journal, order_rows
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.goods_opening import Opening, configured, opening_of
from tradelane.gateway.goods_records import filled_of, record
from tradelane.gateway.intake import Asked, AskedAmendment
from tradelane.gateway.order_terms import asked_order
from tradelane.gateway.tables import goods_days
from tradelane.market.depth import Depth
from tradelane.market.exchange import Exchange
from tradelane.market.order import Refusal
from tradelane.market.outcome import Answer, Event
from tradelane.market.product import Product
from tradelane.market.session import Phase

OPEN, ORDER, CANCEL, AMEND, TURN, EXPIRE = KINDS = (
    "goods_open", "goods_order", "goods_cancel", "goods_amend", "goods_turn", "goods_expire",
)  # fmt: skip
NEVER_TOLD = 1 << 62
Body = Mapping[str, Any]


class Refused(Exception):
    """The exchange took no part of a command; the savepoint it is raised in drops the journal entry too."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class News(NamedTuple):
    """What happened after an entry up to the entry ``seq`` and where it led: depth by zone."""

    seq: int
    events: Sequence[Event]
    phase: Phase
    depths: Mapping[str, Depth]


@dataclass(slots=True)
class _Kept:
    """An exchange in memory, the newest journal entry it has seen, whether it was ever turned into another
    phase, and the events that its readers have not been told: each with its entry's number."""

    opening: Opening
    exchange: Exchange
    seen: journal.Head = journal.NOTHING
    turned: bool = False
    untold: list[tuple[int, Event]] = field(default_factory=list)


class GoodsMarket:
    """The exchanges of the day, by product id. Every method runs on the store's writer."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._kept: dict[str, _Kept] = {}
        self._told: dict[str, int] = {}

    def exchange(self, conn: Connection, product: Product) -> Exchange:
        """As the journal has it."""
        return self._current(conn, product).exchange

    def submit(self, conn: Connection, asked: Asked, now: int, wall: int) -> tuple[int, int]:
        """Journal and match one order: its sequence number, and the lots traded at once. Raises Refused."""
        kept = self._ready(conn, asked.product, now, wall)
        seq, events = self._journaled(conn, kept, ORDER, asked.body(), now)
        order_rows.add(conn, asked, seq, "open", now, wall)
        record(conn, kept.opening, kept.exchange, events, seq, now, wall)
        return seq, filled_of(events, asked.order.id)

    def amend(self, conn: Connection, asked: AskedAmendment, now: int, wall: int) -> tuple[int, int]:
        """Give an order another price and quantity: the entry's number, and the lots traded at once. Raises
        Refused."""
        kept = self._ready(conn, asked.product, now, wall)
        seq, events = self._recorded(conn, kept, AMEND, asked.body(), now, wall)
        order_rows.add_amendment(conn, asked.id, seq)
        return seq, filled_of(events, asked.order)

    def cancel(
        self, conn: Connection, order_id: str, product: Product, member: str, now: int, wall: int
    ) -> None:  # fmt: skip
        """Take an order off its book. Raises Refused."""
        body = {"id": order_id, "member": member, "product": product.id}
        self._recorded(conn, self._ready(conn, product, now, wall), CANCEL, body, now, wall)

    def turn(self, conn: Connection, product: Product, phase: Phase, now: int, wall: int) -> None:
        """Go into another phase. Raises Refused."""
        body = {"product": product.id, "phase": phase.value}
        self._recorded(conn, self._ready(conn, product, now, wall), TURN, body, now, wall)

    def advance(self, conn: Connection, product: Product, now: int, wall: int) -> bool:
        """Journal and do what is due by the clock: the opening auction, and orders whose time is over.
        Whether there was anything; nothing is due in a market that nobody has used yet."""
        kept = self._current(conn, product)
        return kept.seen != journal.NOTHING and self._advance(conn, kept, now, wall)

    def news(self, conn: Connection, product: Product, after: int | None, levels: int) -> News | None:
        """What is to be told after the entry ``after`` (None: nothing before now); None when nothing is.

        Events are kept to be told from the first call on.
        """
        if after is not None:
            self._told[product.id] = after
        kept = self._current(conn, product)
        seq = kept.seen.seq
        if after == seq:
            return None
        after = self._told[product.id] = seq if after is None else after
        kept.untold = [(at, event) for at, event in kept.untold if at > after]
        depths = {zone.id: kept.exchange.depth(zone.id, levels) for zone in kept.opening.zones}
        return News(seq, [event for _, event in kept.untold], kept.exchange.phase, depths)

    def _current(self, conn: Connection, product: Product) -> _Kept:
        kept = self._kept.get(product.id)
        if kept is None or not journal.holds(conn, kept.seen):
            kept = self._replayed(conn, product)
            name = _name(product.id)
            self._kept = {id: k for id, k in self._kept.items() if _name(id) != name} | {product.id: kept}
            self._told = {id: seq for id, seq in self._told.items() if id in self._kept}
        return kept

    def _replayed(self, conn: Connection, product: Product) -> _Kept:
        query = select(goods_days.c.seq).where(goods_days.c.product == product.id)
        first = conn.execute(query).scalar()
        opening = configured(self._catalogue, product)
        kept = _Kept(opening, opening.exchange())
        if first is not None:
            for entry in journal.read(conn, first - 1, KINDS):
                if entry.body["product"] == product.id:
                    if entry.kind == OPEN:
                        opening = opening_of(product, entry.body)
                        kept = _Kept(opening, opening.exchange())
                    else:
                        self._apply(kept, entry.seq, entry.kind, entry.body)
                    kept.seen = journal.Head(entry.seq, entry.hash)
        return kept

    def _advance(self, conn: Connection, kept: _Kept, now: int, wall: int) -> bool:
        opening, due = kept.opening, False
        product = opening.product
        if not kept.turned and opening.opens_at is not None and now >= opening.opens_at:
            due = True
            for phase in (Phase.AUCTION, Phase.CONTINUOUS):
                self._recorded(conn, kept, TURN, {"product": product.id, "phase": phase.value}, now, wall)
        if kept.exchange.due(now):
            due = True
            self._recorded(conn, kept, EXPIRE, {"product": product.id, "now": now}, now, wall)
        return due

    def _ready(self, conn: Connection, product: Product, now: int, wall: int) -> _Kept:
        """The market for its next command: opened, if it is the first, and with all done that is due."""
        kept = self._current(conn, product)
        if kept.seen == journal.NOTHING:
            seq = journal.append(conn, OPEN, kept.opening.body(), now)
            conn.execute(insert(goods_days).values(product=product.id, seq=seq))
            kept.seen = journal.head(conn)
        self._advance(conn, kept, now, wall)
        return kept

    def _recorded(
        self, conn: Connection, kept: _Kept, kind: str, body: Body, now: int, wall: int
    ) -> tuple[int, Sequence[Event]]:
        seq, events = self._journaled(conn, kept, kind, body, now)
        record(conn, kept.opening, kept.exchange, events, seq, now, wall)
        return seq, events

    def _journaled(
        self, conn: Connection, kept: _Kept, kind: str, body: Body, now: int
    ) -> tuple[int, Sequence[Event]]:
        seq = journal.append(conn, kind, body, now)
        answer = self._apply(kept, seq, kind, body)
        if isinstance(answer, Refusal):
            raise Refused(answer)
        kept.seen = journal.head(conn)
        return seq, answer

    def _apply(self, kept: _Kept, seq: int, kind: str, body: Body) -> Answer:
        answer = _answer(kept.exchange, seq, kind, body)
        if not isinstance(answer, Refusal):
            kept.turned = kept.turned or kind == TURN
            if seq > self._told.get(body["product"], NEVER_TOLD):
                kept.untold += [(seq, event) for event in answer]
        return answer


def _answer(exchange: Exchange, seq: int, kind: str, body: Body) -> Answer:
    if kind == ORDER:
        return exchange.submit(*asked_order(body, seq))
    if kind == CANCEL:
        return exchange.cancel(body["id"], body["member"])
    if kind == AMEND:
        return exchange.amend(body["order"], body["member"], body["price"], body["quantity"], seq)
    if kind == TURN:
        return exchange.turn(Phase(body["phase"]), seq)
    return exchange.expire(body["now"])


def _name(product: str) -> str:
    return product.partition("/")[0]
