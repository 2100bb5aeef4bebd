"""When orders expire: the earliest first, orders of one instant by their sequence.

Always true: it holds no more than twice as many entries as there are open orders, and a few; entries of
orders that left before their time are thrown out when they are met, or when there are too many.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from tradelane.market.ladder import Resting

FEW = 64
Entry = tuple[int, int, str]


class Expiry:
    """Of the open orders in ``orders``, those that are good until an instant."""

    def __init__(self, orders: dict[str, Resting]) -> None:
        self._orders = orders
        self._heap: list[Entry] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, resting: Resting) -> None:
        """Remember an open order; one without an expiry is passed over."""
        if resting.terms.until is None:
            return
        if len(self._heap) > 2 * len(self._orders) + FEW:
            self._heap = [entry for entry in self._heap if self._holds(entry)]
            heapify(self._heap)
        heappush(self._heap, (resting.terms.until, resting.order.seq, resting.order.id))

    def due(self, now: int) -> bool:
        """Whether the time of an open order is over at ``now`` (ms)."""
        while self._heap and self._heap[0][0] <= now:
            if self._holds(self._heap[0]):
                return True
            heappop(self._heap)
        return False

    def pop(self, now: int) -> Resting | None:
        """The next order whose time is over at ``now`` (ms)."""
        return self._orders[heappop(self._heap)[2]] if self.due(now) else None

    def _holds(self, entry: Entry) -> bool:
        until, seq, name = entry
        found = self._orders.get(name)
        return found is not None and found.order.seq == seq and found.terms.until == until
