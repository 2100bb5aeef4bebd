"""People at the pages of a running demo: who signs in where, in a browser of their own."""

from __future__ import annotations

import json
import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.stage import Showing
from tests.e2e.test_page import HEAR_VIOLATIONS
from tradelane.gateway import keys

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}


@dataclass
class Person:
    """One browser, signed in; ``complaints`` are errors its console or its policy told of."""

    url: str
    context: BrowserContext
    page: Page
    complaints: list[str]

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page


def gateway_url(play: Showing) -> str:
    """Once the demo's gateway answers."""
    place = play.folder / "gateway.toml"
    play.wait_for("the gateway's file", place.exists)
    url = f"http://127.0.0.1:{tomllib.loads(place.read_text())['port']}"
    play.wait_for("the gateway", lambda: _answers(url))
    return url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def person(
    browser: Browser, url: str, folder: Path, subject: str, role: str = "owner", **options: Any
) -> Person:
    """``subject`` signed in at the gateway whose files are in ``folder``."""
    context = browser.new_context(**options)
    complaints: list[str] = []
    context.add_init_script(HEAR_VIOLATIONS)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    found = Person(url, context, context.new_page(), complaints)
    sign_in(found, folder, subject, role)
    return found


def sign_in(who: Person, folder: Path, subject: str, role: str) -> None:
    """A browser may hold a session of each role."""
    who.go(_way_in(who.url, folder, subject, role))
    who.page.click("main button")
    who.page.wait_for_url(lambda there: "code=" not in there and not there.endswith(("/pair", "/sign-in")))


def _way_in(url: str, folder: Path, subject: str, role: str) -> str:
    secret = keys.load_token(folder / ("edge.token" if role == "owner" else "zone.token"))
    asked = urllib.request.Request(
        f"{url}/api/v1/pairings/{role}",
        json.dumps({"subject": subject}).encode(),
        {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked) as answer:
        return str(json.load(answer)["path"])


def read(url: str) -> Any:
    """What everyone may read, as JSON."""
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)
