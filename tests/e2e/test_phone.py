"""The owner's pages in a real Chromium at a real gateway: signed in, there while it is away."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.test_page import HEAR_VIOLATIONS, SMALLEST
from tests.gateway.processes import running
from tests.gateway.sites import Site, site
from tradelane.gateway import keys

PAGES = ("/me", "/me/selling", "/me/buying", "/me/money")
HOLD_ANSWERS = """() => {
  const ask = self.fetch;
  self.fetch = async (request) => {
    const answer = await ask(request);
    if (request.url.includes("fragment")) await new Promise((go) => { self.go = go; });
    return answer;
  };
}"""
"""In the service worker: an answer to a fragment stays on its way until ``go``."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    made = site(tmp_path_factory.mktemp("phone"))
    with running(made.path) as process:
        yield process.event("listening")["url"], made


def signed_in(url: str, made: Site, page: Page) -> None:
    assert made.config.edge is not None
    secret = keys.load_token(made.config.edge_token_file)
    asked = urllib.request.Request(
        f"{url}/api/v1/pairings/owner",
        json.dumps({"subject": made.config.edge.members[0].id}).encode(),
        {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked) as answer:
        page.goto(url + json.load(answer)["path"])
    page.click("main button")
    page.wait_for_url(f"{url}/me")


def test_the_phones_pages_are_seen_again_offline(browser: Browser, gateway: tuple[str, Site]) -> None:
    url, made = gateway
    size = {"width": SMALLEST[0], "height": SMALLEST[1]}
    context = browser.new_context(viewport=size, locale="de-DE", color_scheme="dark")  # type: ignore[arg-type]  # a viewport
    context.add_init_script(HEAR_VIOLATIONS)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page = context.new_page()
    signed_in(url, made, page)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    for path in PAGES:
        page.goto(url + path)
    page.goto(f"{url}/me")
    page.wait_for_selector("#status[data-state=live]")
    assert complaints == []
    shown = page.inner_text("main h1")
    context.set_offline(True)
    page.goto(f"{url}/me/selling")
    page.goto(f"{url}/me")
    assert page.inner_text("main h1") == shown
    context.set_offline(False)
    worker = context.service_workers[0]
    worker.evaluate(HOLD_ANSWERS)
    page.evaluate("() => { fetch('/me/money?fragment=1'); }")
    worker.evaluate("async () => { while (!self.go) await new Promise((look) => setTimeout(look, 10)); }")
    page.click('form[action="/pair/out"] button')
    page.wait_for_url(f"{url}/pair")
    worker.evaluate("async () => { self.go(); await new Promise((over) => setTimeout(over, 200)); }")
    assert page.evaluate("() => caches.has('tradelane-last')") is False
    context.close()
