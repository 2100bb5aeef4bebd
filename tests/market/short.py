"""A market of one zone in few words, for tests by hand."""

from __future__ import annotations

from tests.market.places import NL, POTATOES
from tradelane.market.exchange import Exchange
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Answer, Cancelled, Event, Fill
from tradelane.market.rules import FREE, Rules
from tradelane.market.session import Phase
from tradelane.market.terms import PLAIN, Kind, Terms

SELL, BUY = Side.SELL, Side.BUY


class Bench:
    """A market of one zone with short commands; order k has the sequence number and name of its turn."""

    def __init__(self, rules: Rules = FREE, phase: Phase = Phase.CONTINUOUS) -> None:
        self.market = Exchange(POTATOES, [NL], [], rules, phase)
        self.seq = 0

    def order(
        self, side: Side, price: int, lots: int, kind: Kind = Kind.LIMIT, terms: Terms = PLAIN,
        member: str = "", name: str = "",
    ) -> Answer:  # fmt: skip
        self.seq += 1
        name, member = name or f"o{self.seq}", member or f"member {self.seq}"
        order = Order(name, self.seq, member, "potatoes", "NL", side, price, lots)
        return self.market.submit(order, kind, terms)

    def amend(self, name: str, price: int, lots: int) -> Answer:
        self.seq += 1
        return self.market.amend(name, f"member {name[1:]}", price, lots, self.seq)

    def turn(self, phase: Phase) -> Answer:
        self.seq += 1
        return self.market.turn(phase, self.seq)

    def line(self, side: Side) -> list[tuple[str, int]]:
        book = self.market.floor.books["NL"]
        return [(r.order.id, r.left) for r in (book.sells if side is SELL else book.buys)]


def events(answer: Answer) -> list[Event]:
    """What happened; the command was not refused."""
    assert not isinstance(answer, Refusal), answer
    return list(answer)


def fills(answer: Answer) -> list[tuple[str, str, int, int]]:
    found = (event for event in events(answer) if isinstance(event, Fill))
    return [(f.maker.id, f.taker.id, f.maker_price, f.sent) for f in found]


def cancelled(answer: Answer) -> int:
    """Lots that left orders without a trade."""
    return sum(event.lots for event in events(answer) if isinstance(event, Cancelled))
