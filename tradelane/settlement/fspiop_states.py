"""The life of a hub's transfer, bulk, settlement window and settlement, as tables (FSPIOP, settlements 2.0).

Always true: what is not in a table does not happen; COMMITTED and ABORTED are final and exclude each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class TransferState(StrEnum):
    RECEIVED = "RECEIVED"
    RESERVED = "RESERVED"
    COMMITTED = "COMMITTED"
    ABORTED = "ABORTED"


class TransferEvent(StrEnum):
    PREPARE = "prepare"
    REFUSE = "refuse"
    FULFIL = "fulfil"
    REJECT = "reject"
    EXPIRE = "expire"


class BulkState(StrEnum):
    """What the payee says of a bulk as a whole."""

    RECEIVED = "RECEIVED"
    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"


class WindowState(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    PENDING_SETTLEMENT = "PENDING_SETTLEMENT"
    SETTLED = "SETTLED"
    ABORTED = "ABORTED"


class WindowEvent(StrEnum):
    CLOSE = "close"
    INCLUDE = "include"
    SETTLE = "settle"
    ABORT = "abort"


class SettlementState(StrEnum):
    PENDING_SETTLEMENT = "PENDING_SETTLEMENT"
    PS_TRANSFERS_RECORDED = "PS_TRANSFERS_RECORDED"
    PS_TRANSFERS_RESERVED = "PS_TRANSFERS_RESERVED"
    PS_TRANSFERS_COMMITTED = "PS_TRANSFERS_COMMITTED"
    SETTLING = "SETTLING"
    SETTLED = "SETTLED"
    ABORTED = "ABORTED"


class SettlementEvent(StrEnum):
    RECORD = "record"
    RESERVE = "reserve"
    COMMIT = "commit"
    SETTLE_ONE = "settle-one"
    SETTLE_LAST = "settle-last"
    ABORT = "abort"


TRANSFER: Mapping[tuple[TransferState, TransferEvent], TransferState] = {
    (TransferState.RECEIVED, TransferEvent.PREPARE): TransferState.RESERVED,
    (TransferState.RECEIVED, TransferEvent.REFUSE): TransferState.ABORTED,
    (TransferState.RESERVED, TransferEvent.FULFIL): TransferState.COMMITTED,
    (TransferState.RESERVED, TransferEvent.REJECT): TransferState.ABORTED,
    (TransferState.RESERVED, TransferEvent.EXPIRE): TransferState.ABORTED,
}
BULK_ENDS = (BulkState.COMPLETED, BulkState.REJECTED)
_BULK_WAY = (BulkState.RECEIVED, BulkState.PENDING, BulkState.ACCEPTED, BulkState.PROCESSING)
BULK: Mapping[tuple[BulkState, BulkState], BulkState] = {
    (now, said): said for place, now in enumerate(_BULK_WAY) for said in (*_BULK_WAY[place + 1 :], *BULK_ENDS)
}
"""By the state and what the payee says: it may skip states, not go back."""
WINDOW: Mapping[tuple[WindowState, WindowEvent], WindowState] = {
    (WindowState.OPEN, WindowEvent.CLOSE): WindowState.CLOSED,
    (WindowState.CLOSED, WindowEvent.INCLUDE): WindowState.PENDING_SETTLEMENT,
    (WindowState.ABORTED, WindowEvent.INCLUDE): WindowState.PENDING_SETTLEMENT,
    (WindowState.PENDING_SETTLEMENT, WindowEvent.SETTLE): WindowState.SETTLED,
    (WindowState.PENDING_SETTLEMENT, WindowEvent.ABORT): WindowState.ABORTED,
}
SETTLEMENT: Mapping[tuple[SettlementState, SettlementEvent], SettlementState] = {
    (SettlementState.PENDING_SETTLEMENT, SettlementEvent.RECORD): SettlementState.PS_TRANSFERS_RECORDED,
    (SettlementState.PS_TRANSFERS_RECORDED, SettlementEvent.RESERVE): SettlementState.PS_TRANSFERS_RESERVED,
    (SettlementState.PS_TRANSFERS_RESERVED, SettlementEvent.COMMIT): SettlementState.PS_TRANSFERS_COMMITTED,
    (SettlementState.PS_TRANSFERS_COMMITTED, SettlementEvent.SETTLE_ONE): SettlementState.SETTLING,
    (SettlementState.PS_TRANSFERS_COMMITTED, SettlementEvent.SETTLE_LAST): SettlementState.SETTLED,
    (SettlementState.SETTLING, SettlementEvent.SETTLE_ONE): SettlementState.SETTLING,
    (SettlementState.SETTLING, SettlementEvent.SETTLE_LAST): SettlementState.SETTLED,
    (SettlementState.PENDING_SETTLEMENT, SettlementEvent.ABORT): SettlementState.ABORTED,
    (SettlementState.PS_TRANSFERS_RECORDED, SettlementEvent.ABORT): SettlementState.ABORTED,
    (SettlementState.PS_TRANSFERS_RESERVED, SettlementEvent.ABORT): SettlementState.ABORTED,
}
S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def after(table: Mapping[tuple[S, E], S], state: S, event: E) -> S | None:
    """The state that ``event`` leads to, or None when it may not happen in ``state``."""
    return table.get((state, event))
