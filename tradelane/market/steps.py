"""Decimal texts as whole steps of a tick or a lot: a column at a time, exactly.

A decimal of at most 15 digits and the float64 nearest to it name each other, and a quotient of two exact
floats is rounded once. So a text of up to 15 characters is n steps exactly when ``float(text)`` equals n
steps divided out in float64. Whatever that cannot settle is left to decimal arithmetic (units.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.units import decimal, whole

DIGITS = 15
"""Decimal digits that a float64 always keeps."""
EXACT_POWER = 22
"""10²² is the last power of ten that is a float64."""
FEW = 4
"""Where each text stands so many times or more, each is worked out once."""
_PLAIN = re.compile(r"[0-9+.,-]*")
_WHOLE = re.compile(r"[0-9,-]*")


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
        if _short(texts, _PLAIN) and self._places <= EXACT_POWER and self._unit < 10**DIGITS:
            value = np.fromiter(map(float, texts), np.float64, len(texts))
            scale = float(10**self._places)
            count = np.rint(value * (scale / self._unit))
            total = count * self._unit
            if (np.abs(total) < 10.0**DIGITS).all() and (total / scale == value).all():
                exact: IntArray = count.astype(np.int64)
                return exact
        found = [whole(decimal(text), self.step) for text in texts]
        if found and max(map(abs, found)) >= 2**63:
            raise ValueError("too large to be counted")
        return np.array(found, np.int64)


def integers(values: Sequence[object]) -> IntArray:
    """Whole numbers, or texts of them; ValueError, TypeError or OverflowError when one is not plainly one."""
    if set(map(type, values)) <= {int}:
        return np.array(values, np.int64)
    texts: Sequence[str] = values  # type: ignore[assignment]  # what is no text raises TypeError
    if not _short(texts, _WHOLE):
        raise ValueError("not plainly whole numbers")
    return np.fromiter(map(int, texts), np.int64, len(texts))


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
        for k in np.unique(scale).tolist():
            at = np.flatnonzero(scale == k)
            found[at] = self._steps[k].counts([texts[j] for j in at.tolist()])
        return found


def _short(texts: Sequence[str], form: re.Pattern[str]) -> bool:
    """Whether no text is longer than ``DIGITS`` and all are made of what ``form`` allows."""
    return max(map(len, texts), default=0) <= DIGITS and bool(form.fullmatch(",".join(texts)))
