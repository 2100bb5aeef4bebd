"""An owner's home page: only by a code of the gateway, only one's own, changed only by its own form."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.gateway.marketplace import Marketplace, in_market
from tests.gateway.pages import HOUSEHOLDS, Reader
from tradelane.gateway.web.phone.routes import INSIDE


def test_a_code_opens_the_members_own_home_once(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        rosa, other = Reader(market), Reader(market)
        stranger = await rosa.get("/me")
        assert (stranger.status_code, stranger.headers["location"]) == (303, "/pair?back=%2Fme")
        code = await rosa.code("rosa")
        assert f'value="{code}"' in (await rosa.get(f"/pair?code={code}")).text
        entered = await rosa.pair("rosa", code=code.lower())
        assert (entered.status_code, entered.headers["location"]) == (303, INSIDE)
        assert "httponly" in entered.headers["set-cookie"].lower()
        assert "samesite=strict" in entered.headers["set-cookie"].lower()
        page = await rosa.get("/me")
        assert page.status_code == 200
        assert "Rosa, NL" in page.text
        assert "Pim" not in page.text
        again = await other.pair("rosa", code=code)
        assert again.status_code == 403
        assert "not valid" in again.text

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_the_switch_is_turned_by_its_own_form_only(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        rosa, pim = Reader(market), Reader(market)
        await rosa.pair("rosa")
        await pim.pair("pim")
        await rosa.get("/me/selling")
        await pim.get("/me/selling")
        wish = {"min_price": "0.0555", "sells": "on"}
        refusals = [
            await rosa.post("/me/selling", wish, origin="http://evil.example"),
            await rosa.post("/me/selling", wish, sec_fetch_site="cross-site"),
            await rosa.post("/me/selling", {**wish, "token": "0" * 64}),
            await Reader(market).post("/me/selling", wish),
        ]
        assert [answer.status_code for answer in refusals] == [403, 403, 403, 303]
        assert 'value="0.01"' in (await rosa.get("/me/selling")).text
        assert (await rosa.post("/me/selling", wish)).status_code == 303
        assert 'value="0.0555"' in (await rosa.get("/me/selling")).text
        wrong = await rosa.post("/me/selling", {"min_price": "much"})
        assert wrong.status_code == 422
        assert "min_price" in wrong.text
        assert 'name="sells" checked' in (await rosa.get("/me/selling")).text

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_one_leaves_and_is_out(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        rosa = Reader(market)
        await rosa.pair("rosa")
        await rosa.get("/me")
        kept = dict(rosa.cookies)
        assert (await rosa.post("/pair/out", {})).headers["location"] == "/pair"
        rosa.cookies = kept
        assert (await rosa.get("/me")).status_code == 303

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_codes_cannot_be_guessed_at_leisure(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        thief, rosa = Reader(market), Reader(market)
        code = await rosa.code("rosa")
        tries = [await thief.post("/pair", {"code": f"AAAA-AAA{k}"}) for k in range(2, 12)]
        assert {answer.status_code for answer in tries} == {403}
        assert (await thief.post("/pair", {"code": code})).status_code == 429

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_only_who_has_the_gateways_secret_makes_codes_and_only_for_its_members(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        answer = await market.http.post("/api/v1/pairings/owner", json={"subject": "rosa"})
        assert answer.status_code == 401
        secret = (market.folder / "edge.token").read_text().strip()
        authorised = {"Authorization": f"Bearer {secret}"}
        unknown = await market.http.post(
            "/api/v1/pairings/owner", json={"subject": "eve"}, headers=authorised
        )
        assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (404, "subject")

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_a_home_without_a_meter_or_with_a_silent_one_says_so(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        rosa, pim = Reader(market), Reader(market)
        await rosa.pair("rosa")
        await pim.pair("pim")
        assert "The meter is silent." in (await rosa.get("/me")).text
        shown = (await pim.get("/me")).text
        assert "No meter" in shown
        assert "Sell my surplus" not in shown

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_open_pages_hear_that_there_is_something_new_and_only_the_owners(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        rosa = Reader(market)
        stranger = await rosa.get("/me/events")
        assert stranger.status_code == 303
        await rosa.pair("rosa")
        edge = market.app.state.roles
        reading = asyncio.create_task(rosa.get("/me/events"))
        await asyncio.sleep(0)
        edge.drain()
        heard = await reading
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert heard.status_code == 200

    in_market(tmp_path, use, config=HOUSEHOLDS)
