"""The continuous market beside other books in Python, on the same stream and each in its own terms."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from tests.bench.harness import Pair, Unmeasurable, benchmark
from tests.bench.orders import EVENTS, STRICT, Cancel, counted, market_of, play, stream, uncollected
from tests.shared import shared_path
from tradelane.market.order import Order, Side

Events = list[Order | Cancel]


@benchmark("book-peers", goal=1 / 3)
def peers() -> Pair:
    """The faster of two other books, which only match: pip install lightmatchingengine pyorderbook."""
    events = stream(EVENTS, seed=42)
    works = [work for work in (light(events), pyorderbook(events)) if work is not None]
    if not works:
        raise Unmeasurable("neither lightmatchingengine nor pyorderbook is installed")
    fastest = min((uncollected(work) for work in works), key=lambda measure: measure())
    candidate = uncollected(play(lambda: market_of(STRICT), events))
    return Pair(candidate, counted("fastest peer", EVENTS, fastest), "the fastest Python peer", repetitions=7)


@benchmark("book-sketch", goal=1)
def sketch() -> Pair:
    """The sketch in which every kind of order was first priced, with as much of it switched on."""
    path = shared_path("prototypes/full_py.py")
    if path is None:
        raise Unmeasurable("prototypes/full_py.py is not here: TRADELANE_SHARED names the folder that has it")
    spec = spec_from_file_location("full_py", path)
    if spec is None or spec.loader is None:
        raise Unmeasurable(f"{path} is no module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    events = stream(EVENTS, seed=42)
    candidate = uncollected(play(lambda: market_of(STRICT), events))
    floor = counted("the sketch", EVENTS, uncollected(sketched(module, events)))
    return Pair(candidate, floor, "the sketch", repetitions=11)


def sketched(module: ModuleType, events: Events) -> Callable[[], None]:
    """Its orders and members are numbers, and its sides 0 and 1."""
    numbers = {e.id: number for number, e in enumerate((e for e in events if isinstance(e, Order)), 1)}
    members = {e.member: number for number, e in enumerate(e for e in events if isinstance(e, Order))}
    rows = [
        (numbers[e.id], members[e.member], int(e.side is Side.SELL), e.price, e.quantity)
        if isinstance(e, Order) else (numbers[e[0]],)
        for e in events
    ]  # fmt: skip

    def work() -> None:
        book = module.Book(module.STP_DEC, (49_000, 51_000), 10**6, 10**15)
        add, cancel = book.add, book.cancel
        for row in rows:
            if len(row) == 1:
                cancel(*row)
            else:
                add(*row)

    return work


def light(events: Events) -> Callable[[], None] | None:
    try:
        engine = import_module("lightmatchingengine.lightmatchingengine")
    except ImportError:
        return None
    rows = [(e.side, e.price, e.quantity, e.id) if isinstance(e, Order) else e[0] for e in events]

    def work() -> None:
        book, ids = engine.LightMatchingEngine(), dict[str, int]()
        buy, sell = engine.Side.BUY, engine.Side.SELL
        for one in rows:
            if isinstance(one, str):
                book.cancel_order(ids[one], "goods")
            else:
                side, price, lots, name = one
                order, _ = book.add_order("goods", price, lots, buy if side is Side.BUY else sell)
                ids[name] = order.order_id

    return work


def pyorderbook(events: Events) -> Callable[[], None] | None:
    try:
        library = import_module("pyorderbook")
    except ImportError:
        return None
    bid, ask = library.bid, library.ask

    def work() -> None:
        book, orders = library.Book(), {}
        for one in events:
            if isinstance(one, Order):
                made = (bid if one.side is Side.BUY else ask)("goods", one.price, one.quantity)
                orders[one.id] = made
                book.match(made)
            else:
                book.cancel(orders[one[0]])

    return work
