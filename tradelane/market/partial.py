"""Blocks accepted in part: where a choice leaves out a block that would be at the money, how much of it fits.

All whole blocks stay as they are chosen, and one linear program over all products says by which shares those
that need not be taken whole come in. Its prices put each of them at the money; a share below its minimum, or
a loss, leaves it out and asks again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tradelane.market import highs
from tradelane.market.descent import Choice, Descent
from tradelane.market.mixed import NOTHING, Limits, accepted, build
from tradelane.market.program import NotSolved
from tradelane.market.stage import Stage

ROUNDS = 6


def in_part(choice: Choice, stages: Sequence[Stage], descent: Descent) -> Choice:
    """``choice`` with more blocks in part, where that costs less and nobody loses; else ``choice`` itself."""
    table = descent.table
    blocks, least = table.book.blocks, table.least
    taken = choice.share > 0
    free = np.zeros(table.count, bool)
    free[table.may_come(choice.share)] = True
    free &= descent.allowed & (least < 1)
    for _ in range(ROUNDS):
        if not free.any():
            break
        left_out = [b.id for k, b in enumerate(blocks) if not taken[k] and not free[k]]
        limits = Limits(left_out, taken=[b.id for k, b in enumerate(blocks) if taken[k]])
        program, at = build(stages, table, limits, relaxed=True)
        try:
            found = highs.choose(program, 0.0)
        except NotSolved:
            break
        share = found.value[at.a]
        out = free & (share > NOTHING) & (share < least - NOTHING)
        if not out.any():
            tried = descent.at(table.array(accepted(found, at, table.book)))
            if tried.cost >= choice.cost:
                break
            if not len(tried.losers):
                return tried
            out[tried.losers] = free[tried.losers] | out[tried.losers]
            if not out.any():
                break
        free &= ~out
    return choice
