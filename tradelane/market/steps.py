"""Decimal texts as whole steps of a tick or a lot: a column at a time, in integers, exactly.

Texts of plain digits with a point and a sign, up to 15 of them, are read together; whatever else a number may
look like (exponents, longer ones) is left to decimal arithmetic (units.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.units import decimal, whole

DIGITS = 15
"""In a text that is read quickly."""
SAFE = 18
"""Decimal digits that an int64 always holds."""
FEW = 4
"""Where each text stands so many times or more, each is worked out once."""
DIGIT, POINT, SIGN, END = 1, 2, 3, 4
_KIND = np.zeros(256, np.uint8)
for _signs, _kind in ((b"0123456789", DIGIT), (b".", POINT), (b"+-", SIGN), (b",", END)):
    _KIND[list(_signs)] = _kind


class Steps:
    """Reads texts as counts of ``step``."""

    def __init__(self, step: Decimal) -> None:
        self.step = step
        _, digits, exponent = step.as_tuple()
        assert isinstance(exponent, int)
        self._places = max(0, -exponent)
        self._unit = int("".join(map(str, digits))) * 10 ** max(0, exponent)

    def counts(self, texts: Sequence[str]) -> IntArray:
        """Each text's count; ValueError or TypeError when one is no whole number of steps below 2⁶³."""
        distinct = set(texts)
        if FEW * len(distinct) > len(texts):
            return self._each(texts)
        few = list(distinct)
        known = dict(zip(few, self._each(few).tolist(), strict=True))
        return np.fromiter(map(known.__getitem__, texts), np.int64, len(texts))

    def _each(self, texts: Sequence[str]) -> IntArray:
        plain = _fixed(texts)
        quick = None if plain is None else self._divided(plain)
        if quick is not None:
            return quick
        found = [whole(decimal(text), self.step) for text in texts]
        if max(map(abs, found), default=0) >= 2**63:
            raise ValueError("too large to be counted")
        return np.array(found, np.int64)

    def _divided(self, plain: _Fixed) -> IntArray | None:
        """``plain`` numbers in steps; None where they are not whole steps, or do not fit."""
        shift = self._places - plain.places
        divisor = self._unit * 10 ** max(0, -shift)
        if plain.digits + max(0, shift) > SAFE or divisor >= 10**SAFE:
            return None
        scaled: IntArray = plain.value * 10 ** max(0, shift)
        if divisor == 1:
            return scaled
        count, rest = np.divmod(scaled, divisor)
        return None if rest.any() else count


class Scales:
    """One step for each product: texts are read a step at a time."""

    def __init__(self, steps: Sequence[Decimal]) -> None:
        known = list(dict.fromkeys(steps))
        self._steps = [Steps(step) for step in known]
        self._scale = np.array([known.index(step) for step in steps], np.int64)

    def counts(self, texts: Sequence[str], product: IntArray) -> IntArray:
        """As ``Steps.counts``, each text by the step of its product, which ``product`` counts."""
        if len(self._steps) == 1:
            return self._steps[0].counts(texts)
        scale, found = self._scale[product], np.zeros(len(texts), np.int64)
        for k in set(scale.tolist()):
            at = np.flatnonzero(scale == k)
            found[at] = self._steps[k].counts([texts[j] for j in at.tolist()])
        return found


def integers(values: Sequence[object]) -> IntArray:
    """Whole numbers, or texts of them; ValueError, TypeError or OverflowError when one is not plainly one."""
    if set(map(type, values)) <= {int}:
        return np.array(values, np.int64)
    texts: Sequence[str] = values  # type: ignore[assignment]  # what is no text raises TypeError
    plain = _fixed(texts)
    if plain is None or not set(".+").isdisjoint("".join(texts)):
        raise ValueError("not plainly whole numbers")
    return plain.value


class _Fixed(NamedTuple):
    """Numbers as ``value`` · 10^−``places``; none has more than ``digits`` digits."""

    value: IntArray
    places: int
    digits: int


def _fixed(texts: Sequence[str]) -> _Fixed | None:
    """Texts like ``-12.50`` read together; None when one of them looks different. TypeError for no text."""
    joined = ",".join(texts)
    if not joined.isascii():
        return None
    kind = _KIND[np.frombuffer(f"{joined},".encode(), np.uint8)]
    ends = np.flatnonzero(kind == END)
    if len(ends) != len(texts) or not kind.all():
        return None
    length = ends.copy()
    length[1:] -= ends[:-1] + 1
    digits, places = length.copy(), np.zeros(len(texts), np.int64)
    for mark in (POINT, SIGN):
        found = np.flatnonzero(kind == mark)
        at = np.searchsorted(ends, found)
        if (at[1:] == at[:-1]).any():
            return None
        digits[at] -= 1
        if mark == POINT:
            places[at] = ends[at] - found - 1
        elif (found != ends[at] - length[at]).any():
            return None
    most = int(places.max(initial=0))
    widest = int(digits.max(initial=0)) + most - int(places.min(initial=most))
    if int(digits.min(initial=1)) < 1 or int(digits.max(initial=0)) > DIGITS or widest > SAFE:
        return None
    value = np.fromstring(joined.replace(".", ""), np.int64, sep=",")
    if (places != most).any():
        value *= 10 ** (most - places)
    return _Fixed(value, most, widest)
