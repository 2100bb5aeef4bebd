"""What may leave a member's account for a contract and on a day, by its level."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.settlement.hubs import ANA, BEN, NOW, Hub, assert_problem, eur, leg, reservation, settlement
from tests.settlement.test_hub_members import ANA as REGISTRATION
from tests.settlement.test_reserving import books, status
from tradelane.gateway.store import Store, open_engine, opened
from tradelane.settlement.ehub.server import limits, reserving, tables
from tradelane.settlement.ehub.server.commands import Answer, Command, Result
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.wire import Reserve
from tradelane.settlement.member import day_of
from tradelane.settlement.problem import Problem

DAY = 86_400_000
CONTRACT_EUR, DAY_EUR = 500, 1000
"""Of the lowest level."""
MEMBERS = "/supervision/members"
ASKED = st.builds(
    reservation,
    st.sampled_from([f"r{n}" for n in range(7)]),
    st.sampled_from(["100", "300", "400", "500", "501"]),
    st.sampled_from([ANA, BEN]),
    st.sampled_from(["c1", "c2", "c3"]),
    st.sampled_from(["EUR", "EUR", "GBP"]),
)


@pytest.fixture(scope="module")
def rich(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ana has 3100 EUR."""
    path = Path(shutil.copy(furnished, tmp_path_factory.mktemp("rich") / "hub.sqlite"))
    with opened(path, PLACE, HEAD) as store, store.engine.begin() as conn:
        give(conn, "3000")
    return path


def give(conn: Connection, value: str) -> None:
    from tradelane.settlement.ehub.server import payments
    from tradelane.settlement.ehub.wire import Deposit

    amount = {"currency": "EUR", "value": value}
    question = Deposit.model_validate({"account": ANA, "amount": amount})
    payments.deposit(conn, Command(f"give/{value}", b"", NOW), question)


@pytest.fixture
def hub(market: Hub) -> Hub:
    with market.store.engine.begin() as conn:
        give(conn, "4000")
    return market


def spent(conn: Connection) -> list[Any]:
    t = tables.spending
    return list(conn.execute(select(t.c.account, t.c.day, t.c.nano).order_by(t.c.account)).all())


def outcome(template: Path, groups: Sequence[Sequence[dict[str, Any]]]) -> tuple[list[Any], list[Any]]:
    with TemporaryDirectory() as folder:
        engine = open_engine(Path(shutil.copy(template, folder)))
        answers = []
        with engine.begin() as conn:
            for group in groups:
                asked = [(Command(str(n), b"", NOW), Reserve(**body)) for n, body in enumerate(group)]
                answers += [status(result) for result in reserving.reserve(conn, asked)]
            found = [books(conn), spent(conn)]
        engine.dispose()
    return answers, found


@settings(max_examples=12)
@given(st.lists(ASKED, min_size=1, max_size=9))
def test_many_at_once_are_limited_as_one_after_the_other(rich: Path, asked: list[dict[str, Any]]) -> None:
    answers, found = outcome(rich, [asked])
    assert (answers, found) == outcome(rich, [[one] for one in asked])
    granted = [one for one, (code, _) in zip(asked, answers, strict=True) if code == 201]
    for account in (ANA, BEN):
        mine = [one for one in granted if one["account"] == account]
        values = {
            c: [int(o["amount"]["value"]) for o in mine if o["contract"] == c] for c in ("c1", "c2", "c3")
        }
        assert all(sum(some) <= CONTRACT_EUR for some in values.values())
        assert sum(map(sum, values.values())) <= DAY_EUR
    counted = sum(int(one["amount"]["value"]) for one in granted) * 10**9
    assert sum(row.nano for row in found[1]) == counted


def reserve(hub: Hub, name: str, value: str, contract: str | None = None) -> Any:
    return hub.post("/reservations", reservation(name, value, contract=contract or name), f"{name}/{value}")


def test_a_refusal_says_the_limit_the_sum_and_what_is_left(hub: Hub) -> None:
    over = reserve(hub, "r1", "500.01")
    assert_problem(over, 409, "contract-limit", "amount")
    assert reserve(hub, "r1", "300").status_code == 201
    second = reserve(hub, "r2", "201", "r1")
    assert_problem(second, 409, "contract-limit", "amount")
    assert "at most 500 EUR may leave for one contract; 300 EUR did already, 200 EUR is left" in second.text
    assert reserve(hub, "r3", "450").status_code == 201
    third = reserve(hub, "r4", "251")
    assert_problem(third, 409, "day-limit", "amount")
    told = "at most 1000 EUR may leave on one day (UTC); on 2026-06-21 750 EUR did already, 250 EUR is left"
    assert told in third.text
    assert reserve(hub, "r5", "250").status_code == 201
    assert_problem(reserve(hub, "r6", "0.01"), 409, "day-limit", "amount")
    assert hub.balances()[ANA] == ("4100", "1000")


def test_a_higher_level_has_higher_limits_at_once(hub: Hub) -> None:
    assert hub.post(MEMBERS, REGISTRATION, "ana/register").status_code == 201
    assert_problem(reserve(hub, "r1", "501"), 409, "contract-limit", "amount")
    assert hub.post(f"{MEMBERS}/ana/level", {"level": "verified"}, "raise").status_code == 200
    assert hub.post("/reservations", reservation("r1", "2000"), "again").status_code == 201
    assert hub.post(f"{MEMBERS}/ana/level", {"level": "anonymous-small"}, "lower").status_code == 200
    late = reserve(hub, "r2", "1")
    assert_problem(late, 409, "day-limit", "amount")
    assert "0 EUR is left" in late.text


def test_what_is_let_go_is_given_back(hub: Hub) -> None:
    assert reserve(hub, "r1", "500").status_code == 201
    assert reserve(hub, "r2", "500").status_code == 201
    assert hub.post("/reservations/r1/release", None, "let go").status_code == 200
    assert reserve(hub, "r3", "400").status_code == 201
    paid = settlement("s2", "r2", "r2", [leg(ANA, "fx:EUR", "120")])
    assert hub.post("/settlements", paid, "s2").status_code == 201
    with hub.store.engine.connect() as conn:
        assert spent(conn) == [(ANA, "2026-06-21", eur("520").nano)]
    assert reserve(hub, "r4", "480").status_code == 201
    assert_problem(reserve(hub, "r5", "1"), 409, "day-limit", "amount")


def test_payouts_count_on_the_same_day(hub: Hub) -> None:
    def payout(value: str, key: str) -> Any:
        body = {
            "account": ANA, "amount": {"currency": "EUR", "value": value}, "creditor": "Ana",
            "iban": "ES9121000418450200051332", "end_to_end": "rent",
        }  # fmt: skip
        return hub.post("/payouts", body, key)

    assert_problem(payout("501", "p0"), 409, "contract-limit", "amount")
    assert [payout("500", key).status_code for key in ("p1", "p2")] == [201, 201]
    assert_problem(payout("1", "p3"), 409, "day-limit", "amount")
    assert_problem(reserve(hub, "r1", "1"), 409, "day-limit", "amount")


def at(conn: Connection, name: str, value: str, when: int) -> Result:
    question = Reserve(**reservation(name, value, contract=name))
    return reserving.reserve(conn, [(Command(name, b"", when), question)])[0]


def test_each_day_is_counted_for_itself_from_midnight_utc(rich: Path, tmp_path: Path) -> None:
    assert day_of(NOW) != day_of(NOW - 1), "NOW is midnight"
    engine = open_engine(Path(shutil.copy(rich, tmp_path)))
    with engine.begin() as conn:
        for day in range(3):
            for n in range(3):
                when = NOW + day * DAY + n * (DAY // 2 - 1)
                result = at(conn, f"r{day}.{n}", "500", when)
                assert isinstance(result, Problem if n == 2 else Answer), (day, n)
        assert [row.nano for row in spent(conn)] == [eur("1000").nano] * 3
    engine.dispose()


def test_before_there_was_a_rule_there_is_no_limit(rich: Path, tmp_path: Path) -> None:
    engine = open_engine(Path(shutil.copy(rich, tmp_path)))
    with engine.begin() as conn:
        assert isinstance(at(conn, "r1", "3000", NOW - 300 * DAY), Answer)
        assert spent(conn) == []
    engine.dispose()


def test_payments_for_themselves_name_their_field_and_who_is_suspended(hub: Hub, store: Store) -> None:
    assert hub.post(MEMBERS, REGISTRATION, "ana/register").status_code == 201
    with hub.store.engine.begin() as conn:
        limits.spend(conn, ANA, eur("400"), NOW, "quoteId")
        limits.spend(conn, "fx:EUR", eur("99999"), NOW, "quoteId")
        with pytest.raises(Problem) as over:
            limits.spend(conn, ANA, eur("501"), NOW, "quoteId")
        assert [field for field, _ in over.value.errors] == ["quoteId"]
    assert hub.post(f"{MEMBERS}/ana/suspension", {"reason": "asked to"}, "s").status_code == 200
    with hub.store.engine.begin() as conn, pytest.raises(Problem) as refused:
        limits.spend(conn, ANA, eur("1"), NOW, "quoteId")
    assert refused.value.code == "suspended"
    assert_problem(reserve(hub, "r1", "1"), 403, "suspended", "account")
