"""What the rooms' tests share: recorded material kept outside the repository, ports, a real MQTT broker."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 20
"""How long a server may take to accept its first connection before the test gives up on it."""


def shared_path(relative: str) -> Path | None:
    """Where a file lies of the material that is not ours to publish (captures, price files, specifications),
    or None: where TRADELANE_SHARED says, else in ``shared`` beside the repository.
    """
    path = Path(os.environ.get("TRADELANE_SHARED") or ROOT.parent / "shared") / relative
    return path if path.exists() else None


def shared_file(relative: str) -> Path:
    """A file of that material. A test without it is skipped, and the skip names the file."""
    path = shared_path(relative)
    if path is None:
        pytest.skip(f"SHARED FILE MISSING: {relative} (set TRADELANE_SHARED to the folder that holds it)")
    return path


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago; bind port 0 yourself where you can."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """The full path of a program that a test needs; the test is skipped, and says why, where it is missing.

    Looks into sbin too: that is where Debian keeps daemons, off most people's PATH.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"PROGRAM MISSING: {name} (python3 dev.py test says which package has it)")
    return found


@contextmanager
def running_mosquitto(folder: Path, port: int | None = None, settings: str = "") -> Iterator[int]:
    """A real broker on 127.0.0.1 while the block runs; yields its port.

    ``settings`` are further lines of mosquitto.conf. Give the same ``folder`` and ``port`` again to restart
    it. Without ``port``, a free one is taken, and another when it was lost to someone else meanwhile.
    """
    command = program("mosquitto")
    for attempt in range(3):
        chosen = port or free_port()
        broker = start_mosquitto(command, folder, chosen, settings)
        if accepts(broker, chosen):
            break
        stop(broker)
        if port or attempt == 2:
            log = (folder / "mosquitto.log").read_text(errors="replace")
            raise AssertionError(f"mosquitto did not start on port {chosen}:\n{log}")
    try:
        yield chosen
    finally:
        stop(broker)


def start_mosquitto(command: str, folder: Path, port: int, settings: str) -> subprocess.Popen[bytes]:
    """The broker's process, not yet accepting. As root it would else change to a user who cannot read."""
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "log_dest stdout", settings]
    if os.geteuid() == 0:
        lines.append("user root")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    with (folder / "mosquitto.log").open("ab") as log:
        return subprocess.Popen([command, "-c", str(config)], stdout=log, stderr=log)


def accepts(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until ``server`` accepts a connection; False when it ended or stayed deaf instead."""
    deadline = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return server.poll() is None
    return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a process we started, by its own id: asked first, then killed."""
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
