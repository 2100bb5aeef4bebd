"""Payments over the road: both legs or none, in two currencies, to the nano-unit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import Connection, Select, select, update

from tests.settlement.road_pair import LIMIT, START, Side, exchange, owed, pair, road
from tradelane.market.units import MINUTE, NANO, iso
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.road import channel, holds, quotes
from tradelane.settlement.ehub.server.road.tables import outbox, payments
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_road import PaymentState, QuoteAnswer
from tradelane.settlement.problem import Problem
from tradelane.settlement.road import AmountType, Release


@pytest.fixture
def hubs() -> Iterator[tuple[Side, Side]]:
    ams, lon = pair()
    yield ams, lon
    for side in (ams, lon):
        assert set(side.sums().values()) == {0}
        side.engine.dispose()


def test_a_payment_in_two_currencies(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    asked = QuoteAnswer.model_validate_json(ams.ask("q1", lon, "10").text)
    assert (asked.state, asked.send) == ("asked", None)
    exchange(ams, lon)
    assert ams.quote_state("q1") == "quoted"
    sent = PaymentState.model_validate_json(ams.send("q1").text)
    assert (sent.state, sent.send.value, sent.fee.value, sent.receive.value) == (
        "RESERVED",
        "12.07206",
        "0.01206",
        "10",
    )
    assert (str(ams.posted(ams.member)), ams.held()) == (str(START), 12_072_060_000)
    exchange(ams, lon)
    assert (ams.state("q1"), lon.state("q1"), ams.quote_state("q1")) == ("COMMITTED", "COMMITTED", "used")
    assert str(ams.posted(ams.member)) == "987.92794"
    assert str(lon.posted(lon.member)) == "1010"
    assert str(ams.posted("road:lon:EUR")) == "12.07206"
    assert str(lon.posted("road:ams:EUR")) == "-12.07206"
    assert [str(lon.posted(a)) for a in ("fx:EUR", "fx:GBP", "road-fees:EUR")] == ["12.06", "-10", "0.01206"]
    assert (ams.held(), lon.held()) == (0, 0)


def test_what_is_sent_may_be_fixed_instead(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "12.07206", AmountType.SEND)
    exchange(ams, lon)
    ams.send("q1")
    exchange(ams, lon)
    assert str(lon.posted(lon.member)) == "1010"


def test_both_ways_are_one_balance(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    for payer, payee, id in ((ams, lon, "there"), (lon, ams, "back")):
        payer.ask(id, payee, "5")
        exchange(ams, lon)
        payer.send(id)
    exchange(ams, lon)
    assert owed(ams, lon) == {currency: -nano for currency, nano in owed(lon, ams).items()}
    assert owed(ams, lon)["EUR"] > 0 > owed(ams, lon)["GBP"]


def test_goods_are_paid_when_they_came(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1", release=Release.ON_ORDER)
    exchange(ams, lon)
    assert (ams.state("q1"), lon.state("q1")) == ("RESERVED", "RESERVED")
    assert lon.held() > 0
    lon.fulfil("q1")
    assert (ams.state("q1"), lon.state("q1")) == ("RESERVED", "COMMITTED")
    exchange(ams, lon)
    assert ams.state("q1") == "COMMITTED"
    with pytest.raises(Problem, match="COMMITTED"):
        lon.reject("q1")


def test_goods_that_were_refused_are_paid_back(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1", release=Release.ON_ORDER)
    exchange(ams, lon)
    lon.reject("q1")
    exchange(ams, lon)
    assert (ams.state("q1"), lon.state("q1"), ams.held(), lon.held()) == ("ABORTED", "ABORTED", 0, 0)
    assert str(ams.posted(ams.member)) == str(START)
    row = ams.do(lambda conn: conn.execute(select(payments.c.error)).scalar_one())
    assert json.loads(row)["error_code"] == "5105"


def test_time_ends_it_at_the_payee_s_hub_first_and_the_payer_asks(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1", lasts=2 * MINUTE, release=Release.ON_ORDER)
    exchange(ams, lon)
    ams.at += 2 * MINUTE
    ams.tick()
    assert (ams.state("q1"), ams.held()) == ("RESERVED", 12_072_060_000)
    exchange(ams, lon)
    assert (ams.state("q1"), lon.state("q1")) == ("RESERVED", "RESERVED")
    lon.at += 2 * MINUTE - ams.road.margin_ms
    with pytest.raises(Problem, match="time is over"):
        lon.fulfil("q1")
    exchange(ams, lon)
    assert (ams.state("q1"), lon.state("q1"), ams.held(), lon.held()) == ("ABORTED", "ABORTED", 0, 0)


def test_a_prepare_the_peer_refused_by_form_ends_when_it_is_asked_for(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1")
    broken = update(outbox).where(outbox.c.kind == "prepare").values(body='{"transfer":"q1"}')
    ams.do(lambda conn: conn.execute(broken))
    exchange(ams, lon)
    refused = select(outbox.c.error).where(outbox.c.kind == "prepare")
    assert "3101" in ams.do(lambda conn: conn.execute(refused).scalar_one())
    assert (ams.state("q1"), lon.state("q1")) == ("RESERVED", None)
    ams.at += 5 * MINUTE
    exchange(ams, lon)
    assert (ams.state("q1"), ams.held()) == ("ABORTED", 0)


def test_a_peer_may_owe_so_much_and_no_more(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, str(LIMIT))
    exchange(ams, lon)
    ams.send("q1")
    exchange(ams, lon)
    assert (ams.state("q1"), ams.held(), lon.state("q1")) == ("ABORTED", 0, None)
    error = ams.do(lambda conn: conn.execute(select(payments.c.error)).scalar_one())
    assert json.loads(error)["error_code"] == "4001"


@pytest.mark.parametrize(
    ("payee", "currency", "code"),
    [("member:nobody:GBP", "GBP", "3204"), ("fx:GBP", "GBP", "3204"), ("member:lon:GBP", "EUR", "5106")],
)
def test_quotes_that_are_refused(hubs: tuple[Side, Side], payee: str, currency: str, code: str) -> None:
    ams, lon = hubs
    body = said.Quote(
        quote="q1",
        currency="EUR",
        payee=payee,
        amount=PositiveAmount(currency=currency, value="1"),
        amount_type=AmountType.RECEIVE,
    )
    ams.ask("q1", lon, "1")
    text = update(outbox).where(outbox.c.kind == "quote").values(body=body.model_dump_json())
    ams.do(lambda conn: conn.execute(text))
    exchange(ams, lon)
    row = ams.do(lambda conn: quotes.by_id(conn, "q1"))
    assert row is not None and row.state == "refused"
    assert json.loads(row.error)["error_code"] == code


def test_commands_that_are_refused(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    with pytest.raises(Problem, match="no such quote"):
        ams.send("q1")
    ams.ask("q1", lon, "10")
    with pytest.raises(Problem, match="exists already"):
        ams.ask("q1", lon, "10")
    with pytest.raises(Problem, match="this quote is asked"):
        ams.send("q1")
    exchange(ams, lon)
    with pytest.raises(Problem, match="31 days"):
        ams.send("q1", lasts=ams.road.margin_ms)
    ams.at += ams.road.quote_ms
    with pytest.raises(Problem, match="has expired"):
        ams.send("q1")
    stranger = Side(road("osl", "NOK"))
    with pytest.raises(Problem, match="no such peer"):
        ams.ask("q2", stranger, "1")
    stranger.engine.dispose()


def test_who_has_not_enough_sends_nothing(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "1000")
    exchange(ams, lon)
    with pytest.raises(Problem) as refused:
        ams.send("q1")
    assert (refused.value.status, refused.value.code) == (402, "insufficient-funds")
    assert (ams.state("q1"), ams.quote_state("q1")) == (None, "quoted")


def test_an_expired_quote_is_not_prepared(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1")
    lon.at += lon.road.quote_ms
    exchange(ams, lon)
    assert (ams.state("q1"), lon.state("q1"), ams.held()) == ("ABORTED", None, 0)


def test_a_wrong_fulfilment_moves_nothing(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1", release=Release.ON_ORDER)
    exchange(ams, lon)
    bad = said.Fulfil(transfer="q1", fulfilment="A" * 43, window=2**40, number=1, completed=iso(lon.at))
    lon.do(lambda conn: channel.write(conn, "ams", bad, lon.at))
    exchange(ams, lon)
    assert ams.state("q1") == "RESERVED"
    lon.fulfil("q1")
    exchange(ams, lon)
    assert ams.state("q1") == "COMMITTED"


def said_in(query: Select[tuple[str]], conn: Connection) -> str:
    return str(conn.execute(query).scalar_one())


def test_the_ledger_says_which_payment_it_was(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1")
    exchange(ams, lon)
    for side, id in ((ams, "q1"), (lon, "ams/q1")):
        wanted = select(tables.entries.c.contract).where(tables.entries.c.id == holds.posted(id, 0))
        assert side.do(partial(said_in, wanted)) == f"road/{id}"
    assert ams.posted("road:lon:EUR").nano < NANO * LIMIT


def test_hubs_make_their_ids_each_for_itself(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    for payer, payee in ((ams, lon), (lon, ams)):
        payer.ask("same", payee, "5")
    exchange(ams, lon)
    for payer in hubs:
        payer.send("same")
    exchange(ams, lon)
    for side, other in ((ams, "lon"), (lon, "ams")):
        rows = side.do(lambda conn: conn.execute(select(payments.c.transfer, payments.c.state)).all())
        assert dict(map(tuple, rows)) == {"same": "COMMITTED", f"{other}/same": "COMMITTED"}
