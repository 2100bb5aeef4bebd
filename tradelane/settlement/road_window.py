"""A settlement window of two hubs, pure: its entries in the one order both know, their chain, what each side
says of it, and where two sides differ.

Always true: an entry belongs to the window, and has the number, that the hub which committed it gave it; so
both sides have the same list in the same order, or one of them is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

GENESIS = bytes(32)
AT_ONCE = 64
"""Hashes of one question while looking for the first difference."""


class WindowState(StrEnum):
    """Closed by both and told; then agreed and settled, or disputed until both say the same."""

    REPORTED = "reported"
    DISPUTED = "disputed"
    AGREED = "agreed"
    SETTLED = "settled"


class WindowEvent(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    SETTLE = "settle"


WINDOW: Mapping[tuple[WindowState, WindowEvent], WindowState] = {
    (WindowState.REPORTED, WindowEvent.SAME): WindowState.AGREED,
    (WindowState.REPORTED, WindowEvent.DIFFERENT): WindowState.DISPUTED,
    (WindowState.DISPUTED, WindowEvent.DIFFERENT): WindowState.DISPUTED,
    (WindowState.DISPUTED, WindowEvent.SAME): WindowState.AGREED,
    (WindowState.AGREED, WindowEvent.SETTLE): WindowState.SETTLED,
}


class Entry(NamedTuple):
    """One committed payment. ``by`` is the hub that committed it (the payee's), ``number`` its count of
    what it committed for the other; ``payer`` is the hub that owes ``nano`` of ``currency`` for it."""

    by: str
    number: int
    transfer: str
    payer: str
    currency: str
    nano: int


class Sum(NamedTuple):
    """Of one currency: ``net`` is what the hub that tells owes the other for this window, ``owed`` what it
    owes for all windows so far by its ledger's account; both in nano-units, negative when it is owed."""

    currency: str
    entries: int
    net: int
    owed: int


class Report(NamedTuple):
    """What one side says of a window; ``head`` is the chain's hash after the last entry, hex."""

    entries: int
    head: str
    sums: tuple[Sum, ...]


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda one: (one.by, one.number, one.transfer))


def chain(window: int, entries: Sequence[Entry]) -> list[bytes]:
    """The hash after each entry."""
    link = hashlib.sha256(GENESIS + str(window).encode()).digest()
    links = []
    for entry in entries:
        text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False)
        link = hashlib.sha256(link + text.encode()).digest()
        links.append(link)
    return links


def nets(us: str, entries: Iterable[Entry]) -> dict[str, int]:
    """What ``us`` owes the other by these entries, nano-units of each currency in them."""
    found: dict[str, int] = {}
    for one in entries:
        found[one.currency] = found.get(one.currency, 0) + (one.nano if one.payer == us else -one.nano)
    return found


def report(us: str, window: int, entries: Sequence[Entry], owed: Mapping[str, int]) -> Report:
    """``entries`` in order; ``owed`` for every currency that has an account, as in :class:`Sum`."""
    links = chain(window, entries)
    net = nets(us, entries)
    counts = dict.fromkeys(net, 0)
    for one in entries:
        counts[one.currency] += 1
    sums = [
        Sum(currency, counts.get(currency, 0), net.get(currency, 0), owed.get(currency, 0))
        for currency in sorted(net.keys() | owed.keys())
    ]
    return Report(len(entries), links[-1].hex() if links else "", tuple(s for s in sums if any(s[1:])))


def balance_difference(mine: Report, theirs: Report) -> str | None:
    """The first currency of which the two sides do not say the same; they are mirror images of each other."""
    ours = {one.currency: (one.entries, one.net, one.owed) for one in mine.sums}
    other = {one.currency: (one.entries, -one.net, -one.owed) for one in theirs.sums}
    return next((c for c in sorted(ours.keys() | other.keys()) if ours.get(c) != other.get(c)), None)


def same_entries(mine: Report, theirs: Report) -> bool:
    return (mine.entries, mine.head) == (theirs.entries, theirs.head)


class Probe(NamedTuple):
    """Hashes of a chain after entry ``start + step``, ``start + 2·step`` …; the last one is the chain's end,
    or within the part where the difference is. All before ``start`` are the same."""

    start: int
    step: int
    end: int
    hashes: tuple[str, ...]


def first_probe(links: Sequence[bytes]) -> Probe:
    """Hashes spread over the whole chain."""
    return _probe(links, 0, len(links))


def narrowed(links: Sequence[bytes], asked: Probe) -> Probe | int:
    """The first part of ``asked`` that is different here, as a probe to ask back, or the place (from 0) of
    the first different entry when it is that narrow.

    Raises ValueError for a probe that no chain makes.
    """
    if asked.start < 0 or asked.step < 1 or asked.end < asked.start:
        raise ValueError("start, step and end do not fit")
    lo = asked.start
    for hash in asked.hashes:
        hi = min(lo + asked.step, asked.end)
        if hi <= lo:
            raise ValueError("more hashes than entries")
        if hi > len(links) or links[hi - 1].hex() != hash:
            return lo if hi - lo == 1 or lo >= len(links) else _probe(links, lo, min(hi, len(links)))
        lo = hi
    return lo


def _probe(links: Sequence[bytes], lo: int, hi: int) -> Probe:
    step = max(1, -(-(hi - lo) // AT_ONCE))
    ends = [min(end, hi) for end in range(lo + step, hi + step, step)]
    return Probe(lo, step, hi, tuple(links[end - 1].hex() for end in ends))
