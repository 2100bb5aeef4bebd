"""Ports of the demo's processes, and what to tell a person when one is not to be had."""

from __future__ import annotations

import errno
import os
import socket

from tradelane.gateway.commands.failure import CommandFailed, ExitCode

LOWEST, HIGHEST = 20_000, 32_767
"""Below the range that outgoing connections get theirs from: while a process is being started again, no
connection of another can come to sit on its port."""
HOST = "127.0.0.1"
BROKER_S = 3.0
"""Seconds a broker has to accept a connection."""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now. Demos side by side begin to look in different places."""
    span = HIGHEST - LOWEST + 1
    start = os.getpid() * 97 % span
    held: list[socket.socket] = []
    try:
        for step in range(span):
            if len(held) == count:
                break
            port = LOWEST + (start + step) % span
            try:
                held.append(socket.create_server((HOST, port)))
            except OSError:
                continue
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def require_free(port: int) -> None:
    """CommandFailed, naming the option to change, when the page cannot be served on ``port``."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
        raise CommandFailed(
            ExitCode.FAILURE, f"port {port} {why}; choose another with --port, or any free one with --port 0"
        ) from None


def require_broker(host: str, port: int) -> None:
    """CommandFailed when nothing listens where the broker should be."""
    try:
        socket.create_connection((host, port), timeout=BROKER_S).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise CommandFailed(
            ExitCode.UNREACHABLE, f"--mqtt: no broker answers at {host}:{port}: {why}"
        ) from None
