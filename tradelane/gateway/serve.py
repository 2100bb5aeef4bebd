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

import structlog
import uvicorn
from fastapi import FastAPI

from tradelane.gateway.app import Build, build_roles, create_app
from tradelane.gateway.config import Config
from tradelane.gateway.roles import Roles, one_line

GRACE_S = 2
"""Seconds that open answers are waited for."""
BACKLOG = 1024
STOPPING = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def serve(config: Config, build: Build = build_roles) -> int:
    """Serve until told to stop; the process's exit code."""
    return asyncio.run(serving(config, build))


async def serving(config: Config, build: Build = build_roles) -> int:
    """The same within a running loop; signals are heeded from its first step."""
    with Stop() as stop:
        try:
            listener = bind(config.host, config.port)
        except OSError as error:
            reason = error.strerror or str(error)
            log.error("cannot listen", host=config.host, port=config.port, error=reason)
            return 1
        try:
            app = create_app(config, build)
            await app.state.roles.start()
        except Exception as error:
            log.error("cannot start", error=one_line(error))
            listener.close()
            return 1
        return await _served(app, listener, config, stop)


async def _served(app: FastAPI, listener: socket.socket, config: Config, stop: Stop) -> int:
    roles: Roles = app.state.roles
    server = Server(app, roles)
    roles.on_failure = stop.ask
    stop.serve(server)
    host, port = listener.getsockname()[:2]
    url = f"http://{_bracketed(host)}:{port}"
    log.info("listening", url=url, roles=roles.names, data_dir=str(config.data_dir))
    gc.collect()
    gc.freeze()  # what is imported stays: looking through it again and again makes the slowest answers
    await server.serve([listener])
    log.info("stopped")
    return 1 if roles.failure is not None or not server.started else 0


class Stop:
    """Asked for by a signal or a failed role, before or while the server runs. Asked again by SIGINT, it
    waits for nothing more."""

    def __init__(self) -> None:
        self._asked = False
        self._server: uvicorn.Server | None = None

    def ask(self, again_by: int | None = None) -> None:
        if self._server is not None:
            self._server.force_exit = self._asked and again_by == signal.SIGINT
            self._server.should_exit = True
        self._asked = True

    def serve(self, server: uvicorn.Server) -> None:
        """From now on it is this server that stops."""
        self._server = server
        server.should_exit = self._asked

    def __enter__(self) -> Stop:
        for number in STOPPING:
            asyncio.get_running_loop().add_signal_handler(number, self.ask, number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in STOPPING:
            asyncio.get_running_loop().remove_signal_handler(number)


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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._roles.drain()
        await super().shutdown(sockets)

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]  # any will do
        """None: Stop has them. uvicorn's own would raise the signal again and die of it."""
        return contextlib.nullcontext()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; OSError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
