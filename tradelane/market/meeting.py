"""A stage's meeting: which sells and buys share a key, and how far the lots of each group go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray
from tradelane.market.wishes import Keyed, Stage


class Meeting(NamedTuple):
    """Sells and buys with lots left whose key stands on both sides, sorted by group and then by row. Keys are
    the groups' numbers, that with the earliest sell first; ``given`` and ``wanted`` are lots per group.
    """

    sells: Keyed
    buys: Keyed
    given: IntArray
    wanted: IntArray


def gather(stage: Stage, sold: IntArray, bought: IntArray) -> Meeting:
    """``sold`` and ``bought`` are lots left per row."""
    sells = stage.sells.where(sold[stage.sells.row] > 0)
    buys = stage.buys.where(bought[stage.buys.row] > 0)
    keys, first = np.unique(sells.key, return_index=True)
    first = first[_standing(keys, buys.key)]
    number = np.argsort(np.argsort(first))
    keys = sells.key[first]
    giving, taking = _grouped(sells, keys, number), _grouped(buys, keys, number)
    return Meeting(giving, taking, _totals(giving, sold, len(keys)), _totals(taking, bought, len(keys)))


def up_to(limit: IntArray, grouped: Keyed, lots: IntArray) -> IntArray:
    """Of the ``lots`` (per row of ``grouped``) the first in each group, ``limit`` of them."""
    stop = np.cumsum(lots)
    first = np.searchsorted(grouped.key, grouped.key, side="left")
    before = stop - lots - (stop - lots)[first]
    return np.clip(limit[grouped.key] - before, 0, lots)


def _standing(keys: IntArray, asked: IntArray) -> npt.NDArray[np.bool_]:
    """Which of ``keys``, ascending, are asked for."""
    place = np.searchsorted(keys, asked)
    found = np.zeros(len(keys) + 1, np.bool_)
    found[place[_at(keys, place) == asked]] = True
    return found[:-1]


def _grouped(side: Keyed, keys: IntArray, number: IntArray) -> Keyed:
    place = np.searchsorted(keys, side.key)
    found = np.flatnonzero(_at(keys, place) == side.key)
    kept = Keyed(side.row[found], number[place[found]])
    return kept.where(np.argsort(kept.key, kind="stable"))


def _at(keys: IntArray, place: IntArray) -> IntArray:
    """The keys at these places; −1, which is no key, past the last."""
    return np.append(keys, -1)[place]


def _totals(side: Keyed, lots: IntArray, groups: int) -> IntArray:
    total = np.zeros(groups, np.int64)
    np.add.at(total, side.key, lots[side.row])
    return total
