"""The operator's door and the page behind it: who comes in, what is done there, and what is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.marketplace import Marketplace
from tests.gateway.pages import HOUSEHOLDS, Reader
from tests.gateway.standing import Standing, standing
from tradelane.gateway import migrations
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.web import sessions
from tradelane.gateway.web.desk.routes import DOOR
from tradelane.gateway.web.sign_in import first_link


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("desk"), HOUSEHOLDS) as found:
        yield found


def test_only_an_operator_s_code_opens_the_door(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        reader = Reader(market)
        shut = await reader.get("/desk/operate")
        door = "/desk/sign-in?back=%2Fdesk%2Foperate"
        assert (shut.status_code, shut.headers["location"]) == (303, door)
        assert "tradelane pair --config FILE --operator NAME" in (await reader.get(door)).text
        household = await reader.code("rosa")
        assert (await reader.pair(None, "operator", code=household)).status_code == 403
        await reader.pair("rosa")
        assert (await reader.get("/desk/operate")).status_code == 303, "a household's session opens its own"
        code = await reader.code("Ines", "operator")
        assert (await reader.post("/pair", {"code": code})).status_code == 403
        inside = await reader.pair("Ines", "operator", code=code)
        assert (inside.status_code, inside.headers["location"]) == (303, "/desk/operate")
        page = await reader.get("/desk/operate")
        assert "Signed in as Ines" in page.text
        assert page.headers["cache-control"] == "no-store"
        again = await Reader(market).pair("Ines", "operator", code=code)
        assert again.status_code == 403, "a code is good once"
        left = await reader.post("/desk/sign-in/out", {})
        assert (left.status_code, left.headers["location"]) == (303, "/desk/sign-in")
        assert (await reader.get("/desk/operate")).status_code == 303

    desk.run(use)


def test_codes_are_made_for_a_name_by_who_has_the_secret(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        asked = {"subject": "Ines"}
        stranger = await market.http.post("/api/v1/pairings/operator", json=asked)
        assert stranger.status_code == 401
        bearer = {"Authorization": f"Bearer {(market.folder / 'zone.token').read_text().strip()}"}
        nobody = await market.http.post("/api/v1/pairings/operator", json={}, headers=bearer)
        assert nobody.status_code == 404

    desk.run(use)


def test_whoever_starts_the_gateway_is_shown_a_way_in_until_somebody_is(tmp_path: Path) -> None:
    file, clock = RoleFile(tmp_path / "zone.sqlite", migrations.PLACE, migrations.HEAD), Clock()

    async def use() -> None:
        link = await first_link(file, DOOR, clock, "operator")
        assert link is not None
        code = link.removeprefix("/desk/sign-in?code=")
        found = await file.read(lambda conn: sessions.find_code(conn, DOOR.role, code, clock.wall()))
        assert found == sessions.Pairing(DOOR.role, "operator")
        await file(lambda conn: sessions.open_session(conn, sessions.Role.OWNER, "rosa", clock.wall()))
        assert await first_link(file, DOOR, clock, "operator") is not None
        await file(lambda conn: sessions.open_session(conn, DOOR.role, "Ines", clock.wall()))
        assert await first_link(file, DOOR, clock, "operator") is None

    file.open()
    try:
        asyncio.run(use())
    finally:
        file.close()


async def inside(market: Marketplace) -> Reader:
    """Signed in, on the page of actions."""
    reader = Reader(market)
    await reader.pair("Ines", "operator")
    await reader.get("/desk/operate")
    return reader


async def pressed(reader: Reader, what: str, **fields: str) -> str:
    """What the page says after a form of it was sent."""
    answer = await reader.post(f"/desk/operate/{what}", {n.replace("__", ":"): v for n, v in fields.items()})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/operate?done={what}")
    return (await reader.get(answer.headers["location"])).text


def test_a_lane_is_set_by_form_both_ways_and_shown(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        reader = await inside(market)
        assert 'value="2026-06-21T10:15"' in reader.text
        span = {"border": "NL – GB", "from": "2026-06-21T10:15", "until": "2026-06-21T11:00"}
        both = {"kw:NL>GB": "0,02", "kw:GB>NL": "", "unit": "MW", "reason": "cable <work>"}
        answer = await reader.post("/desk/operate/capacity", span | both)
        assert answer.headers["location"] == "/desk/operate?done=capacity"
        text = (await reader.get("/desk/operate?done=capacity")).text
        assert "Set. It holds from the next gate" in text
        assert "20\u00a0kW at the next gate, 40\u00a0kW configured" in text
        assert "cable &lt;work&gt;" in text and text.count("NL&gt;GB 20\u00a0kW") == 1
        assert market.rows("SELECT about, who FROM operator_acts") == [("lane/NL>GB", "Ines")]
        overview = (await Reader(market).get("/desk?at=2026-06-21T10:30Z")).text
        assert "5\u00a0kWh" in overview, "the map's table has what the lane will carry"
        await reader.post("/desk/operate/capacity", span | both | {"reset": "1", "reason": ""})
        text = (await reader.get("/desk/operate")).text
        assert "40\u00a0kW at the next gate, 40\u00a0kW configured" in text
        assert "GB&gt;NL as configured" in text

    desk.run(use)


def test_what_is_refused_stands_in_the_form_with_its_reason(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        reader = await inside(market)
        span = {"border": "NL – GB", "from": "2026-06-21T10:15", "until": "2026-06-21T11:00"}
        for fields, reason in (
            ({"kw:NL>GB": "much"}, "capacity_kw: "),
            ({"kw:NL>GB": "0.5"}, "capacity_kw: "),
            ({"kw:NL>GB": ""}, "no lane has a number"),
            ({"kw:NL>GB": "7", "from": "2026-06-21T09:45"}, "the first interval still open is"),
            ({"kw:NL>GB": "7", "until": "soon"}, "until: "),
            ({"kw:NL>GB": "1e999999999"}, "capacity_kw: "),
            ({"kw:NL>GB": "\u0661"}, "capacity_kw: "),
        ):
            answer = await reader.post("/desk/operate/capacity", span | fields)
            assert (answer.status_code, reason in answer.text) == (422, True), answer.text
            assert f'value="{(span | fields)["until"]}"' in answer.text
        bare = await reader.post("/desk/operate/capacity", {"border": "NL – GB"})
        assert (bare.status_code, "from: " in bare.text) == (422, True)
        assert (await reader.post("/desk/operate/explode", {})).status_code == 404
        foreign = await reader.post("/desk/operate/halt", {"market": "power", "token": "0" * 64})
        assert foreign.status_code == 403
        stranger = await Reader(market).post("/desk/operate/halt", {"market": "power", "reason": "x"})
        assert stranger.status_code == 303 and stranger.headers["location"].startswith("/desk/sign-in")

    desk.run(use)


def test_a_market_is_halted_and_resumed_by_form_and_everyone_sees_it(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        reader = await inside(market)
        assert (await reader.post("/desk/operate/halt", {"market": "power"})).status_code == 422
        text = await pressed(reader, "halt", market="power", reason="storm")
        assert "The market is halted." in text and "by Ines: storm" in text
        public = (await Reader(market).get("/desk")).text
        assert "Power: halted since" in public and "storm" in public and "Ines" not in public
        german = (await reader.get("/desk/operate", accept_language="de")).text
        assert "Strom ausgesetzt: storm" in german
        text = await pressed(reader, "resume", market="power")
        assert "Power resumed" in text and "Power halted: storm" in text
        assert "halted" not in (await Reader(market).get("/desk")).text

    desk.run(use)
