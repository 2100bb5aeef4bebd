"""One process serving one configuration over HTTP until it is told to stop.

Stops within three seconds of SIGTERM or SIGINT: endless answers are ended first, then open ones are waited
for. Ends with 1 when a role failed, so that a supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from tradelane.gateway.app import create_app
from tradelane.gateway.config import Config
from tradelane.gateway.roles import Roles, one_line

GRACE_S = 2
"""Seconds that open answers are waited for."""
BACKLOG = 1024
STOPPING = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def serve(config: Config) -> int:
    """Serve until told to stop; the process's exit code."""
    return asyncio.run(serving(config))


async def serving(config: Config) -> int:
    try:
        listener = bind(config.host, config.port)
    except OSError as error:
        log.error("cannot listen", host=config.host, port=config.port, error=error.strerror or str(error))
        return 1
    try:
        app = create_app(config)
        await app.state.roles.start()
    except Exception as error:
        log.error("cannot start", error=one_line(error))
        listener.close()
        return 1
    return await _served(app, listener, config)


async def _served(app: FastAPI, listener: socket.socket, config: Config) -> int:
    roles: Roles = app.state.roles
    server = Server(app, roles)
    host, port = listener.getsockname()[:2]
    url = f"http://{_bracketed(host)}:{port}"
    log.info("listening", url=url, roles=roles.names, data_dir=str(config.data_dir))
    gc.collect()
    gc.freeze()  # what is imported stays: looking through it again and again makes the slowest answers
    await server.serve([listener])
    log.info("stopped")
    return 1 if roles.failure is not None or not server.started else 0


class Server(uvicorn.Server):
    """uvicorn that ends streams before it waits for them, and ends without dying of the signal."""

    def __init__(self, app: FastAPI, roles: Roles) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._roles = roles
        roles.on_failure = self._stop

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._roles.drain()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own would raise the signal again at the end: an orderly stop is not a death."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOPPING:
                loop.remove_signal_handler(number)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; OSError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
