"""People at the pages of the running demo: a roof sells, a farmer ships, an operator narrows lanes."""

from __future__ import annotations

import csv
import io
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page, expect

from tests.e2e.ledgers import rows
from tests.e2e.people import DESKTOP, PHONE, Person, gateway_url, person, read
from tests.e2e.screens import SCREENS, shoot
from tests.e2e.stage import Showing, showing
from tests.e2e.test_page import OVERFLOW

pytestmark = pytest.mark.long
SOON_MS = 90_000
"""A thing of the market takes gates to happen, and this machine may be busy."""
FIRST_PAGE_BYTES = 100_000
NL_LANES = ("NL>GB", "GB>NL", "NL>NO2", "NO2>NL")


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showing]:
    with showing(tmp_path_factory.mktemp("people") / "data", "--intervals", "300") as found:
        yield found


@pytest.fixture(scope="module")
def url(play: Showing) -> str:
    return gateway_url(play)


def accessible(page: Page) -> None:
    assert page.evaluate(OVERFLOW) <= 0, page.url
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def test_a_roof_sells_abroad_from_its_phone(browser: Browser, play: Showing, url: str) -> None:
    anna = person(browser, url, play.folder, "anna", **PHONE, locale="en-GB", color_scheme="light")
    page = anna.go("/me/selling")
    page.fill("#min-price", "0.065")
    page.check('input[name="sells"]')
    page.click('form[action="/me/selling"][method="post"] button')
    expect(page.locator(".done")).to_be_visible()
    anna.go("/me")
    expect(page.locator("#receipts li").first).to_be_visible(timeout=SOON_MS)
    accessible(page)
    play.wait_for("a receipt", lambda: anna.go("/me/money").locator("#receipts a.receipt").count())
    page.click("#receipts a.receipt >> nth=0")
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.locator("tfoot")).to_contain_text("€")
    accessible(page)
    assert anna.complaints == []
    anna.context.close()


def test_a_farmer_sells_potatoes_in_three_taps_and_sees_them_paid(
    browser: Browser, play: Showing, url: str, tmp_path: Path
) -> None:
    farmer = person(browser, url, play.folder, "farmer", **PHONE, locale="zh-CN", color_scheme="dark")
    page = farmer.page
    play.wait_for(
        "a sale of potatoes",
        lambda: any(t["commodity"] == "goods" for t in read(f"{url}/api/v1/overview")["trades"]),
    )
    farmer.go("/me")
    page.locator('nav a[href="/me/goods"]').tap()
    page.locator('a.good[href^="/me/goods/potatoes/"]').first.tap()
    expect(page.locator("#price")).not_to_have_value("")
    page.fill("#price", "0.20")
    accessible(page)
    page.locator("#offer button").first.tap()
    page.wait_for_url("**/me/orders/phone-*")
    expect(page.locator(".way")).to_be_visible(timeout=SOON_MS)
    expect(page.locator(".way").first.locator("li:not(.done-step)")).to_have_count(0, timeout=SOON_MS)
    expect(page.locator(".way li").last).to_contain_text("已付款")
    accessible(page)
    assert farmer.complaints == []
    offers_made_offline_are_sent_once(farmer, play)
    paths = shoot(browser, url, play.folder, tmp_path, page.url.removeprefix(url).partition("?")[0])
    assert {path.name for path in paths} == {f"{name}.png" for name in SCREENS}
    assert min(path.stat().st_size for path in paths) > 10_000
    farmer.context.close()


def offers_made_offline_are_sent_once(farmer: Person, play: Showing) -> None:
    """Two offers without a network, sent when it is back, and not again by opening pages."""
    sent = "SELECT count(*) AS n FROM orders WHERE member = 'farmer' AND id LIKE 'phone-%'"
    before = rows(play.folder, "zone", sent)[0]["n"]
    farmer.go("/me/goods")
    page = farmer.page
    page.locator('a.good[href^="/me/goods/potatoes/"]').first.tap()
    page.fill("#price", "0.33")
    farmer.context.set_offline(True)
    for count in (1, 2):
        page.locator("#offer button").first.tap()
        expect(page.locator("#queued")).to_contain_text(str(count))
    farmer.context.set_offline(False)
    expect(page.locator("#queued")).to_be_hidden(timeout=SOON_MS)
    assert rows(play.folder, "zone", sent)[0]["n"] == before + 2
    for path in ("/me/orders", "/me/goods"):
        farmer.go(path)
    expect(page.locator("#queued")).to_be_hidden()
    assert rows(play.folder, "zone", sent)[0]["n"] == before + 2


def test_the_operator_narrows_lanes_and_prices_part(browser: Browser, play: Showing, url: str) -> None:
    inge = person(
        browser, url, play.folder, "inge", "operator", **DESKTOP, locale="en-GB", color_scheme="dark"
    )
    page = inge.go("/desk/operate")
    for border in ("GB", "NO2"):
        form = (
            page.locator(".piece")
            .filter(has=page.locator("h3", has_text="NL"))
            .filter(has=page.locator("h3", has_text=border))
            .locator("form")
        )
        for field in form.locator('input[name^="kw:"]').all():
            field.fill("0")
        since, until = (form.locator(f'input[name="{name}"]') for name in ("from", "until"))
        first = datetime.fromisoformat(since.input_value()) + timedelta(hours=1)
        since.fill(first.isoformat(timespec="minutes"))
        until.fill((first + timedelta(hours=6)).isoformat(timespec="minutes"))
        form.locator('input[name="reason"]').fill("maintenance")
        form.get_by_role("button", name="Set").click()
        expect(page.locator(".done")).to_be_visible()
    accessible(page)

    def parted() -> bool:
        return bool(read(flows)["items"])

    flows = f"{url}/api/v1/data/flows?from={first.isoformat()}Z"
    play.wait_for("a clearing with the lanes closed", parted)
    told = read(flows)["items"]
    assert {row["sent_wh"] for row in told if row["lane"] in NL_LANES} == {0}
    table = (
        urllib.request.urlopen(f"{url}/api/v1/data/prices?format=csv&from={first.isoformat()}Z")
        .read()
        .decode()
    )
    prices: dict[str, float] = {}
    for row in csv.DictReader(io.StringIO(table)):
        prices.setdefault(row["zone"], float(row["price"]))
    assert prices["NL"] != pytest.approx(prices["GB"] * 1.17, abs=1)
    inge.go("/desk")
    expect(page.locator("main")).to_contain_text("NL")
    accessible(page)
    assert inge.complaints == []
    inge.context.close()


def test_the_first_page_is_light(browser: Browser, url: str) -> None:
    """Bytes over the wire, everything that the page asks for."""
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#status[data-state=live]")
    sizes = page.evaluate(
        "() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((entry) => [entry.name, entry.transferSize])"
    )
    assert sum(size for _, size in sizes) < FIRST_PAGE_BYTES, sizes
    context.close()
