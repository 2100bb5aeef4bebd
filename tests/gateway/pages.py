"""A browser without script at the pages of a market in this process: keeps cookies, sends forms."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2

from tests.gateway.marketplace import CONFIG, Marketplace
from tradelane.gateway import keys

EDGE = """
[edge]
poll_seconds = 3600
[[edge.members]]
id = "rosa"
name = "Rosa"
zone = "NL"
sells = true
min_price = "10"
meter = "roof-rosa"
[[edge.members]]
id = "pim"
name = "Pim"
zone = "NL"
[[edge.meters]]
name = "roof-rosa"
transport = "modbus"
host = "127.0.0.1"
port = 9
profile = "eastron-sdm630"
"""
HOUSEHOLDS = CONFIG + EDGE
ORIGIN = "http://market"
TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


class Reader:
    """One browser's cookies and its last page."""

    def __init__(self, market: Marketplace) -> None:
        self._http = market.http
        self._folder: Path = market.folder
        self.cookies: dict[str, str] = {}
        self.text = ""

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self._ask("GET", path, headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        """As a form of our own page, with its token where it has one; ``headers`` with _ for -."""
        found = TOKEN.search(self.text)
        token = {"token": found[1]} if found else {}
        asked = {"origin": ORIGIN, "sec-fetch-site": "same-origin"} | headers
        return await self._ask("POST", path, asked, {**token, **fields})

    async def pair(self, member: str | None, role: str = "owner", code: str | None = None) -> httpx2.Response:
        """Sign in by a code of the gateway's own."""
        entrance = "/pair" if role == "owner" else "/desk/sign-in"
        return await self.post(entrance, {"code": code or await self.code(member, role)})

    async def code(self, member: str | None, role: str = "owner") -> str:
        secret = keys.load_token(self._folder / ("edge.token" if role == "owner" else "zone.token"))
        answer = await self._http.post(
            f"/api/v1/pairings/{role}",
            json={"subject": member},
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], fields: dict[str, str] | None = None
    ) -> httpx2.Response:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if cookie:
            headers["cookie"] = cookie
        answer = await self._http.request(method, path, data=fields, headers=headers)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        self._http.cookies.clear()
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.text = answer.text
        return answer
