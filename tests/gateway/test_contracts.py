"""Contracts as rows: what goes in comes out, and each moves on once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from tests.gateway.marketplace import FIRST
from tests.settlement.trades import contracts as made_contracts
from tradelane.gateway import contracts, migrations
from tradelane.gateway.store import Store, opened
from tradelane.gateway.tables import orders
from tradelane.market.product import Product
from tradelane.settlement.contract import Contract, State, WrongState
from tradelane.settlement.delivery import measure
from tradelane.settlement.settle import settle, to_reserve


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("contracts") / "zone.sqlite"
    with opened(path, migrations.PLACE, migrations.HEAD) as store:
        yield store


def on_time(contract: Contract) -> Contract:
    return replace(contract, product=replace(contract.product, delivery=FIRST))


def add(conn: Connection, contract: Contract, seq: int = 1) -> None:
    contracts.add(conn, [contract], [("sell-1", "buy-1")], seq, 5, 7)


@settings(max_examples=50)
@given(made_contracts(), st.booleans())
def test_a_row_settles_as_its_contract(store: Store, contract: Contract, goods: bool) -> None:
    """A row knows all that money depends on, whatever the configuration says later."""
    contract = on_time(replace(contract, continuous=goods))
    with store.engine.connect() as conn:
        add(conn, contract)
        (row,) = contracts.in_state(conn, State.AGREED)
        found = contracts.contract_of(row)
        assert to_reserve(found) == to_reserve(contract)
        for metered in (0, contract.sent // 2, contract.sent):
            ours, theirs = measure(metered, [contract])[0], measure(metered, [found])[0]
            assert settle(theirs, 100_000) == settle(ours, 100_000)
        assert (row["agreed_at"], row["agreed_wall"], row["seller_order"]) == (5, 7, "sell-1")
        conn.rollback()


def sample(id: str = "c1-0") -> Contract:
    from tests.settlement.trades import NL, POWER

    product: Product = replace(POWER, delivery=FIRST)
    return Contract(id, product, "a", NL, "b", NL, 10, 10, 1000, 1000)


def test_a_contract_moves_once_from_the_state_it_was_read_in(store: Store) -> None:
    with store.engine.connect() as conn:
        add(conn, sample())
        (agreed,) = contracts.in_state(conn, State.AGREED)
        contracts.move(conn, agreed, State.FUNDED, funded_wall=3)
        contracts.move(conn, agreed, State.REFUSED)
        (funded,) = contracts.in_state(conn, State.FUNDED, State.REFUSED)
        assert funded["state"] == "funded" and funded["funded_wall"] == 3
        with pytest.raises(WrongState):
            contracts.move(conn, funded, State.RELEASED)
        assert len(contracts.in_state(conn, State.FUNDED)) == 1
        conn.rollback()


def test_the_oldest_contract_comes_first(store: Store) -> None:
    with store.engine.connect() as conn:
        for seq in (30, 4, 12):
            add(conn, sample(f"c{seq}-0"), seq)
        assert [row["seq"] for row in contracts.in_state(conn, State.AGREED)] == [4, 12, 30]
        conn.rollback()


@pytest.mark.parametrize(("read", "expected"), [(100, 150), (None, None)])
def test_the_time_from_reading_to_order_is_kept(store: Store, read: int | None, expected: int | None) -> None:
    with store.engine.connect() as conn:
        conn.execute(
            insert(orders).values(
                id="sell-1", seq=1, product="p", zone="NL", member="a", side="sell", price=1, quantity=10,
                filled=0, state="open", at=0, received_wall=250, read_wall=read,
            )
        )  # fmt: skip
        add(conn, sample())
        (row,) = contracts.in_state(conn, State.AGREED)
        assert row["detail"]["offer_ms"] == expected
        conn.rollback()
