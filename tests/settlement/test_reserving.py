"""Reservations that come together are granted and refused as if each had come alone."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.settlement.hubs import ANA, BEN, NOW, TOKEN, Hub, reservation
from tradelane.gateway.store import open_engine
from tradelane.settlement.ehub.server import chain, ledger, reserving, tables, together
from tradelane.settlement.ehub.server.commands import Command, Result
from tradelane.settlement.ehub.wire import Reserve
from tradelane.settlement.problem import Problem

ASKED = st.builds(
    reservation,
    st.sampled_from(["r1", "r2", "r3", "r4"]),
    st.sampled_from(["1", "40", "60", "101"]),
    st.sampled_from([ANA, BEN, "member:zoe:EUR"]),
    st.sampled_from(["c1", "c2"]),
    st.sampled_from(["EUR", "GBP"]),
)


def status(result: Result) -> tuple[int, Any]:
    if isinstance(result, Problem):
        return result.status, result.json()
    return result.status, json.loads(result.text)


def books(conn: Connection) -> list[Any]:
    """All that reservations change: the journal's lines, what is held for whom, balances."""
    assert chain.verify_chain(conn) is None
    e, h, a = tables.entries.c, tables.reservation_holds.c, tables.accounts.c
    return [
        conn.execute(select(e.seq, e.id, e.source, e.nano, e.memo, e.contract).order_by(e.seq)).all(),
        conn.execute(select(h.reservation, h.contract, h.seq).order_by(h.reservation)).all(),
        conn.execute(select(a.account, a.posted_nano, a.held_nano).order_by(a.account)).all(),
    ]


def outcome(template: Path, asked: Sequence[Sequence[dict[str, Any]]]) -> tuple[list[Any], list[Any]]:
    """The answers and the books after these, those of each group together."""
    with TemporaryDirectory() as folder:
        engine = open_engine(Path(shutil.copy(template, folder)))
        answers = []
        with engine.begin() as conn:
            for group in asked:
                together_ = [(Command(str(n), b"", NOW), Reserve(**body)) for n, body in enumerate(group)]
                answers += [status(result) for result in reserving.reserve(conn, together_)]
            found = books(conn)
        engine.dispose()
    return answers, found


@settings(max_examples=25)
@given(st.lists(ASKED, min_size=1, max_size=8))
def test_many_at_once_are_one_after_the_other(furnished: Path, asked: list[dict[str, Any]]) -> None:
    assert outcome(furnished, [asked]) == outcome(furnished, [[one] for one in asked])


async def all_at_once(hub: Hub, asked: Sequence[tuple[str, dict[str, Any]]]) -> list[httpx2.Response]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(base_url=hub.url, headers=headers, timeout=60) as http:
        return await asyncio.gather(
            *(
                http.post("/api/v1/reservations", json=body, headers={"Idempotency-Key": key})
                for key, body in asked
            )
        )


def test_each_of_many_has_its_own_answer_once(market: Hub) -> None:
    """Ana has 100: of sixty that want 2 each, fifty are granted, and asked again all answers are the same."""
    asked = [(f"k{n}", reservation(f"r{n}", "2")) for n in range(60)]
    first = asyncio.run(all_at_once(market, asked))
    assert sorted(answer.status_code for answer in first) == [201] * 50 + [402] * 10
    again = asyncio.run(all_at_once(market, asked))
    assert [one.json() for one in again] == [one.json() for one in first]
    assert {one.headers["idempotent-replayed"] for one in again} == {"true"}
    granted = next(f"r{n}" for n, answer in enumerate(first) if answer.status_code == 201)
    changed = asyncio.run(
        all_at_once(market, [("k0", reservation("r0", "3")), ("k99", reservation(granted))])
    )
    codes = [(one.status_code, one.json()["type"].rpartition(":")[2]) for one in changed]
    assert codes == [(422, "idempotency-key-reused"), (409, "duplicate-id")]
    assert market.balances()[ANA] == ("100", "100")


def test_an_error_of_one_is_its_own(market: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ledger.execute

    def broken(conn: Connection, ordered: Any, *rest: Any, **options: Any) -> Any:
        if any(entry.id.endswith("r7") for entry in ordered):
            raise RuntimeError("a bug that only this one finds")
        return whole(conn, ordered, *rest, **options)

    monkeypatch.setattr(ledger, "execute", broken)
    answers = asyncio.run(all_at_once(market, [(f"k{n}", reservation(f"r{n}", "2")) for n in range(20)]))
    assert [n for n, answer in enumerate(answers) if answer.status_code != 201] == [7]
    assert answers[7].status_code == 500
    assert market.balances()[ANA] == ("100", "38")
    assert len(answers) <= together.MOST
