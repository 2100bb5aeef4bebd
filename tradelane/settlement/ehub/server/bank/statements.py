"""An account's statement as camt.053: what stood, what moved, what stands.

The message has five decimals and the ledger nine. Balances are rounded down to five, and an entry is the
difference of the balances before and after it, so that the sums hold; its exact amount stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from tradelane.market.units import Money
from tradelane.settlement.ehub.server import accounts
from tradelane.settlement.ehub.server.bank import xml
from tradelane.settlement.ehub.server.tables import transfers
from tradelane.settlement.problem import Problem

MOST_ENTRIES = 10_000
"""In one statement; whoever needs more asks for shorter periods."""
STEP = 10**4
"""Nano-units in the message's last decimal."""


def statement(conn: Connection, account: str, start: int, end: int, now: int) -> bytes:
    """camt.053.001.12 of all that was booked from ``start`` until before ``end`` (ms). Raises Problem."""
    if end <= start:
        raise Problem.field(422, "wrong-period", "to", "a statement ends after it begins")
    known = accounts.load(conn, [account]).get(account)
    if known is None:
        raise Problem.field(404, "unknown-account", "account", "no such account")
    rows = _entries(conn, account, start, end)
    exact = [_balance_before(conn, account, start)]
    for row in rows:
        exact.append(exact[-1] + (row.nano if row.target == account else -row.nano))
    shown = [nano // STEP * STEP for nano in exact]
    changes = [after - before for before, after in pairwise(shown)]

    root = xml.document("camt.053.001.12")
    body = xml.add(root, "BkToCstmrStmt")
    name = xml.short(f"{account}|{start}|{end}", 35)
    header = xml.add(body, "GrpHdr")
    xml.add(header, "MsgId", name)
    xml.add(header, "CreDtTm", xml.moment(now))
    told = xml.add(body, "Stmt")
    xml.add(told, "Id", name)
    period = xml.add(told, "FrToDt")
    xml.add(period, "FrDtTm", xml.moment(start))
    xml.add(period, "ToDtTm", xml.moment(end))
    place = xml.add(told, "Acct")
    xml.add(place, "Id/Othr/Id", xml.short(account, 34))
    xml.add(place, "Ccy", known.currency)
    _add_balance(told, "OPBD", Money(shown[0], known.currency), start)
    _add_balance(told, "CLBD", Money(shown[-1], known.currency), end)
    _add_sums(told, changes, known.currency)
    for row, change in zip(rows, changes, strict=True):
        _add_entry(told, row, Money(change, known.currency), row.target == account)
    first, last = (Money(nano, known.currency) for nano in (exact[0], exact[-1]))
    xml.add(told, "AddtlStmtInf", f"{account} exact {first} to {last}")
    return xml.written(root)


def _entries(conn: Connection, account: str, start: int, end: int) -> Sequence[Row[Any]]:
    t = transfers.c
    asked = (
        select(transfers)
        .where(or_(t.source == account, t.target == account), t.at >= start, t.at < end)
        .order_by(t.seq)
        .limit(MOST_ENTRIES + 1)
    )
    rows = conn.execute(asked).all()
    if len(rows) > MOST_ENTRIES:
        reason = f"more than {MOST_ENTRIES} entries: ask for a shorter period"
        raise Problem.field(422, "too-many-entries", "to", reason)
    return rows


def _balance_before(conn: Connection, account: str, start: int) -> int:
    def moved(side: Any) -> int:
        asked = select(func.sum(transfers.c.nano)).where(side == account, transfers.c.at < start)
        return int(conn.execute(asked).scalar() or 0)

    return moved(transfers.c.target) - moved(transfers.c.source)


def _direction(credit: bool) -> str:
    return "CRDT" if credit else "DBIT"


def _add_balance(told: xml.Element, kind: str, balance: Money, at: int) -> None:
    entry = xml.add(told, "Bal")
    xml.add(entry, "Tp/CdOrPrtry/Cd", kind)
    xml.add_amount(entry, "Amt", Money(abs(balance.nano), balance.currency))
    xml.add(entry, "CdtDbtInd", _direction(balance.nano >= 0))
    xml.add(entry, "Dt/DtTm", xml.moment(at))


def _add_sums(told: xml.Element, changes: Sequence[int], currency: str) -> None:
    sums = xml.add(told, "TxsSummry")
    total = xml.add(sums, "TtlNtries")
    xml.add(total, "NbOfNtries", str(len(changes)))
    xml.add(total, "Sum", str(Money(sum(map(abs, changes)), currency)))
    net = xml.add(total, "TtlNetNtry")
    xml.add(net, "Amt", str(Money(abs(sum(changes)), currency)))
    xml.add(net, "CdtDbtInd", _direction(sum(changes) >= 0))


def _add_entry(told: xml.Element, row: Row[Any], change: Money, credit: bool) -> None:
    entry = xml.add(told, "Ntry")
    xml.add(entry, "NtryRef", str(row.seq))
    xml.add_amount(entry, "Amt", Money(abs(change.nano), change.currency))
    xml.add(entry, "CdtDbtInd", _direction(credit))
    xml.add(entry, "Sts/Cd", "BOOK")
    xml.add(entry, "BookgDt/DtTm", xml.moment(row.at))
    xml.add(entry, "AcctSvcrRef", str(row.seq))
    xml.add(entry, "BkTxCd/Prtry/Cd", xml.short(row.kind, 35))
    details = xml.add(entry, "NtryDtls/TxDtls")
    if row.kind == "payout" and 0 < len(row.memo) <= 35:
        xml.add(details, "Refs/EndToEndId", row.memo)
    xml.add(details, "AddtlTxInf", row.transfer)
    xml.add(entry, "AddtlNtryInf", f"exact {Money(row.nano, row.currency)}")
