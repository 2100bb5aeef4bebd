"""What each member gets to keep of a settlement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, insert, select

from tradelane.market.units import iso
from tradelane.settlement.accounts import member_of
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.chain import canonical
from tradelane.settlement.ehub.server.openpayments import events
from tradelane.settlement.ehub.wire import Receipt, ReceiptLine, Total
from tradelane.settlement.ledger import Transfer

t = tables.receipts
MEMBER = "member:"
NOT_HASHED = {"seq", "hash"}


def issue(
    conn: Connection, moved: Sequence[Transfer], settlement: str, contract: str, at: int,
    policies: Mapping[str, str] = {},
) -> list[str]:  # fmt: skip
    """One receipt for each member account touched, in the order the transfers touch them; their ids.
    ``policies``: which of the platform's rules applied to an account."""
    touched = dict.fromkeys(name for one in moved for name in (one.source, one.target))
    members = [name for name in touched if name.startswith(MEMBER)]
    if not members:
        return []
    last = conn.execute(_LAST).scalar_one() or 0
    made = [
        receipt(moved, name, last + n, settlement, contract, at, policies.get(name))
        for n, name in enumerate(members, 1)
    ]
    conn.execute(insert(t), [_row(one, at) for one in made])
    events.write(conn, [(member_of(one.account), events.RECEIPT, one) for one in made], at)
    return [one.receipt for one in made]


def receipt(
    moved: Sequence[Transfer], account: str, seq: int, settlement: str, contract: str, at: int,
    policy: str | None = None,
) -> Receipt:  # fmt: skip
    """The lines of ``account``: received is positive, paid negative."""
    signed = [
        (one, one.amount.nano if one.target == account else -one.amount.nano)
        for one in moved
        if account in (one.source, one.target)
    ]
    currency = signed[0][0].amount.currency
    lines = [
        ReceiptLine(
            kind=one.kind,
            amount=Total.of(nano, currency),
            memo=one.memo,
            counterparty=one.source if one.target == account else one.target,
        )
        for one, nano in signed
    ]
    made = Receipt(
        seq=seq,
        receipt=f"{settlement}/{account}",
        account=account,
        settlement=settlement,
        contract=contract,
        lines=lines,
        policy=policy,
        at=iso(at),
        hash="",
        total=Total.of(sum(nano for _, nano in signed), currency),
    )
    return made.model_copy(update={"hash": receipt_hash(made)})


def receipt_hash(made: Receipt) -> str:
    """SHA-256, in hex, of the canonical JSON of all fields but ``seq``, ``hash`` and those that are null."""
    fields = made.model_dump(mode="json", exclude=NOT_HASHED, exclude_none=True)
    return hashlib.sha256(canonical(fields)).hexdigest()


def _row(made: Receipt, at: int) -> dict[str, object]:
    return {
        "seq": made.seq,
        "receipt": made.receipt,
        "account": made.account,
        "settlement": made.settlement,
        "contract": made.contract,
        "body": made.model_dump_json(),
        "at": at,
        "hash": bytes.fromhex(made.hash),
    }


_LAST = select(func.max(t.c.seq))
