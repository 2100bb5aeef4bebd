"""Log lines: one JSON object each off a terminal, columns on one; other libraries' warnings too.

tradelane.gateway.logs is looked at from outside, in processes of its own.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

SCRIPT = """
import logging, structlog
from tradelane.gateway import logs
logs.configure()
log = structlog.get_logger()
log.info("cleared", product="power", price="41.20 €")
log.debug("never shown")
logging.getLogger("uvicorn.error").warning("slow %s", "client")
logging.getLogger("uvicorn.error").info("never shown")
try:
    raise ValueError("torn")
except ValueError as error:
    log.error("failed", exc_info=error)
"""


def test_one_object_a_line() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    first, second, third = (json.loads(line) for line in done.stderr.splitlines())
    assert (first["event"], first["level"], first["price"]) == ("cleared", "info", "41.20 €")
    assert first["time"].endswith("Z")
    assert (second["event"], second["level"]) == ("slow client", "warning")
    assert third["event"] == "failed" and "ValueError: torn" in third["exception"]


def test_columns_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # Linux says so when the other end is closed
        os.close(ours)
    assert b"cleared" in shown and b"slow client" in shown and b"never shown" not in shown
    assert b'{"' not in shown
