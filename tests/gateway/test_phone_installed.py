"""The owner's pages as an app: what a browser asks for before it installs them."""

from __future__ import annotations

import asyncio
import struct

import httpx2
from fastapi import FastAPI

from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.phone.installed import SCOPE, installed_router, manifest


def png_size(content: bytes) -> tuple[int, int]:
    """Width and height, as a PNG's first chunk says."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) < 10_000
    width, height = struct.unpack(">II", content[16:24])
    return width, height


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
                picture = await http.get(icon["src"])
                assert picture.headers["content-type"] == icon["type"]
                if icon["type"] == "image/png":
                    assert icon["sizes"] == "{}x{}".format(*png_size(picture.content))
            assert {icon["type"] for icon in said.json()["icons"]} == {"image/svg+xml", "image/png"}
            assert png_size(assets.files["icon-180.png"]) == (180, 180)
            worker = await http.get("/me/worker.js")
            assert worker.headers["service-worker-allowed"] == SCOPE == said.json()["start_url"]
            assert worker.headers["cache-control"] == "no-cache"
            assert worker.headers["content-type"].startswith("text/javascript")

    asyncio.run(main())
