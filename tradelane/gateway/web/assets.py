"""The page's own files, read once and served under the hash of their content.

Always true: a URL's content never changes, so browsers keep it for a year; all files share one hash, so
that a module's relative import finds its neighbour of the same version.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, HTTPException, Response

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


class Assets:
    """The static files of ``folder`` by name."""

    def __init__(self, folder: Path = STATIC) -> None:
        paths = sorted(path for path in folder.iterdir() if path.suffix in MEDIA_TYPES)
        self.files = {path.name: path.read_bytes() for path in paths}
        digest = hashlib.sha256()
        for name, content in self.files.items():
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        self.version = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """Where ``name`` is served; KeyError when there is no such file."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def router(self) -> APIRouter:
        router = APIRouter()

        @router.get("/static/{version}/{name}", include_in_schema=False)
        async def static(version: str, name: str) -> Response:
            content = self.files.get(name)
            if content is None or version != self.version:
                raise HTTPException(404)
            return Response(
                content,
                media_type=MEDIA_TYPES[Path(name).suffix],
                headers={"Cache-Control": "public, max-age=31536000, immutable"},
            )

        return router
