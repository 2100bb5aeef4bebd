"""Sessions and pairing codes as rows: known only to who holds them, gone when used, closed or expired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tradelane.gateway import migrations
from tradelane.gateway.store import opened
from tradelane.gateway.tables import pairing_codes
from tradelane.gateway.tables import sessions as rows
from tradelane.gateway.web import sessions
from tradelane.gateway.web.sessions import CODE_MS, SESSION_MS, Pairing, Role

NOW = 1_782_000_000_000


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    place = (tmp_path / "edge.sqlite", migrations.PLACE, migrations.HEAD)
    with opened(*place) as store, store.engine.begin() as connection:
        yield connection


def test_a_session_is_found_by_its_token_until_it_expires(conn: Connection) -> None:
    token = sessions.open_session(conn, Role.OWNER, "rosa", NOW)
    found = sessions.find_session(conn, Role.OWNER, token, NOW + SESSION_MS - 1)
    assert found is not None
    assert (found.subject, found.form_token) == ("rosa", sessions.form_token(token))
    assert sessions.find_session(conn, Role.OWNER, token, NOW + SESSION_MS) is None
    assert sessions.find_session(conn, Role.OPERATOR, token, NOW) is None
    assert sessions.find_session(conn, Role.OWNER, token + "x", NOW) is None


def test_neither_tokens_nor_codes_stand_in_the_database(conn: Connection) -> None:
    token = sessions.open_session(conn, Role.OWNER, "rosa", NOW)
    code = sessions.make_code(conn, Pairing(Role.OWNER, "rosa"), NOW)
    stored = repr([conn.execute(select(table)).all() for table in (rows, pairing_codes)])
    assert token not in stored
    assert sessions.plain_code(code) not in stored


def test_closing_all_ends_one_subjects_sessions(conn: Connection) -> None:
    mine = [sessions.open_session(conn, Role.OWNER, "rosa", NOW) for _ in range(2)]
    other = sessions.open_session(conn, Role.OWNER, "pim", NOW)
    sessions.close_all(conn, Role.OWNER, "rosa")
    assert [sessions.find_session(conn, Role.OWNER, token, NOW) for token in mine] == [None, None]
    assert sessions.find_session(conn, Role.OWNER, other, NOW) is not None
    sessions.close_session(conn, other)
    assert sessions.find_session(conn, Role.OWNER, other, NOW) is None


def test_a_code_is_good_once_and_for_a_while(conn: Connection) -> None:
    code = sessions.make_code(conn, Pairing(Role.OWNER, None), NOW)
    written = code.lower().replace("-", " ")
    assert sessions.find_code(conn, Role.OWNER, written, NOW + CODE_MS - 1) == Pairing(Role.OWNER, None)
    assert sessions.find_code(conn, Role.OWNER, written, NOW + CODE_MS) is None
    assert sessions.find_code(conn, Role.OPERATOR, written, NOW) is None
    assert sessions.use_code(conn, written)
    assert not sessions.use_code(conn, written)
    assert sessions.find_code(conn, Role.OWNER, written, NOW) is None
