"""A real uvicorn with the page, on a thread of its own, for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from tradelane.gateway.overview import Overview
from tradelane.gateway.web.live import Live
from tradelane.gateway.web.pages import page_router
from tradelane.gateway.web.security import add_security_headers
from tradelane.gateway.web.server import PageServer


class PageUnderTest:
    """Serves ``source`` until stop(); ``url`` is where. There is no graceful time-out to fall back on."""

    def __init__(self, source: Callable[[], Overview], port: int = 0, first_id: int = 0) -> None:
        self.source = source
        self.live = Live(first_id)
        app = FastAPI(docs_url=None, redoc_url=None)
        app.include_router(page_router(lambda: self.source(), self.live))
        add_security_headers(app)
        self._server = PageServer(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off"), self.live
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait()
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def publish(self) -> int:
        """Publish what ``source`` says now; returns the event's id."""

        async def work() -> int:
            return self.live.publish(self.source())

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result()

    def stop(self) -> None:
        """Ask the server to end and wait until it has."""
        self._server.should_exit = True
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        self._ready.set()
        await serving
