"""The doctor's checks in a process of their own, which is killed when there is no more time for them.

A thread would go on in this process and slow the summary down. The process is forked: whoever starts it has
no other threads.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection

from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.doctor import Finding, findings


class Examining:
    """Starts at once; ``findings`` waits for it. ``configs`` by the word their checks' names begin with."""

    def __init__(self, configs: Mapping[str, Config]) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_look, args=(configs, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def findings(self, until_ms: float | None) -> list[Finding]:
        """All findings, or those made by ``until_ms`` (Clock.monotonic_ms) and one that says so."""
        found: list[Finding] = []
        try:
            while self._ours.poll(_seconds_to(until_ms)):
                found.append(self._ours.recv())
        except EOFError:
            self._process.join()
            if self._process.exitcode:
                found.append(Finding("examination", False, f"ended with exit code {self._process.exitcode}"))
            return found
        self._process.kill()
        return [*found, Finding("all else", None, "not looked at, to end in time")]


def _seconds_to(until_ms: float | None) -> float | None:
    return None if until_ms is None else max(0.0, until_ms - Clock.monotonic_ms()) / 1000


def _look(configs: Mapping[str, Config], out: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for whose, config in configs.items():
        for finding in findings(config):
            out.send(replace(finding, check=whose + finding.check))
    out.close()
