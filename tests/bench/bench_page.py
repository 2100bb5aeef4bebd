"""How long a first visit takes until the page's own script has run, on a processor slowed down four times.

Nothing is cached but the session. Beside a second, in which a page is to be ready; the floor's name says what
an empty page of the same server takes in the same run, when something was seen first, and the bytes that
were sent.
"""

from __future__ import annotations

import atexit
import statistics
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.harness import Pair, Unmeasurable, benchmark
from tests.e2e.browser import CHROMIUM, chromium
from tests.e2e.every_page import Place
from tests.e2e.people import DESKTOP, PHONE, person, sign_in

SLOWED = 4
READY_MS = 1000.0
ROUNDS = 5
FOUND = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const all = [page, ...performance.getEntriesByType("resource")];
  const size = all.reduce((sum, one) => sum + one.transferSize, 0);
  return [page.domContentLoadedEventEnd, paint?.startTime ?? 0, size];
}"""
"""Modules have run when DOMContentLoaded is over."""


class Visit(NamedTuple):
    """Milliseconds from the beginning of the visit; bytes with their headers."""

    ready: float
    painted: float
    size: float


class Street:
    """A gateway and a browser, signed in as an owner and as an operator."""

    def __init__(self) -> None:
        if not CHROMIUM.exists():
            raise Unmeasurable(f"{CHROMIUM} is not installed")
        held = ExitStack()
        atexit.register(held.close)
        self._place = Place(Path(held.enter_context(tempfile.TemporaryDirectory())))
        held.callback(self._place.close)
        self._browser = held.enter_context(chromium())
        who = person(self._browser, self._place.url, self._place.folder, "rosa", service_workers="block")
        sign_in(who, self._place.folder, "bo", "operator")
        self._session = who.context.storage_state()
        who.context.close()

    def visit(self, path: str, device: dict[str, Any]) -> Visit:
        context = self._browser.new_context(
            storage_state=self._session, service_workers="block", locale="en-GB", **device
        )
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        page.goto(self._place.url + path)
        page.wait_for_function("() => document.readyState === 'complete' && performance.now() > 0")
        found = Visit(*page.evaluate(FOUND))
        context.close()
        return found

    def usual(self, path: str, device: dict[str, Any]) -> Visit:
        """Medians."""
        visits = [self.visit(path, device) for _ in range(ROUNDS)]
        return Visit(*(statistics.median(column) for column in zip(*visits, strict=True)))


@cache
def street() -> Street:
    return Street()


def _pair(path: str, device: dict[str, Any]) -> Pair:
    there = street()
    usual, empty = there.usual(path, device), there.usual("/healthz", device)
    name = (
        f"what it may take; an empty page {empty.ready:.0f} ms, first painted {usual.painted:.0f} ms,"
        f" {usual.size / 1000:.0f} kB"
    )
    return Pair(lambda: there.visit(path, device).ready, lambda: READY_MS, name, repetitions=9, warm_up=1)


@benchmark("page", goal=1)
def phone() -> Pair:
    return _pair("/me", PHONE)


@benchmark("page-desk", goal=1)
def desk() -> Pair:
    return _pair("/desk", DESKTOP)
