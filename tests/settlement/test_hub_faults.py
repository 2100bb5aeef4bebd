"""What goes wrong around a hub: no room on its disk, a clock that jumps, one bad line among many. Nothing is
lost, doubled or half done."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import httpx2
from sqlalchemy import Connection

from tests.settlement.hubs import ANA, BEN, NOW, TOKEN, Hub, assert_problem, reservation, serving
from tradelane.gateway.store import opened
from tradelane.market.units import MINUTE, iso
from tradelane.settlement.ehub.server import ledger
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE


def sound(hub: Hub) -> bool:
    return bool(hub.get("/trial-balance")["balanced"] and hub.get("/chain")["ok"])


def test_a_full_disk_refuses_until_there_is_room_and_keeps_what_it_answered(market: Hub) -> None:
    def no_more(conn: Connection) -> None:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    asyncio.run(market.store(no_more))
    answers: list[httpx2.Response] = []
    while not answers or answers[-1].status_code == 201:
        name = f"r{len(answers)}"
        answers.append(market.post("/reservations", reservation(name, "0.1"), name))
    granted = len(answers) - 1
    assert_problem(answers[-1], 503, "unavailable")
    assert market.balances()[ANA] == ("100", f"{granted / 10:g}")
    assert sound(market)

    asyncio.run(market.store(lambda conn: conn.exec_driver_sql("PRAGMA max_page_count=1000000").all()))
    assert market.post("/reservations", reservation(name, "0.1"), name).status_code == 201
    assert market.balances()[ANA] == ("100", f"{(granted + 1) / 10:g}")
    assert sound(market)


def test_a_clock_that_jumps_ends_a_reservation_once_and_for_good(furnished: Path, tmp_path: Path) -> None:
    clock = [NOW]
    path = shutil.copy(furnished, tmp_path / "hub.sqlite")
    with opened(path, PLACE, HEAD) as store:
        app = create_app(store, lambda: clock[0], TOKEN, store.read)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with serving(app) as url, httpx2.Client(base_url=url, headers=headers) as http:
            hub = Hub(url, store, http)
            asked = reservation() | {"expires_at": iso(NOW + 10 * MINUTE)}
            assert hub.post("/reservations", asked, "r1").status_code == 201
            clock[0] += 60 * MINUTE
            asyncio.run(store(lambda conn: ledger.expire(conn, clock[0])))
            assert hub.get("/reservations/r1")["state"] == "released"
            clock[0] -= 120 * MINUTE
            assert_problem(
                hub.post("/reservations/r1/release", {}, "late"), 409, "reservation-closed", "reservation"
            )
            assert hub.post("/reservations", reservation("r2"), "r2").status_code == 201
            assert hub.balances()[ANA] == ("100", "12")
            assert sound(hub)


def test_one_bad_line_among_a_thousand_is_the_only_one_refused(market: Hub) -> None:
    amount = {"currency": "EUR", "value": "0.01"}
    lines = [
        {
            "id": f"t{n}",
            "phase": "single",
            "source": ANA,
            "target": "customs:EUR",
            "amount": amount,
            "kind": "duty",
        }
        for n in range(1000)
    ]
    lines[617]["target"] = BEN
    answer = market.post("/ledger/transfers", {"entries": lines}, "thousand")
    assert answer.status_code == 200, answer.text
    outcomes = answer.json()["outcomes"]
    assert [n for n, one in enumerate(outcomes) if one["result"] != "done"] == [617]
    assert outcomes[617]["code"] == "currency-mismatch", outcomes[617]
    assert market.balances()[ANA][0] == "90.01"
    assert sound(market)


def test_five_hundred_copies_at_once_have_one_effect(market: Hub) -> None:
    async def copies() -> list[httpx2.Response]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "once"}
        async with httpx2.AsyncClient(base_url=market.url, headers=headers, timeout=60) as http:
            asked = (http.post("/api/v1/reservations", json=reservation()) for _ in range(500))
            return await asyncio.gather(*asked)

    answers = asyncio.run(copies())
    granted = [answer.json() for answer in answers if answer.status_code == 201]
    assert granted and all(one == granted[0] for one in granted)
    for answer in answers:
        if answer.status_code != 201:
            assert_problem(answer, 409, "idempotency-in-progress", "Idempotency-Key")
    assert market.balances()[ANA] == ("100", "12")
    assert sound(market)
