"""The books side by side: what a zone believes of its contracts, and what the e-hub has done.

Only reads. The zone is read before the e-hub, so that what the e-hub did meanwhile is not taken for a fault.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from tradelane.gateway.config import Config
from tradelane.gateway.contracts import contract_of
from tradelane.gateway.keys import load_token
from tradelane.gateway.tables import contracts, corrections, statements
from tradelane.settlement.contract import State
from tradelane.settlement.correction import correction_of
from tradelane.settlement.settle import value

Reading = Callable[[Path | str], AbstractContextManager[Connection]]
PAGE = 1_000


class NotReached(Exception):
    """The e-hub's books cannot be seen now."""


@dataclass(frozen=True, slots=True)
class Sold:
    """Watt-hours of released power contracts."""

    sent: int
    delivered: int
    imbalance: int


@dataclass(frozen=True, slots=True)
class ContractState:
    """``owes``: whether the seller gets (or, below zero, pays) anything for what was delivered."""

    state: State
    owes: bool


@dataclass(frozen=True, slots=True)
class HubBooks:
    """Sum of all accounts by currency (decimal text), and the settlements of each contract."""

    sums: Mapping[str, str]
    transfers: int
    chain_fault: str | None
    settled: Mapping[str, frozenset[str]]


_RELEASED_POWER = and_(contracts.c.state == State.RELEASED, contracts.c.commodity == "power")


def energy_sold(conn: Connection) -> Sold:
    columns = (contracts.c.sent, contracts.c.delivered, contracts.c.imbalance)
    row = conn.execute(select(*(func.coalesce(func.sum(c), 0) for c in columns)).where(_RELEASED_POWER)).one()
    return Sold(*row)


def energy_faults(conn: Connection) -> Iterator[str]:
    """Released power contracts whose energy does not add up, or was never metered."""
    c = contracts.c
    odd = select(c.id, c.sent, c.delivered, c.imbalance).where(
        _RELEASED_POWER,
        or_(
            c.delivered.is_(None),
            c.imbalance.is_(None),
            c.delivered < 0,
            c.imbalance < 0,
            c.sent != c.delivered + c.imbalance,
        ),
    )
    for row in conn.execute(odd):
        yield f"contract {row.id}: sold {row.sent} Wh, delivered {row.delivered}, imbalance {row.imbalance}"
    yield from _beyond_the_meter(conn)


def _beyond_the_meter(conn: Connection) -> Iterator[str]:
    c, s = contracts.c, statements.c
    delivered = (
        select(c.seller, c.interval_start, func.sum(c.delivered).label("delivered"))
        .where(_RELEASED_POWER)
        .group_by(c.seller, c.interval_start)
        .subquery()
    )
    d, later = delivered.c, corrections.c
    same = and_(s.member == d.seller, s.interval_start == d.interval_start)
    booked = and_(later.member == d.seller, later.interval_start == d.interval_start, later.booked)
    export = func.coalesce(later.export_wh, s.export_wh, 0)
    query = (
        select(delivered, export.label("export_wh"))
        .select_from(delivered.outerjoin(statements, same).outerjoin(corrections, booked))
        .where(d.delivered > export, d.delivered > func.coalesce(s.export_wh, 0))
    )
    for row in conn.execute(query):
        yield f"{row.seller} was paid for {row.delivered} Wh in an interval that metered {row.export_wh} Wh"


def contract_states(conn: Connection) -> dict[str, ContractState]:
    return {row["id"]: _state(row) for row in conn.execute(select(contracts)).mappings()}


def _state(row: RowMapping) -> ContractState:
    contract = contract_of(row)
    gets = value(contract.product, contract.seller_price, row["delivered"] or 0)
    return ContractState(State(row["state"]), gets != 0)


def half_paid(known: Mapping[str, ContractState], hub: HubBooks) -> Iterator[str]:
    """Contracts that one side calls paid and the other does not, or that were paid twice."""
    unpaid = {State.AGREED, State.REFUSED, State.FUNDED, State.DISPUTED, State.REFUNDED}
    for contract, its in known.items():
        settlements = hub.settled.get(contract, frozenset()) - {correction_of(contract)}
        if len(settlements) > 1:
            yield f"contract {contract} was settled {len(settlements)} times"
        elif its.state is State.RELEASED and its.owes and not settlements:
            yield f"contract {contract} is released here, but the e-hub never settled it"
        elif its.state in unpaid and settlements:
            yield f"contract {contract} is {its.state} here, but the e-hub settled it"


def hub_books(config: Config, reading: Reading) -> HubBooks:
    """From the e-hub's own database when its section is in ``config``, else over HTTP. NotReached."""
    if config.hub is not None:
        with reading(config.hub_place) as conn:
            return _from_file(conn)
    if config.zone is None or config.zone.hub_url is None or config.zone.hub_token_file is None:
        raise NotReached("the configuration names no e-hub")
    return asyncio.run(_over_http(config.zone.hub_url, load_token(config.zone.hub_token_file)))


def _from_file(conn: Connection) -> HubBooks:
    from tradelane.settlement.ehub.server import data
    from tradelane.settlement.ehub.server.tables import transfers

    balance, chain = data.trial_balance(conn), data.check_chain(conn)
    settled: defaultdict[str, set[str]] = defaultdict(set)
    pairs = select(transfers.c.contract, transfers.c.settlement).where(transfers.c.settlement.is_not(None))
    for contract, settlement in conn.execute(pairs.distinct()):
        settled[contract].add(settlement)
    sums = {currency.currency: currency.sum for currency in balance.currencies}
    return HubBooks(sums, chain.transfers, None if chain.ok else chain.reason, _frozen(settled))


async def _over_http(url: str, token: str) -> HubBooks:
    from tradelane.settlement.ehub.client import Backoff, HubClient, HubUnreachable

    client = HubClient(url, token, backoff=Backoff(attempts=1))
    try:
        balance, chain = await client.trial_balance(), await client.chain()
        settled: defaultdict[str, set[str]] = defaultdict(set)
        after: str | None = None
        while True:
            page = await client.transfers(after=after, limit=PAGE)
            for transfer in page.items:
                if transfer.contract is not None and transfer.settlement is not None:
                    settled[transfer.contract].add(transfer.settlement)
            after = page.next
            if after is None:
                break
    except HubUnreachable as error:
        raise NotReached(f"e-hub at {url} not reached: {error}") from None
    finally:
        await client.close()
    sums = {currency.currency: currency.sum for currency in balance.currencies}
    return HubBooks(sums, chain.transfers, None if chain.ok else chain.reason, _frozen(settled))


def _frozen(settled: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {contract: frozenset(settlements) for contract, settlements in settled.items()}
