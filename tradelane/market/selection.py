"""What a search among blocks finds. few.py and many.py search; joint.py says which of them, and proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Selection:
    """``accepted`` shares and the θ of each product's prices; ``near`` where about these are, in
    ticks by product and zone. ``most_welfare``, in numeraire, is a bound over
    all choices (less ad-valorem duty). ``notes`` say what was cut short; ``rounds`` how often was chosen.
    """

    accepted: Mapping[str, int]
    shares: Mapping[str, Fraction]
    near: Mapping[str, Mapping[str, Fraction]]
    most_welfare: float
    notes: tuple[str, ...]
    rounds: int
