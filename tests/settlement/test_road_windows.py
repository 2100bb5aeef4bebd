"""Windows of two and three hubs: the same lists, agreed, netted and settled; or the first difference."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete, select, update

from tests.settlement.road_pair import RATES, WINDOW_MS, Side, exchange, owed, pair, road
from tradelane.market.units import Money
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.road import channel, comparing, holds, peers, settling, windows
from tradelane.settlement.ehub.server.road import payments as payments_here
from tradelane.settlement.ehub.server.road.tables import inbox, payments
from tradelane.settlement.ehub.wire_road import PaymentState, Recheck, WindowAnswer, WindowReport
from tradelane.settlement.problem import Problem


@pytest.fixture
def hubs() -> Iterator[tuple[Side, Side]]:
    ams, lon = pair()
    yield ams, lon
    for side in (ams, lon):
        side.engine.dispose()


def pay(payer: Side, payee: Side, id: str, value: str, *others: Side) -> None:
    payer.ask(id, payee, value)
    exchange(*dict.fromkeys((payer, payee, *others)))
    payer.send(id)
    exchange(*dict.fromkeys((payer, payee, *others)))
    assert (payer.state(id), payee.state(id)) == ("COMMITTED", "COMMITTED")


def next_window(*sides: Side) -> None:
    for side in sides:
        side.at += WINDOW_MS
    exchange(*sides)


def told(side: Side) -> list[WindowAnswer]:
    """The windows in which something was paid, or is disputed."""
    found = side.do(lambda conn: windows.listed(conn, side.road, None, None, 0, 1000))
    return [one for one in found if one.mine.entries or one.state == "disputed"]


def test_an_agreed_window_is_settled_and_the_next_begins(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    pay(ams, lon, "q1", "10")
    pay(lon, ams, "q2", "3")
    pay(ams, lon, "q3", "1")
    before = owed(ams, lon)
    assert told(ams) == []
    next_window(ams, lon)
    ((mine,), (theirs,)) = told(ams), told(lon)
    assert (mine.state, theirs.state) == ("settled", "settled")
    assert (mine.mine, mine.theirs) == (theirs.theirs, theirs.mine)
    assert mine.mine.entries == 3 and mine.mine.head == theirs.mine.head
    for side, other in ((ams, lon), (lon, ams)):
        assert set(owed(side, other).values()) == {0}
        assert set(side.sums().values()) == {0}
        assert side.posted("netting:EUR").nano == side.posted("netting:GBP").nano == 0
    for currency in ("EUR", "GBP"):
        assert ams.posted(f"nostro:lon:{currency}").nano == before[currency]
        assert lon.posted(f"nostro:ams:{currency}").nano == -before[currency]
    pay(ams, lon, "q4", "2")
    next_window(ams, lon)
    assert [one.state for one in told(ams)] == ["settled", "settled"]
    so_far = {one.currency: one.owed for one in told(ams)[0].mine.sums}
    assert so_far == {currency: str(ams.posted(f"nostro:lon:{currency}")) for currency in ("EUR", "GBP")}


@pytest.mark.parametrize("ahead", [0, 1])
def test_at_a_border_the_window_is_that_of_the_hub_that_commits(hubs: tuple[Side, Side], ahead: int) -> None:
    border = (hubs[0].at // WINDOW_MS + 1) * WINDOW_MS
    for n, side in enumerate(hubs):
        side.at = border + (1_000 if n == ahead else -1_000)
    ams, lon = hubs
    pay(ams, lon, "q1", "10")
    pay(lon, ams, "q2", "10")
    windows_of = [{row.window for row in side.do(payments_of)} for side in hubs]
    assert windows_of == [{border // WINDOW_MS - 1, border // WINDOW_MS}] * 2
    next_window(ams, lon)
    next_window(ams, lon)
    assert [{one.state for one in told(side)} for side in hubs] == [{"settled"}] * 2


def payments_of(conn: Connection) -> list[PaymentState]:
    return payments_here.listed(conn, None, 10).items


def test_a_hub_that_was_away_closes_later_and_nothing_is_lost(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    pay(ams, lon, "q1", "10")
    ams.at += 3 * WINDOW_MS
    exchange(ams, lon)
    assert told(ams) == []
    lon.at += 3 * WINDOW_MS
    exchange(ams, lon)
    pay(lon, ams, "q2", "10")
    next_window(ams, lon)
    assert [one.state for one in told(ams)] == ["settled", "settled"] == [one.state for one in told(lon)]
    assert set(owed(ams, lon).values()) == {0}


@pytest.mark.parametrize("victim", ["ams", "lon"])
def test_a_changed_amount_is_found_the_same_window_and_named(hubs: tuple[Side, Side], victim: str) -> None:
    ams, lon = hubs
    for n in range(5):
        pay(ams, lon, f"q{n}", str(n + 1))
    side = {"ams": ams, "lon": lon}[victim]
    line = tables.entries.c.id == holds.posted("q2" if side is ams else "ams/q2", 0)
    account = tables.accounts.c.account == f"road:{lon.name if side is ams else ams.name}:EUR"

    def tamper(by: int) -> None:
        nano = tables.entries.c.nano + by
        side.do(lambda conn: conn.execute(update(tables.entries).where(line).values(nano=nano)))
        posted = tables.accounts.c.posted_nano + (by if side is ams else -by)
        side.do(lambda conn: conn.execute(update(tables.accounts).where(account).values(posted_nano=posted)))

    tamper(1)
    next_window(ams, lon)
    found = {one.name: told(one)[0] for one in hubs}
    for name, window in found.items():
        assert window.state == "disputed"
        difference = window.difference
        assert difference is not None and difference.place == 2
        assert difference.mine is not None and difference.theirs is not None
        assert (difference.mine.transfer, difference.theirs.transfer) == ("q2", "q2")
        values = {name: difference.mine.amount.value, "other": difference.theirs.amount.value}
        more, less = Money.parse(max(values.values()), "EUR"), Money.parse(min(values.values()), "EUR")
        assert more.nano - less.nano == 1
        assert (values[name] == str(more)) == (name == victim)
    assert owed(ams, lon)["EUR"] > 0

    tamper(-1)
    question = Recheck(peer=lon.name if side is ams else ams.name, window=found["ams"].window)
    recheck(side, question)
    exchange(ams, lon)
    assert [told(one)[0].state for one in hubs] == ["settled", "settled"]
    assert told(ams)[0].difference is None
    with pytest.raises(Problem, match="settled"):
        recheck(side, question)


def recheck(side: Side, question: Recheck) -> None:
    command = Command("again", b"", side.at)
    side.do(lambda conn: comparing.recheck(conn, command, question, road=side.road))


def test_a_changed_balance_alone_is_found_and_its_currency_named(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    pay(ams, lon, "q1", "10")
    row = tables.accounts.c.account == "road:ams:EUR"
    less = tables.accounts.c.posted_nano - 7
    lon.do(lambda conn: conn.execute(update(tables.accounts).where(row).values(posted_nano=less)))
    next_window(ams, lon)
    for side in hubs:
        (window,) = told(side)
        assert window.state == "disputed" and window.difference is not None
        assert (window.difference.currency, window.difference.place) == ("EUR", None)


def test_a_payment_one_side_has_lost_is_named(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    for n in range(3):
        pay(ams, lon, f"q{n}", "1")
    lon.do(lambda conn: conn.execute(delete(payments).where(payments.c.transfer == "ams/q1")))
    next_window(ams, lon)
    difference = told(ams)[0].difference
    assert difference is not None and difference.mine is not None and difference.theirs is not None
    assert (difference.place, difference.mine.transfer, difference.theirs.transfer) == (1, "q1", "q2")


def triple() -> list[Side]:
    group = ("ams", "lon", "osl")
    currencies = {"ams": "EUR", "lon": "GBP", "osl": "NOK"}
    sides = [Side(road(name, currency, group=group)) for name, currency in currencies.items()]
    for side in sides:
        for other in sides:
            if other is not side:
                side.meet(other)
    exchange(*sides)
    return sides


def test_three_hubs_net_and_every_position_is_preserved() -> None:
    ams, lon, osl = sides = triple()
    everyone = tuple(sides)
    pay(ams, lon, "ring1", "10", *everyone)
    pay(lon, osl, "ring2", "100", *everyone)
    pay(osl, ams, "ring3", "20", *everyone)
    pay(ams, osl, "more", "30", *everyone)
    before = [
        {c: sum(owed(side, other)[c] for other in sides if other is not side) for c in RATES}
        for side in sides
    ]
    next_window(*sides)
    for side, position in zip(sides, before, strict=True):
        others = [other for other in sides if other is not side]
        assert {window.state for window in told(side)} == {"settled"}
        for currency in RATES:
            assert sum(abs(owed(side, other)[currency]) for other in others) == 0
            paid = [side.posted(f"nostro:{other.name}:{currency}").nano for other in others]
            assert sum(paid) == position[currency]
            assert side.posted(f"netting:{currency}").nano == 0
        assert set(side.sums().values()) == {0}
    for a in sides:
        for b in sides:
            for currency in RATES:
                here, there = a.posted(f"nostro:{b.name}:{currency}"), b.posted(f"nostro:{a.name}:{currency}")
                assert here.nano == -there.nano
    for side in sides:
        side.engine.dispose()


def test_nobody_settles_while_one_pair_of_the_group_disputes() -> None:
    ams, lon, osl = sides = triple()
    pay(ams, lon, "q1", "10", osl)
    pay(lon, osl, "q2", "100", ams)
    line = tables.entries.c.id == holds.posted("lon/q2", 0)
    osl.do(lambda conn: conn.execute(update(tables.entries).where(line).values(nano=1)))
    next_window(*sides)
    assert [one.state for one in told(ams)] == ["agreed"]
    assert {one.state for one in told(osl)} == {"disputed"}
    assert owed(ams, lon)["EUR"] > 0
    for side in sides:
        side.engine.dispose()


def test_positions_that_do_not_mirror_each_other_settle_nothing() -> None:
    ams, lon, osl = sides = triple()
    pay(ams, lon, "q1", "10", osl)
    for side in sides:
        side.at += WINDOW_MS
    (window,) = {side.at // WINDOW_MS - 1 for side in sides}
    lie = said.Positions(
        window=window,
        group=["ams", "lon", "osl"],
        nets=[said.Net(peer="lon", currency="EUR", net="5")],
    )
    osl.do(lambda conn: settling.positions_told(conn, osl.road, "ams", lie, osl.at))
    exchange(*sides)
    assert osl.posted("nostro:ams:EUR").nano == 0
    assert {one.state for one in told(ams)} == {"settled"}
    for side in sides:
        side.engine.dispose()


@pytest.mark.parametrize(
    "body",
    [
        said.Reported(window=2**60, report=WindowReport(entries=0, head="", sums=[])),
        said.Compare(window=1, start=3, step=1, end=2, hashes=[]),
        said.Differs(window=1, place=0, entry=None),
        said.Positions(window=1, group=["ams", "lon"], nets=[]),
        said.Hello(closed=1),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_makes_no_sense_is_refused_by_number(hubs: tuple[Side, Side], body: said.Hello) -> None:
    ams, lon = hubs
    lon.do(lambda conn: channel.write(conn, "ams", body, lon.at))
    exchange(ams, lon)
    last = select(inbox.c.error).order_by(inbox.c.number.desc()).limit(1)
    assert "3100" in ams.do(lambda conn: conn.execute(last).scalar_one())


def test_a_window_on_its_way_waits_for_a_hello() -> None:
    ams, lon = Side(road("ams", "EUR")), Side(road("lon", "GBP"))
    ams.meet(lon)
    ams.at += WINDOW_MS
    assert ams.tick() == 1
    assert ams.do(lambda conn: peers.row(conn, "lon")).compared is None
    lon.meet(ams)
    exchange(ams, lon)
    lon.at += WINDOW_MS
    pay(ams, lon, "q1", "1")
    next_window(ams, lon)
    next_window(ams, lon)
    assert {one.state for one in told(ams)} == {"settled"}
    for side in (ams, lon):
        side.engine.dispose()
