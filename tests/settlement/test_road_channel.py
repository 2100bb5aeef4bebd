"""The channel between two hubs: in order, each once, whatever the line and the processes do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from tests.settlement.road_pair import Side, exchange, pair
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server.delivering import wait_ms
from tradelane.settlement.ehub.server.road import channel, peers
from tradelane.settlement.ehub.server.road.channel import Told
from tradelane.settlement.ehub.server.road.rounds import read_answer
from tradelane.settlement.ehub.server.road.tables import copies, inbox, outbox
from tradelane.settlement.ehub.wire_road_messages import MOST_MESSAGES, Envelope, Message, Receipt
from tradelane.settlement.problem import Problem


@pytest.fixture
def hubs() -> Iterator[tuple[Side, Side]]:
    ams, lon = pair()
    yield ams, lon
    for side in (ams, lon):
        side.engine.dispose()


def tell(side: Side, other: str, count: int, first: int = 0) -> None:
    """Messages that each leave a trace of their own."""

    def write(conn: Connection) -> None:
        for n in range(first, first + count):
            body = said.CopyOf(kind="shipment", id=f"p{n}", body={"n": n})
            channel.write(conn, other, body, side.at)

    side.do(write)


def envelope(side: Side) -> Envelope:
    side.hurry()
    (parcel,) = side.parcels()
    return Envelope.model_validate_json(parcel.envelope(side.road))


def taken(side: Side) -> list[str]:
    return list(side.do(lambda conn: conn.execute(select(copies.c.id).order_by(copies.c.id)).scalars().all()))


def only(given: Envelope, *places: int) -> Envelope:
    return given.model_copy(update={"messages": [given.messages[n] for n in places]})


def test_a_repeated_number_has_no_second_effect_and_the_first_answer(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    nonsense = said.Hello(closed=1)
    ams.do(lambda conn: channel.write(conn, "lon", nonsense, ams.at))
    tell(ams, "lon", 1)
    given = envelope(ams)
    first = lon.receive(given)
    assert first is not None and first.received == 3
    assert [(one.number, one.error.error_code) for one in first.refused] == [(2, "3100")]
    lon.do(lambda conn: conn.execute(copies.delete()))
    assert lon.receive(given) == first
    assert lon.receive(only(given, 0)) == first
    assert taken(lon) == []
    assert lon.do(lambda conn: conn.execute(select(inbox.c.number)).scalars().all()) == [1, 2, 3]


def test_a_gap_is_refused_and_the_answer_says_from_where(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    tell(ams, "lon", 3)
    given = envelope(ams)
    assert lon.receive(only(given, 1, 2)) == Receipt(received=1)
    assert taken(lon) == []
    assert lon.receive(only(given, 0, 2)) == Receipt(received=2)
    assert lon.receive(only(given, 2, 1)) == Receipt(received=4)
    assert taken(lon) == ["p0", "p1", "p2"]


def test_another_message_under_a_number_is_refused_whole(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    tell(ams, "lon", 2)
    given = envelope(ams)
    lon.receive(only(given, 0))
    other = Message(number=2, kind="copy-of", body={"kind": "shipment", "id": "x", "body": {}})
    with pytest.raises(Problem, match="another message"):
        lon.receive(given.model_copy(update={"messages": [other, given.messages[1]]}))
    assert taken(lon) == ["p0"]


@pytest.mark.parametrize(("dies", "there"), [("before", []), ("after", ["p0"])])
def test_a_crash_before_or_after_the_commit(hubs: tuple[Side, Side], dies: str, there: list[str]) -> None:
    ams, lon = hubs
    tell(ams, "lon", 1)
    assert lon.receive(envelope(ams), dies=dies) is None
    assert taken(lon) == there
    exchange(ams, lon)
    assert taken(lon) == ["p0"]


def test_what_nobody_answered_waits_longer_and_longer_and_is_never_given_up(hubs: tuple[Side, Side]) -> None:
    ams, _ = hubs
    tell(ams, "lon", 1)
    for failures in range(12):
        (parcel,) = ams.parcels()
        ams.heard(parcel, Told())
        assert ams.parcels() == []
        ams.at += wait_ms(failures)
    assert len(ams.parcels()) == 1


def test_a_peer_that_lost_what_it_had_gets_it_again(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    tell(ams, "lon", 2)
    exchange(ams, lon)
    tell(ams, "lon", 1, first=2)
    (parcel,) = ams.parcels()
    assert [one.number for one in parcel.messages] == [4]
    ams.heard(parcel, Told(Receipt(received=1)))
    assert [one.number for one in ams.parcels()[0].messages] == [2, 3, 4]


@pytest.mark.parametrize("received", [1, 99])
def test_an_old_or_impossible_receipt_changes_nothing(hubs: tuple[Side, Side], received: int) -> None:
    ams, lon = hubs
    tell(ams, "lon", 2)
    (old,) = ams.parcels()
    exchange(ams, lon)
    ams.heard(old, Told(Receipt(received=received)))
    assert ams.do(lambda conn: peers.row(conn, "lon")).acknowledged == 3


def test_many_messages_go_in_several_envelopes(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    tell(ams, "lon", 2 * MOST_MESSAGES + 1)
    assert exchange(ams, lon) == 3
    assert len(taken(lon)) == 2 * MOST_MESSAGES + 1


def test_a_kind_nobody_knows_is_refused_and_noted(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs

    class Unheard(said.Ask):
        pass

    ams.do(lambda conn: channel.write(conn, "lon", Unheard(transfer="t"), ams.at))
    tell(ams, "lon", 1)
    exchange(ams, lon)
    noted = select(outbox.c.error).where(outbox.c.kind == "unheard")
    assert "2002" in ams.do(lambda conn: conn.execute(noted).scalar_one())
    assert taken(lon) == ["p0"]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b'{"received": 3}', Told(Receipt(received=3))),
        (200, b"<html>", Told()),
        (503, b'{"received": 3}', Told()),
        (401, b"", Told()),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, told: Told) -> None:
    assert read_answer(status, body) == told


def test_a_conflict_is_for_good(hubs: tuple[Side, Side]) -> None:
    ams, _ = hubs
    tell(ams, "lon", 1)
    (parcel,) = ams.parcels()
    ams.heard(parcel, read_answer(409, b""))
    assert (ams.do(lambda conn: peers.row(conn, "lon")).state, ams.parcels()) == ("broken", [])
