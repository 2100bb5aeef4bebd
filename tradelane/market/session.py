"""The phases of a continuous market, as one table: what each takes and where it may turn.

A market is opened, and again opened after a halt, through an auction: so no phase in which orders are
matched ever begins with a crossed book.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tradelane.market.terms import Kind


class Phase(StrEnum):
    PRE_OPEN = "pre_open"
    """Orders are collected and rest; nothing is matched, so that books may cross."""
    AUCTION = "auction"
    """The call is over: at its beginning all that crosses was traded, each zone at one price."""
    CONTINUOUS = "continuous"
    """Every order is matched as it comes."""
    HALTED = "halted"
    """Orders can be taken back and nothing else."""


class Rule(NamedTuple):
    """Which kinds of orders a phase takes, whether an owner may cancel, which phases may follow."""

    takes: frozenset[Kind]
    cancels: bool
    turns_to: frozenset[Phase]


NO_ORDERS: frozenset[Kind] = frozenset()
TABLE = {
    Phase.PRE_OPEN: Rule(frozenset({Kind.LIMIT}), True, frozenset({Phase.AUCTION, Phase.HALTED})),
    Phase.AUCTION: Rule(NO_ORDERS, False, frozenset({Phase.CONTINUOUS, Phase.HALTED})),
    Phase.CONTINUOUS: Rule(frozenset(Kind), True, frozenset({Phase.PRE_OPEN, Phase.HALTED})),
    Phase.HALTED: Rule(NO_ORDERS, True, frozenset({Phase.PRE_OPEN, Phase.AUCTION})),
}
