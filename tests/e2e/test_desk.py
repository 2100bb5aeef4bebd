"""The desk's public pages in a real Chromium at a real gateway: accessible, and a clearing verified there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.test_page import DESKTOP, HEAR_VIOLATIONS, OVERFLOW, SMALLEST
from tests.gateway.desk_market import potatoes, two_busy_gates
from tests.gateway.marketplace import POTATOES, POWER, Marketplace, in_market
from tests.gateway.processes import running

PAGES = (
    "/desk?at=2026-06-21T10:15Z",
    f"/desk/product/{POWER}?zone=NL",
    f"/desk/product/{POTATOES}?view=all",
    f"/desk/proof/{POWER}",
    "/desk/lane/NL%3EGB?to=2026-06-21T12:00Z",
    "/desk/data/flows",
)
LOOKS = ((SMALLEST, "de-DE", "dark"), (DESKTOP, "en-GB", "light"))


def filled(folder: Path) -> Path:
    """The configuration of a market that has cleared twice and trades potatoes."""

    async def use(market: Marketplace) -> None:
        await two_busy_gates(market)
        await potatoes(market)

    in_market(folder, use)
    return folder / "market.toml"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ThreadPoolExecutor(1) as apart:  # the browser has a loop of its own in this thread
        config = apart.submit(filled, tmp_path_factory.mktemp("desk")).result()
    with running(config) as process:
        yield process.event("listening")["url"]


def opened(browser: Browser, complaints: list[str], look: tuple[tuple[int, int], str, str]) -> Page:
    (width, height), locale, scheme = look
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=locale,
        color_scheme=scheme,  # type: ignore[arg-type]  # a literal in a table
    )
    context.add_init_script(HEAR_VIOLATIONS)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    return context.new_page()


@pytest.mark.parametrize("look", LOOKS, ids=("320 px, German, dark", "desktop, light"))
def test_the_desks_pages_are_accessible(
    browser: Browser, url: str, look: tuple[tuple[int, int], str, str]
) -> None:
    complaints: list[str] = []
    page = opened(browser, complaints, look)
    for path in PAGES:
        page.goto(url + path)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate(OVERFLOW) <= 0, path
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert complaints == []
    page.context.close()


def test_a_clearing_is_verified_in_the_browser_and_a_forged_one_is_not(browser: Browser, url: str) -> None:
    complaints: list[str] = []
    page = opened(browser, complaints, LOOKS[1])
    page.goto(f"{url}/desk/proof/{POWER}")
    page.click("#verify")
    expect(page.locator("#verdict")).to_have_text("All of it holds.")
    assert page.locator('.checks [data-state="holds"]').count() == page.locator(".checks li").count() == 8
    assert complaints == []

    def forged(route: Route) -> None:
        body = route.fetch().json()
        flow = next(one for one in body["flows"] if float(one["sent"]) > 0)
        flow["received"] = flow["sent"]
        biggest = max(body["fills"], key=lambda one: float(one["quantity"]))
        biggest["quantity"] = "1"
        route.fulfill(body=json.dumps(body), content_type="application/json")

    page.route("**/result", forged)
    page.click("#verify")
    expect(page.locator("#verdict")).to_have_text("Something does not hold.")
    broken = page.locator('.checks [data-state="fails"]').evaluate_all(
        "all => all.map((one) => one.dataset.check)"
    )
    assert broken == ["digest", "balance", "quantity", "loss", "trades"]
    page.context.close()
