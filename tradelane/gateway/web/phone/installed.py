"""What makes a browser install the owner's pages as an app: manifest, icon and service worker.

All three are the same for everybody; a manifest is asked for without a session.
"""

from __future__ import annotations

import json

from fastapi import APIRouter, Response

from tradelane.gateway.web.assets import Assets

SCOPE = "/me"
"""Which pages the app is."""
PAPER, BRAND = "#f3f5f2", "#0b4f53"
PURPOSES = ("any", "maskable")
SIZES = (192, 512)
"""In pixels, for systems that draw no SVG; made of icon.svg by ``python -m tests.e2e.icons``."""


def installed_router(assets: Assets) -> APIRouter:
    router = APIRouter()
    said = json.dumps(manifest(assets)).encode()
    fresh = {"Cache-Control": "no-cache"}

    @router.get("/me/app.webmanifest", include_in_schema=False)
    async def app() -> Response:
        return Response(said, media_type="application/manifest+json", headers=fresh)

    @router.get("/me/worker.js", include_in_schema=False)
    async def worker() -> Response:
        """Under the pages' own path, as a worker serves only what lies below it, or what is allowed here."""
        allowed = {"Service-Worker-Allowed": SCOPE}
        return Response(
            assets.files["offline.js"], media_type="text/javascript; charset=utf-8", headers=fresh | allowed
        )

    return router


def manifest(assets: Assets) -> dict[str, object]:
    icons = [{"src": assets.url("icon.svg"), "type": "image/svg+xml", "sizes": "any"}]
    for size in SIZES:
        source = assets.url(f"icon-{size}.png")
        icons.append({"src": source, "type": "image/png", "sizes": f"{size}x{size}"})
    return {
        "id": SCOPE,
        "name": "Tradelane",
        "short_name": "Tradelane",
        "start_url": SCOPE,
        "scope": SCOPE,
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": BRAND,
        "icons": [icon | {"purpose": purpose} for icon in icons for purpose in PURPOSES],
    }
