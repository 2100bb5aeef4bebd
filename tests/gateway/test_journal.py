"""The journal as a property: what was appended is read back, and no change goes unnoticed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, update

from tradelane.gateway import journal
from tradelane.gateway.journal import GENESIS, Broken, Head
from tradelane.gateway.tables import journal as table
from tradelane.gateway.tables import metadata

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
BODY = st.dictionaries(
    TEXT, st.integers(-(2**60), 2**60) | TEXT | st.none() | st.lists(TEXT, max_size=2), max_size=3
)
EVENTS = st.lists(st.tuples(st.sampled_from(["order", "gate", "clearing"]), BODY), max_size=12)
SOME_EVENTS = st.lists(st.tuples(st.sampled_from(["order", "gate"]), BODY), min_size=1, max_size=12)


def fresh() -> Connection:
    conn = create_engine("sqlite://").connect()
    metadata.create_all(conn, tables=[table])
    return conn


@pytest.fixture
def conn() -> Iterator[Connection]:
    with fresh() as conn:
        yield conn


@given(EVENTS, st.data())
def test_what_is_appended_is_read_back_in_order(events: list[tuple[str, Any]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(events)))
    with fresh() as conn:
        assert journal.append_all(conn, events[:cut], at=7) == 1
        seqs = [journal.append(conn, kind, body, at=8) for kind, body in events[cut:]]
        assert seqs == list(range(cut + 1, len(events) + 1))
        entries = list(journal.read(conn))
        assert [(e.kind, e.body) for e in entries] == events
        assert [e.seq for e in entries] == list(range(1, len(events) + 1))
        assert journal.verify(conn) is None
        last = entries[-1].hash if entries else GENESIS
        assert journal.head(conn) == Head(len(events), last)


@given(
    EVENTS, st.integers(0, 13), st.sampled_from([None, ["order"], ["order", "gate"], []]), st.integers(0, 13)
)
def test_reading_filters_like_a_list(
    events: list[tuple[str, Any]], after: int, kinds: list[str] | None, limit: int
) -> None:
    naive = [
        seq for seq, (kind, _) in enumerate(events, 1) if seq > after and (kinds is None or kind in kinds)
    ]
    with fresh() as conn:
        journal.append_all(conn, events, at=7)
        assert [e.seq for e in journal.read(conn, after, kinds)] == naive
        assert [e.seq for e in journal.read(conn, after, kinds, limit)] == naive[:limit]


@given(SOME_EVENTS, st.data())
def test_a_changed_field_is_found_at_its_entry(events: list[tuple[str, Any]], data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, len(events)))
    column = data.draw(st.sampled_from(["at", "kind", "body", "prev", "hash"]))
    with fresh() as conn:
        journal.append_all(conn, events, at=7)
        row = conn.execute(table.select().where(table.c.seq == seq)).one()._mapping
        value = row[column]
        if isinstance(value, bytes):
            byte = data.draw(st.integers(0, len(value) - 1))
            value = value[:byte] + bytes([value[byte] ^ 1]) + value[byte + 1 :]
        else:
            value = value + 1 if isinstance(value, int) else value + "x"
        conn.execute(update(table).where(table.c.seq == seq).values({column: value}))
        broken = journal.verify(conn)
        assert broken is not None and broken.seq == seq


@given(SOME_EVENTS, st.data())
def test_a_cut_out_entry_is_named_unless_it_was_the_last(
    events: list[tuple[str, Any]], data: st.DataObject
) -> None:
    seq = data.draw(st.integers(1, len(events)))
    with fresh() as conn:
        journal.append_all(conn, events, at=7)
        conn.execute(delete(table).where(table.c.seq == seq))
        broken = journal.verify(conn)
        if seq == len(events):
            assert broken is None
        else:
            assert broken == Broken(seq, f"entry {seq} is missing (found {seq + 1})")


@given(st.lists(st.tuples(st.just("order"), BODY), min_size=2, max_size=8), st.data())
def test_a_rehashed_forgery_breaks_the_next_link(events: list[tuple[str, Any]], data: st.DataObject) -> None:
    """Whoever changes an entry and computes its hash anew is found one entry later."""
    seq = data.draw(st.integers(1, len(events) - 1))
    with fresh() as conn:
        journal.append_all(conn, events, at=7)
        row = conn.execute(table.select().where(table.c.seq == seq)).one()
        forged = journal.entry_hash(row.prev, seq, row.at, "forged", row.body.encode())
        conn.execute(update(table).where(table.c.seq == seq).values(kind="forged", hash=forged))
        broken = journal.verify(conn)
        assert broken == Broken(seq + 1, "its link is not the hash of the entry before")


def test_fields_cannot_flow_into_each_other() -> None:
    assert journal.entry_hash(GENESIS, 1, 23, "a", b"x") != journal.entry_hash(GENESIS, 12, 3, "a", b"x")
    assert journal.entry_hash(GENESIS, 1, 2, "ab", b"c") != journal.entry_hash(GENESIS, 1, 2, "a", b"bc")


@pytest.mark.parametrize("kind", ["", "two words", "a\nb"])
def test_a_kind_is_a_plain_word(conn: Connection, kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        journal.append(conn, kind, {}, at=1)
    assert journal.head(conn) == Head(0, GENESIS)


@pytest.mark.parametrize("body", [{"a": math.nan}, {"a": object()}, {"a": "\ud800"}])
def test_a_body_that_is_not_json_changes_nothing(conn: Connection, body: dict[str, Any]) -> None:
    journal.append(conn, "order", {"n": 1}, at=1)
    with pytest.raises((ValueError, TypeError)):
        journal.append_all(conn, [("order", {"n": 2}), ("order", body)], at=1)
    assert journal.length(conn) == 1


def test_a_field_of_the_wrong_type_is_found(conn: Connection) -> None:
    journal.append(conn, "order", {}, at=1)
    conn.exec_driver_sql("UPDATE journal SET body = x'00'")
    assert journal.verify(conn) == Broken(1, "a field has the wrong type")


def test_a_journal_longer_than_a_page_can_be_written_while_read(conn: Connection) -> None:
    count = journal.PAGE + 5
    journal.append_all(conn, [("tick", {"n": n}) for n in range(count)], at=1)
    read = 0
    for entry in journal.read(conn, limit=count):
        read += 1
        if entry.seq == 1:
            journal.append(conn, "late", {}, at=2)
    assert read == count
    assert [e.kind for e in journal.read(conn, after=count)] == ["late"]


def test_two_entries_of_one_number_cannot_be(conn: Connection) -> None:
    journal.append(conn, "order", {}, at=1)
    row = conn.execute(table.select()).one()
    with pytest.raises(Exception, match="UNIQUE"):
        conn.execute(insert(table).values(row._mapping))
