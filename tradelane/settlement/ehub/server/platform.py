"""What the platform takes of a sale, by the policy of the day and the size the seller registered.

Always true: over all settlements of a contract a member has paid the fee of what its sale brought it in all,
so that a correction moves only the difference. Whoever registered nothing counts as a small trader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from tradelane.market.units import Money
from tradelane.settlement import accounts, policy
from tradelane.settlement.ehub.server import members, tables
from tradelane.settlement.ehub.server.customs.assessing import day_of
from tradelane.settlement.ehub.wire import Receipt
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.policy import PolicyRule, Trader

FEE, SALE = "platform fee", "sale"
MEMBER = "member:"
SMALL = Trader(0)


class Levied(NamedTuple):
    """Transfers of fees, and the words for the receipt of each member that was paid."""

    fees: list[Transfer]
    memos: dict[str, str]


def levied(conn: Connection, moved: Sequence[Transfer], settlement: str, contract: str, at: int) -> Levied:
    """What is due of a settlement's sales at ``at`` (ms), named after the transfers it already has."""
    found = Levied([], {})
    for account, sold in _sales(moved).items():
        try:
            rule = policy.rule_for(trader_of(conn, account), day_of(at))
        except LookupError:
            continue
        if sold.nano > 0:
            found.memos[account] = rule.memo
        fee = _fee(conn, rule, account, contract, sold)
        if fee.nano:
            ends = (account, accounts.platform(fee.currency))
            source, target = ends if fee.nano > 0 else ends[::-1]
            amount = Money(abs(fee.nano), fee.currency)
            name = f"{settlement}/{len(moved) + len(found.fees)}"
            found.fees.append(Transfer(name, source, target, amount, FEE, rule.memo))
    return found


def trader_of(conn: Connection, account: str) -> Trader:
    """The size and age that the owner of a member's account registered."""
    id = account.removeprefix(MEMBER).rpartition(":")[0]
    member = members.find(conn, id)
    return SMALL if member is None else member.trader


def _sales(moved: Sequence[Transfer]) -> dict[str, Money]:
    """What each member's account was paid for sales, in all."""
    nano: defaultdict[str, int] = defaultdict(int)
    currency: dict[str, str] = {}
    for one in moved:
        if one.kind == SALE:
            for account, sign in ((one.target, 1), (one.source, -1)):
                if account.startswith(MEMBER):
                    nano[account] += sign * one.amount.nano
                    currency[account] = one.amount.currency
    return {account: Money(amount, currency[account]) for account, amount in nano.items()}


def _fee(conn: Connection, rule: PolicyRule, account: str, contract: str, sold: Money) -> Money:
    """The fee of all that the contract has brought, less what was taken of it before."""
    if not rule.fee_ppm:
        return Money(0, sold.currency)
    total, taken = sold.nano, 0
    for (body,) in conn.execute(_BEFORE, {"contract": contract, "account": account}):
        for line in Receipt.model_validate_json(body).lines:
            total += line.amount.money.nano if line.kind == SALE else 0
            taken -= line.amount.money.nano if line.kind == FEE else 0
    return Money(rule.fee(Money(total, sold.currency)).nano - taken, sold.currency)


_r = tables.receipts
_BEFORE = select(_r.c.body).where(
    _r.c.contract == bindparam("contract"), _r.c.account == bindparam("account")
)
