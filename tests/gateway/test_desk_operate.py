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
