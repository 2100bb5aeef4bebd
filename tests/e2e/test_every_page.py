"""Every page there is, in a real Chromium at a real gateway: accessible in both themes, on a phone and at a
desk; left open while the gateway is away; and a clearing verified in one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python  # type: ignore[import-untyped]  # it has no types
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.every_page import Place, addresses
from tests.e2e.people import Person, person, sign_in
from tests.e2e.test_page import DESKTOP, OVERFLOW, SMALLEST
from tests.gateway.marketplace import POTATOES, POWER

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
VIOLATIONS = """(rules) => axe.run({resultTypes: ["violations"], ...rules}).then(({violations}) =>
  violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html.slice(0, 120)).join(" | ")}`))"""
ALL_RULES: dict[str, Any] = {}
COLOURS = {"runOnly": ["color-contrast"]}
"""What a theme can change."""
OPEN_ALL = "() => { for (const one of document.querySelectorAll('details')) one.open = true; }"
LOOKS: tuple[tuple[Literal["light", "dark"], tuple[int, int], dict[str, Any]], ...] = (
    ("light", DESKTOP, ALL_RULES),
    ("light", SMALLEST, ALL_RULES),
    ("dark", SMALLEST, COLOURS),
    ("dark", DESKTOP, COLOURS),
)
SOON_MS = 60_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("pages"))
    yield found
    found.close()


def of_both_roles(browser: Browser, place: Place, **options: Any) -> Person:
    """One browser in which an owner and an operator are signed in."""
    who = person(browser, place.url, place.folder, "rosa", service_workers="block", **options)
    sign_in(who, place.folder, "bo", "operator")
    return who


def sized(size: tuple[int, int]) -> Any:
    return {"width": size[0], "height": size[1]}


def test_every_page_is_accessible_quiet_and_within_the_screen(browser: Browser, place: Place) -> None:
    who = of_both_roles(browser, place, locale="de-DE", reduced_motion="reduce")
    page = who.page
    order = ordered(who)
    who.go("/me/money")
    receipt = page.locator('a[href^="/me/money/"]:not([href$=".csv"])').first.get_attribute("href") or ""
    more = {"/me/orders/{order}": [order], "/me/money/{receipt}": [receipt]}
    found: list[str] = []
    for path in addresses(place.config, more):
        answer = page.goto(place.url + path)
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"
        assert answer.headers["content-type"].startswith("text/html"), f"{path}: no page?"
        page.evaluate(AXE)
        page.evaluate(OPEN_ALL)
        for theme, size, rules in LOOKS:
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size(sized(size))
            look = f"{path} {theme} {size[0]} px"
            found += [f"{look}: {one}" for one in page.evaluate(VIOLATIONS, rules)]
            if page.evaluate(OVERFLOW) > 0:
                found.append(f"{look}: wider than the screen")
    assert found == []
    assert who.complaints == []
    who.context.close()


def ordered(who: Person) -> str:
    """The page of an offer of potatoes."""
    page = who.go(f"/me/goods/{POTATOES}")
    page.fill("#price", "0.20")
    page.click("#offer button >> nth=0")
    page.wait_for_url("**/me/orders/phone-*")
    return page.url.removeprefix(who.url)


def test_pages_left_open_come_back_after_a_restart(browser: Browser, place: Place) -> None:
    who = of_both_roles(browser, place, viewport=sized(DESKTOP), locale="en-GB")
    pages = [who.page, who.context.new_page(), who.context.new_page()]
    for page, path in zip(pages, ("/me", "/desk", "/"), strict=True):
        page.goto(place.url + path)
        expect(page.locator("#status")).to_have_attribute("data-state", "live")
        page.evaluate("() => { window.here = true; }")
    acting = who.context.new_page()
    acting.goto(f"{place.url}/desk/operate")
    acting.locator('form[action$="/halt"] input[name="reason"]').last.fill("storm")
    place.stop()
    for page in pages:
        said(page, "lost", "reconnecting, data from")
    place.start_again()
    for page in pages:
        said(page, "live", "live")
        assert page.evaluate("() => window.here") is True, "nobody loaded it anew"
    acting.locator('form[action$="/halt"] button').last.click()
    expect(acting.locator(".done")).to_have_text("The market is halted.")
    expect(pages[1].locator("main")).to_contain_text("storm", timeout=SOON_MS)
    who.context.close()


def said(page: Page, state: str, text: str) -> None:
    page.bring_to_front()
    expect(page.locator("#status")).to_have_attribute("data-state", state, timeout=SOON_MS)
    expect(page.locator("#status")).to_contain_text(text)


def test_a_clearing_is_verified_in_the_browser_and_a_forged_one_is_not(
    browser: Browser, place: Place
) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{place.url}/desk/proof/{POWER}")
    page.click("#verify")
    expect(page.locator("#verdict")).to_have_text("All of it holds.")
    assert page.locator('.checks [data-state="holds"]').count() == page.locator(".checks li").count() == 8

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
    context.close()
