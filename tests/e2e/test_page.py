"""The page in a real Chromium, served by a real uvicorn: phone and desktop, light and dark, live and not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.gateway.page_samples import amount, busy, empty, trade, with_zones
from tests.gateway.page_server import PageUnderTest
from tradelane.gateway.overview import Overview

TABS = 20
PHONE, DESKTOP, SMALLEST = (390, 844), (1280, 800), (320, 640)
HEAR_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`));
"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, summary, .foot a")]
  .map((element) => [element.textContent.trim().slice(0, 20), element.getBoundingClientRect().height])
  .filter(([, height]) => height < 44)"""


@pytest.fixture
def served() -> Iterator[PageUnderTest]:
    page = PageUnderTest(busy)
    page.publish()
    yield page
    page.stop()


class Visit:
    """One browser context whose console, failures and requests are kept."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: self._hear(message.type, message.text))
        context.add_init_script(HEAR_VIOLATIONS)
        self.context = context
        self.page: Page = context.new_page()

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open_live(self, url: str) -> Page:
        self.page.goto(url)
        self.page.wait_for_selector("#status[data-state=live]")
        return self.page


Opening = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opening]:
    contexts: list[BrowserContext] = []

    def opening(size: tuple[int, int] = DESKTOP, **options: object) -> Visit:
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]  # of many kinds
        contexts.append(context)
        return Visit(context)

    yield opening
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("size", "scheme", "locale", "overview"),
    [
        pytest.param(PHONE, "dark", "zh-CN", busy, id="phone, dark, Chinese"),
        pytest.param(SMALLEST, "light", "de-DE", busy, id="320 px, light, German"),
        pytest.param(SMALLEST, "dark", "nb-NO", lambda: with_zones(8), id="320 px, dark, Norwegian, 8 zones"),
        pytest.param(SMALLEST, "light", "de-DE", empty, id="320 px, light, German, empty"),
    ],
)
def test_accessible_quiet_and_within_the_screen(
    served: PageUnderTest,
    visit: Opening,
    size: tuple[int, int],
    scheme: str,
    locale: str,
    overview: Callable[[], Overview],
) -> None:
    served.source = overview
    visiting = visit(size, color_scheme=scheme, reduced_motion="reduce", locale=locale)
    page = visiting.open_live(served.url)
    for details in page.locator("summary").all():
        details.click()
    assert page.locator("html").get_attribute("lang") == locale[:2]
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(SMALL_TARGETS) == []
    assert visiting.complaints == []
    assert {url for url in visiting.requests if not url.startswith(f"{served.url}/")} == set()
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


def test_lives(served: PageUnderTest, visit: Opening) -> None:
    visiting = visit()
    page = visiting.open_live(served.url)
    page.locator("summary").click()
    page.locator("#language").select_option("de")
    page.locator("#map-table summary").focus()
    expect(page.locator("h1")).to_contain_text("3.4 kWh")

    def later() -> Overview:
        overview = busy(extra_wh=1_000)
        overview["sellers_abroad"] = 4
        new = trade(10, "7.5", "NL", "GB", amount("1", "EUR"), amount("1", "GBP"))
        overview["trades"] = [new, *overview["trades"]]
        return overview

    served.source = later
    served.publish()
    expect(page.locator("h1")).to_contain_text("4 roofs in NL are selling 4.4 kWh")
    expect(page.locator(".trade-list .trade").first).to_contain_text("7.5\u00a0kWh")
    expect(page.locator(".trade-list .trade.fresh")).to_have_count(1)
    expect(page.locator("#zone-NL .zone-net")).to_have_text("▲ sells 4.4 kWh")
    expect(page.locator("#map-table")).to_have_attribute("open", "")
    expect(page.locator("#map-table summary")).to_be_focused()
    expect(page.locator("#language")).to_have_value("de")
    served.source = busy
    served.publish()
    expect(page.locator("h1")).to_contain_text("3.4 kWh")
    assert page.locator(".trade-list .trade").count() == len(busy()["trades"])
    assert visiting.complaints == []


def test_goes_on_without_a_shared_worker(served: PageUnderTest, visit: Opening) -> None:
    visiting = visit()
    visiting.context.add_init_script("delete window.SharedWorker")
    page = visiting.open_live(served.url)
    served.source = lambda: busy(extra_wh=600)
    served.publish()
    expect(page.locator("h1")).to_contain_text("4 kWh")
    assert f"{served.url}/api/v1/events" in visiting.requests


def test_many_tabs_share_one_stream(served: PageUnderTest, visit: Opening) -> None:
    visiting = visit()
    pages = [visiting.open_live(served.url)]
    for _ in range(TABS - 1):
        pages.append(visiting.context.new_page())
        pages[-1].goto(served.url)
    served.source = lambda: busy(extra_wh=600)
    served.publish()
    for page in pages:
        page.bring_to_front()
        expect(page.locator("h1")).to_contain_text("4 kWh")
        expect(page.locator("#status")).to_have_text("live")
    streams = [url for url in visiting.requests if url.endswith("/api/v1/events")]
    assert len(streams) <= 1, "a shared worker's, which no page asks for itself"


def test_says_so_when_the_market_is_away_and_comes_back(visit: Opening) -> None:
    first = PageUnderTest(busy)
    first.publish()
    page = visit(timezone_id="UTC").open_live(first.url)
    first.stop()
    expect(page.locator("#status")).to_have_text("reconnecting, data from 12:03")
    second = PageUnderTest(lambda: busy(extra_wh=600), port=first.port, first_id=100)
    second.publish()
    expect(page.locator("#status")).to_have_text("live", timeout=30_000)
    expect(page.locator("h1")).to_contain_text("4 kWh")
    second.stop()


def test_works_without_script(served: PageUnderTest, visit: Opening) -> None:
    page = visit(PHONE, java_script_enabled=False).page
    page.goto(served.url)
    expect(page.locator("h1")).to_have_text("3 roofs in NL are selling 3.4 kWh abroad this quarter hour.")
    expect(page.locator("#status")).to_have_text("as of 12:03 UTC")
    expect(page.locator('meta[http-equiv="refresh"]')).to_have_count(1)
    page.locator("summary").click()
    expect(page.get_by_role("row", name="NL → GB")).to_contain_text("100 % full")


def test_times_are_the_viewer_s_and_the_gate_counts_down(served: PageUnderTest, visit: Opening) -> None:
    page = visit(timezone_id="Europe/Amsterdam").open_live(served.url)
    expect(page.locator(".when time")).to_have_text("14:03")
    expect(page.locator(".when time")).to_have_attribute("title", "12:03 UTC")
    expect(page.locator("#zone-note")).to_have_text("Times are those of Europe/Amsterdam.")
    expect(page.locator("[data-gate-ms]")).to_have_text("in 5\u00a0s")
    expect(page.locator("[data-gate-ms]")).to_have_text("now", timeout=15_000)


@pytest.mark.parametrize(("motion", "animations"), [("reduce", 0), ("no-preference", 3)])
def test_motion_only_where_welcome(
    served: PageUnderTest, visit: Opening, motion: str, animations: int
) -> None:
    page = visit(reduced_motion=motion).open_live(served.url)
    assert page.evaluate("() => document.getAnimations().length") == animations


def test_every_control_is_reached_by_keyboard(served: PageUnderTest, visit: Opening) -> None:
    page = visit().open_live(served.url)
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.textContent.trim().split('\\n')[0]"))
    assert reached[0] == "Skip to the content"
    assert reached[1:] == [
        "The same as a table", "This page as JSON", "English", "Change",
    ]  # fmt: skip


def test_the_language_is_changed_where_the_reader_stands(served: PageUnderTest, visit: Opening) -> None:
    page = visit().open_live(served.url)
    page.locator("#language").select_option("de")
    page.get_by_role("button", name="Change").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("#status")).to_have_text("live")
    expect(page.locator("#zone-NL .zone-net")).to_have_text("▲ verkauft 3,4\u00a0kWh")


def test_hostile_names_stay_words(served: PageUnderTest, visit: Opening) -> None:
    overview = busy()
    overview["trades"][0]["seller_zone"] = "<script>document.title='taken'</script>" + "very" * 60
    overview["zones"][0]["name"] = "<img src=x onerror=alert(1)>"
    served.source = lambda: overview
    visiting = visit(SMALLEST)
    page = visiting.open_live(served.url)
    served.publish()
    expect(page.locator(".trade-list .trade").first).to_contain_text("<script>")
    assert page.title() == "Tradelane: the market now"
    assert page.evaluate(OVERFLOW) <= 0
    assert visiting.complaints == []
