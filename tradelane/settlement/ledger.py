"""Double entry, pure: accounts, transfers between two of them, and the rules both sides live by.

Always true: a linked set of transfers takes effect whole or not at all; every transfer moves one positive
amount of one currency, so each currency's balances keep their sum; once a set is applied no available
balance (posted − held) has gone below its account's limit. A set is judged as a whole: an account may pass
below its limit between two transfers of the same set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tradelane.market.units import Money

GREATEST = 4 * 10**18
"""Greatest balance, in nano-units either side of zero, so that sums of two stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Account:
    """Balances in nano-units of ``currency``. ``held`` is the reserved part of ``posted``; ``limit`` the
    lowest allowed available balance, None for an account without one (an issuer, a currency desk)."""

    currency: str
    posted: int = 0
    held: int = 0
    limit: int | None = 0

    @property
    def available(self) -> int:
        return self.posted - self.held

    @property
    def within_limit(self) -> bool:
        return self.limit is None or self.available >= self.limit


@dataclass(frozen=True, slots=True)
class Transfer:
    """``amount`` from ``source`` to ``target``. ``id`` is made by whoever orders it; ``kind`` says why."""

    id: str
    source: str
    target: str
    amount: Money
    kind: str
    memo: str = ""


class Refusal(Enum):
    """Why a transfer is refused: the problem's code, the field at fault, and a sentence for a person."""

    SAME_ACCOUNT = ("same-account", "target", "source and target are the same account")
    NOT_POSITIVE = ("not-positive", "amount", "the amount must be greater than zero")
    UNKNOWN_SOURCE = ("unknown-account", "source", "no such account")
    UNKNOWN_TARGET = ("unknown-account", "target", "no such account")
    SOURCE_CURRENCY = ("currency-mismatch", "source", "the account is kept in another currency")
    TARGET_CURRENCY = ("currency-mismatch", "target", "the account is kept in another currency")
    DUPLICATE_ID = ("duplicate-id", "id", "this id was used for a different transfer")
    INSUFFICIENT_FUNDS = ("insufficient-funds", "amount", "the account would go below its limit")
    OUT_OF_RANGE = ("balance-out-of-range", "amount", "the balance would be too large to keep")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def field(self) -> str:
        return self.value[1]

    @property
    def reason(self) -> str:
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Refused:
    """The first transfer (its place in the set) that cannot be, and why."""

    index: int
    refusal: Refusal


def check(accounts: Mapping[str, Account], transfers: Sequence[Transfer]) -> Refused | None:
    """All that can be refused without looking at a balance."""
    seen: dict[str, Transfer] = {}
    for index, transfer in enumerate(transfers):
        refusal = _check_one(accounts, transfer)
        if seen.setdefault(transfer.id, transfer) is not transfer:
            refusal = Refusal.DUPLICATE_ID
        if refusal is not None:
            return Refused(index, refusal)
    return None


def _check_one(accounts: Mapping[str, Account], transfer: Transfer) -> Refusal | None:
    if transfer.amount.nano <= 0:
        return Refusal.NOT_POSITIVE
    if transfer.source == transfer.target:
        return Refusal.SAME_ACCOUNT
    if transfer.source not in accounts:
        return Refusal.UNKNOWN_SOURCE
    if transfer.target not in accounts:
        return Refusal.UNKNOWN_TARGET
    if accounts[transfer.source].currency != transfer.amount.currency:
        return Refusal.SOURCE_CURRENCY
    if accounts[transfer.target].currency != transfer.amount.currency:
        return Refusal.TARGET_CURRENCY
    return None


def net(transfers: Iterable[Transfer]) -> dict[str, int]:
    """What the set changes each account by, in nano-units; only accounts it changes."""
    changes: defaultdict[str, int] = defaultdict(int)
    for transfer in transfers:
        changes[transfer.source] -= transfer.amount.nano
        changes[transfer.target] += transfer.amount.nano
    return {account: change for account, change in changes.items() if change}


def apply(accounts: Mapping[str, Account], transfers: Sequence[Transfer]) -> dict[str, Account] | Refused:
    """The accounts the set changes, as they are afterwards; or the first reason why none of it happens."""
    refused = check(accounts, transfers)
    if refused is not None:
        return refused
    after = {
        name: replace(accounts[name], posted=accounts[name].posted + change)
        for name, change in net(transfers).items()
    }
    for name, account in after.items():
        if abs(account.posted) > GREATEST:
            return Refused(_touching(transfers, name), Refusal.OUT_OF_RANGE)
        if not account.within_limit and account.posted < accounts[name].posted:
            return Refused(_leaving(transfers, name), Refusal.INSUFFICIENT_FUNDS)
    return after


def _leaving(transfers: Sequence[Transfer], account: str) -> int:
    return next(i for i, transfer in enumerate(transfers) if transfer.source == account)


def _touching(transfers: Sequence[Transfer], account: str) -> int:
    return next(i for i, transfer in enumerate(transfers) if account in (transfer.source, transfer.target))
