from __future__ import annotations

import gc
import json
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from tests.market.naive_book import NaiveBook
from tests.market.streams import Cancel, Submit, commands
from tradelane.market.book import Book, Fill, Kind
from tradelane.market.ladder import DepthLevel, Ladder, Resting
from tradelane.market.order import Order, Refusal, Side

SELL, BUY = Side.SELL, Side.BUY


def order(seq: int, side: Side, price: int, quantity: int, name: str = "", member: str = "anna") -> Order:
    return Order(name or f"o{seq}", seq, member, "potatoes", "NL", side, price, quantity)


def apply(book: Book | NaiveBook, command: Submit | Cancel) -> object:
    first, second = command
    if isinstance(first, Order):
        assert isinstance(second, Kind)
        return book.submit(first, second)
    return book.cancel(first, second)


def check_ladder(ladder: Ladder) -> int:
    """Assert a side's structure; how many orders stand in it."""
    assert ladder.keys == sorted(ladder.levels)
    count = 0
    for key, level in ladder.levels.items():
        line: list[Resting] = []
        at: Resting | None = level.head
        assert level.head.prev is None and level.tail.next is None
        while at is not None:
            line.append(at)
            assert at.next is not None or at is level.tail
            assert at.next is None or at.next.prev is at
            at = at.next
        assert all(r.order.price == ladder.sign * key for r in line)
        assert all(0 < r.left <= r.order.quantity for r in line)
        sequence = [r.order.seq for r in line]
        assert sequence == sorted(sequence)
        assert (level.quantity, level.orders) == (sum(r.left for r in line), len(line))
        count += len(line)
    return count


def check_book(book: Book) -> None:
    assert check_ladder(book.sells) + check_ladder(book.buys) == len(book.orders)
    depth = book.depth(1)
    assert not (depth.sells and depth.buys) or depth.sells[0].price > depth.buys[0].price


def standing(book: Book | NaiveBook) -> list[list[tuple[str, int]]]:
    if isinstance(book, NaiveBook):
        return [book.side(SELL), book.side(BUY)]
    return [[(r.order.id, r.left) for r in ladder] for ladder in (book.sells, book.buys)]


def test_better_price_first_then_sequence_at_the_makers_price() -> None:
    book = Book()
    for seq, price, lots in ((1, 102, 5), (2, 101, 5), (3, 101, 7), (4, 103, 9)):
        assert book.submit(order(seq, SELL, price, lots)) == []
    assert book.submit(order(5, BUY, 102, 15)) == [
        Fill("o2", "o5", 101, 5, 2, 5),
        Fill("o3", "o5", 101, 7, 3, 5),
        Fill("o1", "o5", 102, 3, 1, 5),
    ]
    assert book.depth(9) == ([DepthLevel(102, 2, 1), DepthLevel(103, 9, 1)], [])


def test_a_limit_orders_rest_stands_an_ioc_orders_does_not() -> None:
    book = Book()
    book.submit(order(1, SELL, 100, 5))
    assert len(book.submit(order(2, BUY, 100, 8), Kind.IOC)) == 1  # type: ignore[arg-type]
    assert book.orders == {}
    book.submit(order(3, SELL, 100, 5))
    book.submit(order(4, BUY, 100, 8), Kind.LIMIT)
    assert book.depth(5).buys == [DepthLevel(100, 3, 1)]


def test_fill_or_kill_counts_all_levels_within_its_limit_and_changes_nothing_when_refused() -> None:
    book = Book()
    for seq, price in ((1, 100), (2, 101), (3, 102)):
        book.submit(order(seq, SELL, price, 4))
    before = book.state_hash()
    assert book.submit(order(4, BUY, 101, 9), Kind.FOK) is Refusal.NOT_FILLABLE
    assert book.state_hash() == before
    fills = book.submit(order(5, BUY, 101, 8), Kind.FOK)
    assert [f.quantity for f in fills] == [4, 4]  # type: ignore[union-attr]


def test_refusals_change_nothing() -> None:
    book = Book()
    book.submit(order(1, SELL, 100, 4))
    before = book.state_hash()
    assert book.submit(order(2, BUY, 100, 4, name="o1")) is Refusal.DUPLICATE_ID
    assert book.submit(order(3, BUY, 100, 0)) is Refusal.QUANTITY_NOT_POSITIVE
    assert book.cancel("o1", "bram") is Refusal.NOT_OWNER
    assert book.cancel("o9", "anna") is Refusal.UNKNOWN_ORDER
    assert book.state_hash() == before
    assert book.cancel("o1", "anna") == 4
    assert book.cancel("o1", "anna") is Refusal.UNKNOWN_ORDER


def test_depth_shows_the_best_levels_first() -> None:
    book = Book()
    for seq, side, price in ((1, BUY, 98), (2, BUY, 99), (3, BUY, 99), (4, SELL, 103), (5, SELL, 101)):
        book.submit(order(seq, side, price, 10))
    assert book.depth(0) == ([], [])
    assert book.depth(1) == ([DepthLevel(101, 10, 1)], [DepthLevel(99, 20, 2)])
    assert [level.price for level in book.depth(9).buys] == [99, 98]


def test_twenty_thousand_commands_give_what_the_naive_book_gives() -> None:
    book, naive = Book(), NaiveBook()
    seen: dict[str, int] = defaultdict(int)
    for number, command in enumerate(commands(seed=20260621, count=20_000)):
        answer = apply(book, command)
        assert answer == apply(naive, command), number
        seen[answer.name if isinstance(answer, Refusal) else type(answer).__name__] += 1
        if number % 100 == 0:
            check_book(book)
            assert standing(book) == standing(naive)
    assert min(seen[r] for r in ("DUPLICATE_ID", "NOT_FILLABLE", "UNKNOWN_ORDER", "NOT_OWNER", "int")) > 50


@given(st.integers(0, 2**32), st.integers(1, 80), st.integers(2, 30))
def test_any_stream_gives_what_the_naive_book_gives(seed: int, count: int, width: int) -> None:
    book, naive = Book(), NaiveBook()
    open_lots: dict[str, int] = {}
    for command in commands(seed, count, prices=(100 - width, 100)):
        answer = apply(book, command)
        assert answer == apply(naive, command)
        check_book(book)
        assert standing(book) == standing(naive)
        if isinstance(command[0], Order) and isinstance(answer, list):
            check_fills(command[0], answer, open_lots)


def check_fills(taker: Order, fills: list[Fill], open_lots: dict[str, int]) -> None:
    """No fill beyond quantity or limit; ``open_lots`` remembers what each order has left."""
    open_lots[taker.id] = taker.quantity
    for fill in fills:
        assert taker.side.sign * (fill.price - taker.price) >= 0
        for name in (fill.maker_id, fill.taker_id):
            open_lots[name] -= fill.quantity
            assert open_lots[name] >= 0


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 60))
def test_a_snapshot_and_the_commands_after_it_give_the_same_state(seed: int, cut: int, tail: int) -> None:
    stream = list(commands(seed, cut + tail))
    whole = Book()
    for command in stream[:cut]:
        apply(whole, command)
    saved = json.loads(json.dumps(whole.snapshot()))
    again = Book()
    again.restore(saved, "potatoes", "NL")
    assert again.state_hash() == whole.state_hash()
    for command in stream[cut:]:
        assert apply(again, command) == apply(whole, command)
    assert again.state_hash() == whole.state_hash()


def test_the_state_hash_tells_places_in_line_apart() -> None:
    one, two = Book(), Book()
    one.submit(order(1, SELL, 100, 4, "a"))
    one.submit(order(2, SELL, 100, 4, "b"))
    two.submit(order(1, SELL, 100, 4, "b"))
    two.submit(order(2, SELL, 100, 4, "a"))
    assert one.state_hash() != two.state_hash()


def test_orders_that_left_need_no_cycle_collector() -> None:
    stream = list(commands(seed=3, count=3_000))
    book = Book()
    gc.collect()
    gc.disable()
    try:
        for command in stream:
            apply(book, command)
        assert gc.collect() == 0
    finally:
        gc.enable()
