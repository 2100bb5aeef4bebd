"""Whom orders would rather trade with, as columns of labels: what preference.py goes by.

Labels (members, communities, origins) are whole numbers, −1 where nothing is said. Only whether two are equal
counts, never which is larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray
from tradelane.market.wish import Wish


class Keyed(NamedTuple):
    """Some rows, ascending and each at most once, and the key of each, from 0 on."""

    row: IntArray
    key: IntArray

    def where(self, kept: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Keyed:
        return Keyed(self.row[kept], self.key[kept])


class Stage(NamedTuple):
    """Sells and buys that would rather meet: those with equal keys."""

    sells: Keyed
    buys: Keyed


@dataclass(frozen=True, slots=True)
class Lists:
    """A list of labels for each row: that of row k is ``label[first[k]:first[k + 1]]``."""

    first: IntArray
    label: IntArray

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Lists:
        label = np.fromiter(chain.from_iterable(lists), np.int64)
        return cls(np.cumsum([0, *map(len, lists)]), label)

    @classmethod
    def empty(cls, count: int) -> Lists:
        return cls(np.zeros(count + 1, np.int64), np.zeros(0, np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Lists]) -> Lists:
        """The lists of all parts, one after another."""
        length = np.concatenate([np.diff(part.first) for part in parts])
        return cls(np.append(0, np.cumsum(length)), np.concatenate([part.label for part in parts]))

    def rows(self, at: IntArray) -> Lists:
        """The lists of the rows ``at``, in that order."""
        length = np.diff(self.first)[at]
        first = np.append(0, np.cumsum(length))
        place = np.arange(first[-1]) + np.repeat(self.first[at] - first[:-1], length)
        return Lists(first, self.label[place])

    def ranks(self, among: IntArray | None = None) -> Iterator[Keyed]:
        """The first labels, then the second ones, …: of the rows (``among`` these) that have one."""
        length = np.diff(self.first)
        row = np.arange(len(length)) if among is None else among
        rank = 0
        while len(row := row[length[row] > rank]):
            yield Keyed(row, self.label[self.first[row] + rank])
            rank += 1

    def pairs(self) -> tuple[IntArray, IntArray]:
        """Each row with each of its labels."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first)), self.label


@dataclass(frozen=True, slots=True)
class Wishes:
    """One side's wishes, a row an order. ``origin`` is of sells, ``origins`` of buys."""

    member: IntArray
    community: IntArray
    origin: IntArray
    partners: Lists
    origins: Lists

    def __len__(self) -> int:
        return len(self.member)

    @classmethod
    def silent(cls, count: int) -> Wishes:
        """So many orders that say nothing."""
        nothing = np.full(count, -1, np.int64)
        return cls(nothing, nothing, nothing, Lists.empty(count), Lists.empty(count))

    @classmethod
    def joined(cls, parts: Sequence[Wishes]) -> Wishes:
        """The rows of all parts, one after another."""
        return cls(
            np.concatenate([part.member for part in parts]),
            np.concatenate([part.community for part in parts]),
            np.concatenate([part.origin for part in parts]),
            Lists.joined([part.partners for part in parts]),
            Lists.joined([part.origins for part in parts]),
        )

    def rows(self, at: IntArray) -> Wishes:
        """The rows ``at``, in that order."""
        member, community, origin = self.member[at], self.community[at], self.origin[at]
        return Wishes(member, community, origin, self.partners.rows(at), self.origins.rows(at))

    @property
    def asked(self) -> bool:
        """Whether anyone asks for anything, beyond saying who they are."""
        return bool((self.community >= 0).any() or len(self.partners.label) or len(self.origins.label))


@dataclass(frozen=True, slots=True)
class Preferences:
    """The wishes of a clearing's orders. Rows count through the zones' sells (buys) in Network order, as in
    ``Matches``; ``labels`` is above every label.
    """

    sells: Wishes
    buys: Wishes
    labels: int

    @classmethod
    def of(cls, sells: Sequence[Wish], buys: Sequence[Wish]) -> Preferences:
        names = _Names()
        sides = names.column(sells), names.column(buys)
        return cls(*sides, len(names.known) + 1)

    def named(self) -> list[Stage]:
        """Partners: who name each other; then whom buys name; then whom sells name."""
        sells, buys = self.sells, self.buys
        seller, buyer = said(sells.member), said(buys.member)
        stages = [
            Stage(
                Keyed(s.row, sells.member[s.row] * self.labels + s.key),
                Keyed(b.row, b.key * self.labels + buys.member[b.row]),
            )
            for b in buys.partners.ranks(buyer.row)
            for s in sells.partners.ranks(seller.row)
        ]
        stages += [Stage(seller, b) for b in buys.partners.ranks()]
        return stages + [Stage(s, buyer) for s in sells.partners.ranks()]

    def after_partners(self) -> list[Stage]:
        """One community; then the origins that buys prefer, the dearest first."""
        near = Stage(said(self.sells.community), said(self.buys.community))
        origin = said(self.sells.origin)
        return [near, *(Stage(origin, wanted) for wanted in self.buys.origins.ranks())]

    def partners(self, sell: IntArray, buy: IntArray) -> npt.NDArray[np.bool_]:
        """Which of the pairs of a sell and a buy are partners: one of them at least names the other."""
        names = _among(self.buys.partners, buy, self.sells.member[sell], self.labels)
        return names | _among(self.sells.partners, sell, self.buys.member[buy], self.labels)


def said(labels: IntArray) -> Keyed:
    """The rows that have a label."""
    row = np.flatnonzero(labels >= 0)
    return Keyed(row, labels[row])


def _among(lists: Lists, row: IntArray, label: IntArray, labels: int) -> npt.NDArray[np.bool_]:
    owner, named = lists.pairs()
    listed = np.isin(row * labels + label, owner * labels + named)
    return np.asarray(listed & (label >= 0), np.bool_)


@dataclass
class _Names:
    """Texts → labels. The kinds of names share one count: they are never compared with each other."""

    known: dict[str, int] = field(default_factory=lambda: {"": -1})

    def label(self, name: str) -> int:
        return self.known.setdefault(name, len(self.known) - 1)

    def column(self, wishes: Sequence[Wish]) -> Wishes:
        def labels(name: str) -> IntArray:
            return np.array([self.label(getattr(wish, name)) for wish in wishes], np.int64)

        def lists(name: str) -> Lists:
            return Lists.of([[self.label(text) for text in getattr(wish, name)] for wish in wishes])

        return Wishes(
            labels("member"), labels("community"), labels("origin"), lists("partners"), lists("origins")
        )
