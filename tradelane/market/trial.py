"""Matching on a copy: what an order would get, found by the very code that would get it.

Always true: the market is left as it was, whatever is done to the copy. Only the levels that are looked at
are copied, so that a trial costs about what the matching itself does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tradelane.market.book import Book
from tradelane.market.ladder import Ladder, Level, Resting
from tradelane.market.limits import UNLIMITED, Account
from tradelane.market.order import Side
from tradelane.market.rules import FREE
from tradelane.market.sweep import Road, Step, View, meet, reachable


class Trial:
    """Copies of the books and lanes that an order sees; ``orders`` are those copied so far."""

    def __init__(self, shown_only: bool = False) -> None:
        self.orders: dict[str, Resting] = {}
        self.shown_only = shown_only
        self._accounts: dict[int, Account] = {}
        self._books: dict[str, Book] = {}

    def views(self, views: Iterable[View]) -> list[View]:
        """The same views of the copies. No two of them may share a lane."""
        return [View(self.book(v.book), _road(v.road), v.selling) for v in views]

    def book(self, book: Book) -> Book:
        """The copy of a book; its stops are left out, for they fire only after the order."""
        found = self._books.get(book.zone)
        if found is None:
            found = Book(book.zone, book.product, FREE, self.orders)
            found.prevention, found.guarded = book.prevention, book.guarded
            for copy, ladder in ((found.sells, book.sells), (found.buys, book.buys)):
                copy.keys, copy.best = ladder.keys.copy(), ladder.best
                copy.levels = _Levels(self, copy, ladder)
            self._books[book.zone] = found
        return found

    def account(self, account: Account) -> Account:
        found = self._accounts.get(id(account))
        if found is None:
            found = self._accounts[id(account)] = Account()
        return found


class _Levels(dict[int, Level]):
    """A ladder's levels, each copied when it is first asked for."""

    def __init__(self, trial: Trial, copy: Ladder, ladder: Ladder) -> None:
        self._trial, self._copy, self._ladder = trial, copy, ladder

    def __missing__(self, key: int) -> Level:
        line = Ladder(Side.SELL if self._ladder.sign < 0 else Side.BUY, self._trial.orders)
        resting: Resting | None = self._ladder.levels[key].head
        while resting is not None:
            self._copied(resting, line, key)
            resting = resting.next
        level = line.levels[key]
        level.ladder = self._copy
        self[key] = level
        return level

    def _copied(self, one: Resting, line: Ladder, key: int) -> None:
        account = self._trial.account(one.account)
        copy = line.stand(one.order, one.kind, one.terms, account, one.left, one.seq, key)
        copy.hidden = 0 if self._trial.shown_only else one.hidden


def visible(views: Iterable[View], price: int, selling: bool) -> Iterator[Step]:
    """All that shows within a taker's ``price``, best first, as far as the lanes have room."""
    within = reachable(Trial(shown_only=True).views(views), price)
    while (step := meet(within, UNLIMITED)) is not None:
        yield step
        step.view.book.take(step.maker, step.received if selling else step.sent, step.maker.seq)
        if step.view.road is not None:
            step.view.road.room -= step.sent


def _road(road: Road | None) -> Road | None:
    return None if road is None else Road(road.id, road.landed, road.room)
