"""A stage's meeting: which sells and buys share a key, and how far the lots of each group go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.wishes import Keyed, Stage


class Meeting(NamedTuple):
    """Sells and buys with lots left whose key stands on both sides, sorted by group and then by row. Keys are
    the groups' numbers; ``given`` and ``wanted`` are lots per group.
    """

    sells: Keyed
    buys: Keyed
    given: IntArray
    wanted: IntArray


def gather(stage: Stage, sold: IntArray, bought: IntArray) -> Meeting:
    """``sold`` and ``bought`` are lots left per row."""
    sells = stage.sells.where(sold[stage.sells.row] > 0)
    buys = stage.buys.where(bought[stage.buys.row] > 0)
    groups = np.intersect1d(sells.key, buys.key)
    giving, taking = _grouped(sells, groups), _grouped(buys, groups)
    return Meeting(giving, taking, _totals(giving, sold, len(groups)), _totals(taking, bought, len(groups)))


def up_to(limit: IntArray, grouped: Keyed, lots: IntArray) -> IntArray:
    """Of the ``lots`` (per row of ``grouped``) the first in each group, ``limit`` of them."""
    stop = np.cumsum(lots)
    first = np.searchsorted(grouped.key, grouped.key, side="left")
    before = stop - lots - (stop - lots)[first]
    return np.clip(limit[grouped.key] - before, 0, lots)


def _grouped(side: Keyed, groups: IntArray) -> Keyed:
    number = np.searchsorted(groups, side.key)
    number[number == len(groups)] = 0
    shared = groups[number] == side.key if len(groups) else np.zeros(len(number), np.bool_)
    kept = Keyed(side.row[shared], number[shared])
    return kept.where(np.argsort(kept.key, kind="stable"))


def _totals(side: Keyed, lots: IntArray, groups: int) -> IntArray:
    total = np.zeros(groups, np.int64)
    np.add.at(total, side.key, lots[side.row])
    return total
