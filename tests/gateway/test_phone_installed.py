"""The owner's pages as an app: what a browser asks for before it installs them."""

from __future__ import annotations

import asyncio

import httpx2
from fastapi import FastAPI

from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.phone.installed import SCOPE, installed_router, manifest


def test_manifest_icon_and_worker_are_there_without_a_session() -> None:
    async def main() -> None:
        assets, app = Assets(), FastAPI()
        app.include_router(installed_router(assets))
        app.include_router(assets.router())
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://edge") as http:
            said = await http.get("/me/app.webmanifest")
            assert said.headers["content-type"] == "application/manifest+json"
            assert said.json() == manifest(assets)
            for icon in said.json()["icons"]:
                assert (await http.get(icon["src"])).headers["content-type"] == "image/svg+xml"
            worker = await http.get("/me/worker.js")
            assert worker.headers["service-worker-allowed"] == SCOPE == said.json()["start_url"]
            assert worker.headers["cache-control"] == "no-cache"
            assert worker.headers["content-type"].startswith("text/javascript")

    asyncio.run(main())
