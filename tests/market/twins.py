"""A market beside its naive twin: the same commands, the same events, and what must hold after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tests.market.naive_exchange import NaiveExchange
from tests.market.streams import Amend, Cancel, Command, Expire, Submit
from tradelane.market.exchange import Exchange
from tradelane.market.floor import Floor
from tradelane.market.ladder import Ladder, Resting
from tradelane.market.limits import Account
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Amended, Answer, Cancelled, Event, Fill
from tradelane.market.session import Phase


def apply(market: Exchange | NaiveExchange, command: Command) -> Answer:
    answer: Answer
    if isinstance(command, Submit):
        answer = market.submit(command.order, command.kind, command.terms)
    elif isinstance(command, Cancel):
        answer = market.cancel(command.order_id, command.member)
    elif isinstance(command, Amend):
        wanted = command.price, command.quantity, command.seq
        answer = market.amend(command.order_id, command.member, *wanted)
    elif isinstance(command, Expire):
        answer = market.expire(command.now)
    else:
        answer = market.turn(command.phase, command.seq)
    return answer


def happened(answer: Answer) -> list[Event]:
    """The events of a command, none if it was refused."""
    return [] if isinstance(answer, Refusal) else list(answer)


def done(market: Exchange | NaiveExchange, command: Command) -> list[Event]:
    return happened(apply(market, command))


def run_both(
    market: Exchange, naive: NaiveExchange, stream: Iterable[Command], every: int = 1
) -> Counter[str]:
    """Assert that both do the same; how often what happened. States are compared after ``every`` commands."""
    seen: Counter[str] = Counter()
    open_lots: dict[str, int] = {}
    orders: dict[str, Order] = {}
    for number, command in enumerate(stream):
        answer, expected = apply(market, command), apply(naive, command)
        events = happened(answer)
        assert (answer if isinstance(answer, Refusal) else events) == expected, number
        seen[answer.name if isinstance(answer, Refusal) else type(command).__name__] += 1
        if isinstance(command, Submit) and not isinstance(answer, Refusal):
            open_lots[command.order.id] = command.order.quantity
            orders[command.order.id] = command.order
        for event in events:
            seen[why(event)] += 1
            account(event, orders, open_lots)
        if number % every == 0:
            check_books(market.floor, market.accounts)
            check_lanes(market, naive)
            assert standing(market) == {o.order.id: (o.left, o.hidden) for o in naive.open}
            still_open = {name: left for name, left in open_lots.items() if left}
            assert still_open == {name: r.left + r.hidden for name, r in market.floor.orders.items()}
    return seen


def why(event: Event) -> str:
    if isinstance(event, Cancelled):
        return event.why.name
    if isinstance(event, Fill):
        return "abroad" if event.lane else "home"
    return type(event).__name__


def account(event: Event, orders: dict[str, Order], open_lots: dict[str, int]) -> None:
    """Book an event: no order gives more than it has, or trades outside its limit."""
    if isinstance(event, Amended):
        old = orders[event.id]
        open_lots[event.id] += event.quantity - old.quantity
        orders[event.id] = Order(
            old.id, old.seq, old.member, old.product, old.zone, old.side, event.price, event.quantity
        )
    elif isinstance(event, Cancelled):
        open_lots[event.id] -= event.lots
        assert event.lots > 0 and open_lots[event.id] >= 0
    elif isinstance(event, Fill):
        for order in (event.maker, event.taker):
            open_lots[order.id] -= event.sent if order.side is Side.SELL else event.received
            assert open_lots[order.id] >= 0
        assert event.maker.side is not event.taker.side
        maker = event.maker
        assert maker.side.sign * (event.maker_price - maker.price) >= 0


def check_ladder(ladder: Ladder) -> list[Resting]:
    """Assert a side's structure; the orders that stand in it."""
    assert ladder.keys == sorted(ladder.levels)
    found: list[Resting] = []
    for key, level in ladder.levels.items():
        line: list[Resting] = []
        at: Resting | None = level.head
        assert level.head.prev is None and level.tail.next is None
        while at is not None:
            line.append(at)
            assert at.level is level
            assert at.next is not None or at is level.tail
            assert at.next is None or at.next.prev is at
            at = at.next
        assert (level.key, level.price, level.ladder) == (key, ladder.sign * key, ladder)
        assert all(r.left > 0 and r.hidden >= 0 and r.left + r.hidden <= r.order.quantity for r in line)
        sequence = [r.seq for r in line]
        assert sequence == sorted(sequence)
        assert (level.quantity, level.orders) == (sum(r.left for r in line), len(line))
        found += line
    return found


def check_books(floor: Floor, accounts: Mapping[str, Account]) -> None:
    everywhere: list[Resting] = []
    for book in floor.books.values():
        standing = check_ladder(book.sells) + check_ladder(book.buys)
        waiting = check_ladder(book.stop_sells) + check_ladder(book.stop_buys)
        assert all(r.order.price == r.level.price for r in standing)
        assert all(r.terms.trigger == r.level.price and not r.hidden for r in waiting)
        everywhere += standing + waiting
        if floor.phase is Phase.CONTINUOUS:
            assert not (book.sells.keys and book.buys.keys) or -book.sells.keys[-1] > book.buys.keys[-1]
            assert book.fired() is None
    assert {r.order.id: r for r in everywhere} == floor.orders
    assert len(everywhere) == len(floor.orders)
    for member, account in accounts.items():
        own = [r for r in everywhere if r.account is account]
        assert all(r.order.member == member for r in own)
        assert (account.orders, account.lots) == (len(own), sum(r.left + r.hidden for r in own))


def check_lanes(market: Exchange, naive: NaiveExchange) -> None:
    """No lane beyond its capacity; while matching, no open order could be matched by another that stands."""
    for lane in naive.lanes.values():
        assert market.sent(lane.id) == naive.sent[lane.id] <= lane.capacity
    if naive.phase is Phase.CONTINUOUS:
        for o in naive.open:
            assert o.waits or not naive.candidates(o.order, o.order.price, o.left)


def standing(market: Exchange) -> dict[str, tuple[int, int]]:
    return {name: (r.left, r.hidden) for name, r in market.floor.orders.items()}
