"""uvicorn that ends its live pages first.

uvicorn waits for open responses before it tells the application to stop, and an SSE response never ends by
itself: without this, one open page holds up SIGTERM until the graceful time-out cancels it.
"""

from __future__ import annotations

import socket

import uvicorn

from tradelane.gateway.web.live import Live


class PageServer(uvicorn.Server):
    """A uvicorn server that closes ``live`` at shutdown, before it waits for open responses."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)
