"""What the hub shows: accounts, transfers, receipts, declarations, shipments, and the proofs over them.

Nothing here writes.
"""

from __future__ import annotations

from typing import Any, SupportsInt, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Row, func, select

from tradelane.market.units import NANO, iso
from tradelane.settlement.ehub.server import (
    accounts,
    chain,
    payments,
    tables,
    transfers,
)
from tradelane.settlement.ehub.server.customs import answers
from tradelane.settlement.ehub.server.customs.tables import declarations
from tradelane.settlement.ehub.server.logistics import shipments
from tradelane.settlement.ehub.server.paging import page
from tradelane.settlement.ehub.wire import (
    AccountState,
    ChainCheck,
    CurrencyBalance,
    Page,
    Receipt,
    ReservationState,
    Total,
    TransferState,
    TrialBalance,
)
from tradelane.settlement.ehub.wire_declarations import DeclarationAnswer
from tradelane.settlement.ehub.wire_ledger import LedgerLine
from tradelane.settlement.ehub.wire_logistics import ShipmentAnswer
from tradelane.settlement.logistics import ShipmentState

M = TypeVar("M", bound=BaseModel)
MOST_ITEMS = 1_000


def account(conn: Connection, name: str) -> AccountState | None:
    row = conn.execute(select(tables.accounts).where(tables.accounts.c.account == name)).first()
    return None if row is None else accounts.state(row)


def list_accounts(conn: Connection, after: str | None, limit: int) -> Page[AccountState]:
    t = tables.accounts
    return page(conn, select(t), t.c.account, after, limit, accounts.state)


def reservation(conn: Connection, name: str) -> ReservationState | None:
    query = payments.RESERVATIONS.where(tables.reservations.c.reservation == name)
    row = conn.execute(query).first()
    return None if row is None else payments.reservation_state(row)


def list_transfers(conn: Connection, after: int, limit: int) -> Page[TransferState]:
    t = tables.transfers
    return page(conn, select(t), t.c.seq, after, limit, _transfer)


def list_lines(conn: Connection, after: int, limit: int) -> Page[LedgerLine]:
    return page(conn, transfers.LINES, tables.entries.c.seq, after, limit, transfers.line)


def list_receipts(
    conn: Connection, after: int, limit: int, account: str | None, contract: str | None
) -> Page[Receipt]:
    t = tables.receipts
    query = select(t.c.seq, t.c.body)
    if account is not None:
        query = query.where(t.c.account == account)
    if contract is not None:
        query = query.where(t.c.contract == contract)
    return page(conn, query, t.c.seq, after, limit, lambda row: Receipt.model_validate_json(row.body))


def list_declarations(
    conn: Connection, after: str | None, limit: int, contract: str | None
) -> Page[DeclarationAnswer]:
    t = declarations
    query = select(t) if contract is None else select(t).where(t.c.contract == contract)
    return page(conn, query, t.c.declaration, after, limit, lambda row: answers.answer(conn, row))


def list_shipments(
    conn: Connection, after: str | None, limit: int, state: ShipmentState | None, contract: str | None
) -> Page[ShipmentAnswer]:
    t = tables.shipments
    query = select(t)
    if state is not None:
        query = query.where(t.c.state == state.value)
    if contract is not None:
        query = query.where(t.c.contract == contract)
    return page(conn, query, t.c.shipment, after, limit, lambda row: shipments.answer(conn, row))


def trial_balance(conn: Connection) -> TrialBalance:
    """The sum of all accounts in each currency, which is zero, and the transfers' head."""
    head = chain.head(conn)
    sums = [(row, _sum(row.whole, row.rest)) for row in conn.execute(_SUMS)]
    return TrialBalance(
        balanced=all(total == 0 for _, total in sums),
        transfers=head.seq,
        head=head.hash.hex(),
        currencies=[
            CurrencyBalance(
                currency=row.currency,
                sum=Total.of(total, row.currency).value,
                accounts=row.accounts,
                held=Total.of(_sum(row.held_whole, row.held_rest), row.currency).value,
            )
            for row, total in sums
        ],
    )


def check_chain(conn: Connection) -> ChainCheck:
    """Every hash and balance recomputed; takes time in proportion to the transfers."""
    broken, head = chain.verify_chain(conn), chain.head(conn)
    return ChainCheck(
        ok=broken is None,
        transfers=head.seq,
        head=head.hash.hex(),
        broken=None if broken is None else broken.seq,
        reason=None if broken is None else broken.reason,
    )


def _transfer(row: Row[Any]) -> TransferState:
    return TransferState(
        seq=row.seq,
        transfer=row.transfer,
        settlement=row.settlement,
        contract=row.contract,
        source=row.source,
        target=row.target,
        amount=Total.of(row.nano, row.currency),
        kind=row.kind,
        memo=row.memo,
        at=iso(row.at),
        hash=row.hash.hex(),
    )


def _sum(whole: SupportsInt, rest: SupportsInt) -> int:
    return int(whole) * NANO + int(rest)  # PostgreSQL sums to a Decimal


_a = tables.accounts
# Summed in two parts: the sum of two great balances would not fit the database's 64 bits.
_SUMS = (
    select(
        _a.c.currency,
        func.count().label("accounts"),
        func.sum(_a.c.posted_nano.op("/")(NANO)).label("whole"),
        func.sum(_a.c.posted_nano.op("%")(NANO)).label("rest"),
        func.sum(_a.c.held_nano.op("/")(NANO)).label("held_whole"),
        func.sum(_a.c.held_nano.op("%")(NANO)).label("held_rest"),
    )
    .group_by(_a.c.currency)
    .order_by(_a.c.currency)
)
