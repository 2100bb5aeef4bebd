"""Every route of all roles in one process, tried one by one: nobody acts unasked, nobody sees another's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.gateway.marketplace import Marketplace, in_market
from tests.gateway.pages import HOUSEHOLDS, Reader
from tradelane.gateway import app

MODULES = (app,)
READS = {"GET", "HEAD"}
OPEN_WRITES = {"/pair", "/desk/sign-in"}
"""Forms by which a session begins: they have no session's token yet, and take a one-time code."""
OPEN_READS = re.compile(
    r"/(healthz|language|static/.+|)"
    r"|/pair|/desk(/sign-in|/data/.+|/lane/.+|/product.*|/proof/.+)?|/metrics"
    r"|/me/(app\.webmanifest|worker\.js)"
    r"|/api/v1/(openapi\.json|healthz|events|overview|heads|products|trades|prices|data(/.+)?|market|hs|policy"
    r"|(books|landed|snapshots|feeds|clearings|lanes|publications)/.+|audit/.+|open-payments/wallets/.+|data/documents/.+)"
)
"""Read by everyone, without a key: nothing in them is one member's own. What is added here is a decision."""
ACTS = ("orders", "journal", "contracts", "sessions")


def routes(found: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of each route, through all routers."""
    for route in found:
        if hasattr(route, "original_router"):
            yield from routes(route.original_router.routes, prefix + route.include_context.prefix)
        elif getattr(route, "methods", None):
            for method in route.methods:
                yield method, prefix + route.path
        elif hasattr(route, "app") and hasattr(route.app, "routes"):
            yield from routes(route.app.routes, prefix + route.path)


def concrete(path: str) -> str:
    """With something in each place of its parameters."""
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: "0" * 16 if found[1] == "trade" else "x", path)


def all_routes(market: Marketplace) -> list[tuple[str, str]]:
    found = list(routes(market.app.routes))
    assert len(found) > 100, "the walk goes through all routers"
    return found


def test_no_two_routes_are_one(tmp_path: Path) -> None:
    market = Marketplace(tmp_path, HOUSEHOLDS)
    counted = Counter((method, re.sub(r"\{\w+(:path)?\}", "{}", path)) for method, path in all_routes(market))
    assert {route: count for route, count in counted.items() if count > 1} == {}


def test_a_stranger_changes_nothing_and_sees_what_is_everyones(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await at_home(market)
        before = kept(market)
        for method, path in all_routes(market):
            if method in READS and OPEN_READS.fullmatch(path):
                continue
            answer = await market.http.request(
                method, concrete(path), json={} if method not in READS else None
            )
            assert refused(path, answer), f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        assert kept(market) == before

    in_market(tmp_path, use, config=HOUSEHOLDS)


def refused(path: str, answer: Any) -> bool:
    """A page shows the way in; an API says what is missing, never that it was done."""
    page = not path.startswith("/api/")
    shown_in = answer.status_code == 303 and answer.headers["location"].startswith(("/pair", "/desk/sign-in"))
    if page and shown_in:
        return True
    if answer.status_code in (401, 403):
        return True
    return (path in OPEN_WRITES and answer.status_code == 415) or (signed(path) and answer.status_code == 422)


def signed(path: str) -> bool:
    """What a member signs in its body: without a signature it is no message at all."""
    named = ("members", "mine", "orders", "cancels", "amendments", "statements", "corrections")
    return path.split("/")[3] in named if path.startswith("/api/v1/") else False


def test_each_form_wants_its_own_sessions_token_from_its_own_page(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await at_home(market)
        rosa, inge = Reader(market), Reader(market)
        await rosa.pair("rosa")
        await inge.pair("inge", "operator")
        before = kept(market)
        forms = [path for method, path in all_routes(market) if method == "POST" and "/api/" not in path]
        assert {"/me/selling", "/me/goods/{product:path}", "/desk/operate/disputes"} <= set(forms)
        for path in forms:
            for reader in (rosa, inge):
                reader.text = ""
                here = concrete(path)
                bare = await reader.post(here, {"min_price": "1", "sells": "on"})
                assert bare.status_code in (303, 403, 422), f"{path}: {bare.status_code}"
                assert path in OPEN_WRITES or bare.status_code != 422, path
                far = await reader.post(
                    here, {"token": "0" * 64}, origin="http://elsewhere", sec_fetch_site="cross-site"
                )
                assert far.status_code in (303, 403), f"{path}: {far.status_code}"
        assert kept(market) == before

    in_market(tmp_path, use, config=HOUSEHOLDS)


def test_no_session_opens_another_roles_pages(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await at_home(market)
        rosa, inge = Reader(market), Reader(market)
        await rosa.pair("rosa")
        await inge.pair("inge", "operator")
        for method, path in all_routes(market):
            if method != "GET" or OPEN_READS.fullmatch(path) or path == "/me/events":
                continue
            if path.startswith("/me"):
                answer = await inge.get(concrete(path))
                assert answer.headers["location"].startswith("/pair"), path
            elif path.startswith("/desk"):
                answer = await rosa.get(concrete(path))
                assert answer.headers["location"].startswith("/desk/sign-in"), path
            elif path.startswith("/api/v1"):
                for reader in (rosa, inge):
                    seen = (await reader.get(concrete(path))).status_code
                    assert seen in (401, 403) or path == "/api/v1/meters", f"{path}: {seen}"

    in_market(tmp_path, use, config=HOUSEHOLDS)


async def at_home(market: Marketplace) -> None:
    """Both members of the edge are registered: nothing of theirs is on its way."""

    async def there() -> bool:
        return market.rows("SELECT count(*) FROM members") == [(2,)]

    await market.until(there)


def kept(market: Marketplace) -> list[Any]:
    """What an act would change: rows of the zone, and what each role's file has journaled."""
    counts = [market.rows(f"SELECT count(*) FROM {table}") for table in ACTS]
    return counts
