"""Netting among many hubs, pure: what each pair owes becomes fewer payments, and every party's net position
stays what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Payment(NamedTuple):
    """``nano`` units that ``debtor`` pays ``creditor``; always positive."""

    debtor: str
    creditor: str
    nano: int


def positions(owed: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Each party's net position: what it owes all others less what it is owed. ``owed`` has (debtor,
    creditor) → nano-units of one currency."""
    found: dict[str, int] = {}
    for (debtor, creditor), nano in owed.items():
        found[debtor] = found.get(debtor, 0) + nano
        found[creditor] = found.get(creditor, 0) - nano
    return found


def payments(owed: Mapping[tuple[str, str], int]) -> list[Payment]:
    """At most one payment fewer than there are parties with a position; the same list whoever computes it.

    The greatest debtor pays the greatest creditor, names break ties.
    """
    left = positions(owed)
    debtors = sorted((-nano, name) for name, nano in left.items() if nano > 0)
    creditors = sorted((nano, name) for name, nano in left.items() if nano < 0)
    made: list[Payment] = []
    while debtors:
        (owes, debtor), (gets, creditor) = debtors.pop(0), creditors.pop(0)
        nano = min(-owes, -gets)
        made.append(Payment(debtor, creditor, nano))
        if owes + nano:
            debtors.insert(0, (owes + nano, debtor))
        if gets + nano:
            creditors.insert(0, (gets + nano, creditor))
    return made


def after(owed: Mapping[tuple[str, str], int], paid: Iterable[Payment]) -> dict[str, int]:
    """What is left of each party's position once these payments are made."""
    left = positions(owed)
    for one in paid:
        left[one.debtor] -= one.nano
        left[one.creditor] += one.nano
    return left
