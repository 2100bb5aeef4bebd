"""Names on a list: what counts as the same name, and what becomes of a member who has one."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.settlement.hubs import NOW, TOKEN, Hub, assert_problem, reservation, serving
from tests.settlement.signed import PUBLIC
from tradelane.gateway.store import StoreError, opened
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.supervision import screening
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.supervision.tables import audit_entries
from tradelane.settlement.screening import BadList, Listed, Screening, normal, read

ON = date(2026, 6, 21)
HEADER = "name,aliases,country,source,valid_from\n"
LIST = (
    f"{HEADER}Ána Łukasz O\u2019Neill,Anna Neill; A. L. Oneill,PL,EU list 1,2026-01-01\n"
    "Late Comer,,,EU list 1,2026-12-01\n"
)
MEMBERS = "/supervision/members"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Screening:
    file = tmp_path_factory.mktemp("lists") / "list.csv"
    file.write_text(LIST, encoding="utf-8")
    return read(file)


@pytest.fixture(scope="module")
def hub(furnished: Path, listed: Screening, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    path = shutil.copy(furnished, tmp_path_factory.mktemp("screened") / "hub.sqlite")
    with opened(path, PLACE, HEAD) as store:
        watch = Supervision(screening=listed)
        app = create_app(store, lambda: NOW, TOKEN, store.read, (StoreError,), supervised=watch)
        with serving(app) as url, httpx2.Client(base_url=url) as http:
            http.headers["Authorization"] = f"Bearer {TOKEN}"
            yield Hub(url, store, http)


@pytest.mark.parametrize(
    "name",
    [
        "ana lukasz oneill", "O'NEILL, Ana Łukasz", "Łukasz  Ána-O’Neill", "anna neill", "NEILL Anna",
        "A.L. O'Neill",
    ],
)  # fmt: skip
def test_case_accents_signs_and_order_do_not_matter(listed: Screening, name: str) -> None:
    (hit,) = listed.hits(name, ON)
    assert (hit.id, hit.country) == ("EU list 1: Ána Łukasz O’Neill", "PL")


@pytest.mark.parametrize(
    "name", ["Ana Lukasz", "Ana Lukasz O Neill", "Ana Ana Lukasz Oneill", "Jan Neill", "-"]
)
def test_other_words_are_another_name(listed: Screening, name: str) -> None:
    assert listed.hits(name, ON) == []


def test_an_entry_counts_from_its_day_on(listed: Screening) -> None:
    assert listed.hits("late comer", date(2026, 11, 30)) == []
    assert len(listed.hits("late comer", date(2026, 12, 1))) == 1


@given(
    st.lists(st.sampled_from(["Zoë", "van", "der", "Ström", "Ærø", "İnce", "Weiß", "王"]), min_size=1),
    st.data(),
)
def test_words_in_any_order_and_case_are_one_name(words: list[str], draw: st.DataObject) -> None:
    shuffled = draw.draw(st.permutations(words))
    written = draw.draw(st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
    assert normal(" - ".join(map(written, shuffled))) == normal(" ".join(words))
    assert normal(normal(" ".join(words))) == normal(" ".join(words))
    assert normal(" ".join([*words, "x"])) != normal(" ".join(words))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name,country\n", ":1: the columns are name,aliases,country,source,valid_from"),
        (HEADER + "Ana,,PL,EU\n", ":2: has not 5 fields"),
        (HEADER + "Ana,,PL,EU,2026-01-01,x\n", ":2: has not 5 fields"),
        (HEADER + "\nAna,,PL,EU,2026-01-01\n--,,PL,EU,2026-01-01\n", ":4: name: '--' has no letters"),
        (HEADER + "Ana,Bo; ?,PL,EU,2026-01-01\n", ":2: aliases: '?' has no letters"),
        (HEADER + "Ana,,Poland,EU,2026-01-01\n", ":2: country: 'Poland' is not a country"),
        (HEADER + "Ana,,PL,,2026-01-01\n", ":2: source: missing"),
        (HEADER + "Ana,,PL,EU,01.01.2026\n,,,,\n", ":2: valid_from: '01.01.2026' is not a day such as"),
        (HEADER + '"Ana,,PL,EU,2026-01-01\n', ":2: unexpected end of data"),
    ],
)
def test_a_bad_line_is_named_with_its_field(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text)
    with pytest.raises(BadList) as error:
        read(file)
    assert str(error.value).startswith(f"{file}{fault}")
    assert "\n" not in str(error.value)


def test_files_that_are_no_list(tmp_path: Path) -> None:
    with pytest.raises(BadList, match="No such file"):
        read(tmp_path / "gone.csv")
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\xc1na,,,x,2026-01-01\n")
    with pytest.raises(BadList, match="not UTF-8 text"):
        read(tmp_path / "latin.csv")


def registered(hub: Hub, member: str, name: str) -> Any:
    body = {
        "member": member, "name": name, "currency": "EUR" if member != "ben" else "GBP",
        "public_key": base64.b64encode(PUBLIC[member]).decode(),
    }  # fmt: skip
    answer = hub.post(MEMBERS, body, f"{member}/register")
    assert answer.status_code == 201, answer.text
    return answer.json()


def trail(conn: Connection, member: str) -> list[tuple[str, str]]:
    t = audit_entries
    return [
        (row.action, row.detail)
        for row in conn.execute(select(t).where(t.c.subject == member).order_by(t.c.seq))
    ]


def test_who_is_listed_is_held_until_an_operator_lets_go(hub: Hub, listed: Screening) -> None:
    assert registered(hub, "ben", "Ben Neill")["suspended"] is None
    held = registered(hub, "ana", "O'Neill, Łukasz Ana")
    assert held["suspended"] == screening.HELD
    refused = hub.post("/reservations", reservation("r1", "1"), "r1")
    assert_problem(refused, 403, "suspended", "account")
    assert "EU list" not in refused.text
    with hub.store.engine.begin() as conn:
        (_, (action, detail)) = trail(conn, "ana")
        assert (action, json.loads(detail)["entries"][0]["source"]) == ("member-held", "EU list 1")
        assert screening.screen(conn, listed, NOW) == [], "held already"
    lifted = hub.post(f"{MEMBERS}/ana/suspension/lift", {"reason": "born 40 years later"}, "lift")
    assert lifted.json()["suspended"] is None
    assert hub.post("/reservations", reservation("r1", "1"), "r2").status_code == 201
    with hub.store.engine.begin() as conn:
        assert screening.screen(conn, listed, NOW) == [], "let go of this entry"
        other = Screening([Listed("Ana Lukasz Oneill", (), "", "UN list", ON), *_none()])
        assert screening.screen(conn, other, NOW) == [
            ("ana", "O'Neill, Łukasz Ana", "UN list: Ana Lukasz Oneill")
        ]
        assert [action for action, _ in trail(conn, "ana")].count("member-held") == 2
    assert hub.get(f"{MEMBERS}/ana")["suspended"] == screening.HELD


def _none() -> list[Listed]:
    return [Listed("Somebody Else", ("Ben",), "", "UN list", ON)]
