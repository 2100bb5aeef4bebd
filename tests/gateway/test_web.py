"""The page as a browser without script gets it, its headers and files, and SSE over a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.gateway.page_samples import amount, busy, empty, lane, trade, with_zones, zone
from tradelane.gateway.overview import Overview
from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.headline import headline
from tradelane.gateway.web.live import Live
from tradelane.gateway.web.pages import Renderer, gate_in, page_router
from tradelane.gateway.web.picture import CARD_HEIGHT, CARD_WIDTH, Picture, draw
from tradelane.gateway.web.security import CONTENT_SECURITY_POLICY, HEADERS, add_security_headers
from tradelane.gateway.web.words import LOCALES

SCRIPT = "<script>alert('x')</script>"


def drawn(overview: Overview) -> Picture:
    return draw(overview["zones"], overview["lanes"])


VOID = {"meta", "link", "path", "circle", "rect", "polygon", "br", "hr", "img", "input"}
FORMATS = Formats("en")


class Markup(HTMLParser):
    """Elements, their attributes and the text; fails on tags that do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [a for _, a in self.elements if name in (a.get("class") or "").split()]


def rendered(overview: Overview) -> Markup:
    return Markup(Renderer(Assets()).page(overview, "en"))


def hostile() -> Overview:
    long = "Ærø–Łódź cooperative of very many roofs " * 8 + SCRIPT
    overview = busy()
    overview["zones"] = [zone(SCRIPT, long, "EUR", "-12.5", 10), zone('"><b>', long, "NOK", None, -10)]
    overview["lanes"] = [
        lane(SCRIPT, '"><b>', 10, 5),
        lane(SCRIPT, "nowhere", 1, 1),
        lane(SCRIPT, SCRIPT, 1, 0),
    ]
    overview["trades"] = [trade(1, "1", SCRIPT, '"><b>', amount("1", "EUR"), amount("1", "NOK"), SCRIPT)]
    return overview


SAMPLES = {
    "busy": busy(),
    "empty": empty(),
    "hostile": hostile(),
    **{f"{count} zones": with_zones(count) for count in range(1, 9)},
}


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(page_router(busy, Live()))
    add_security_headers(app)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("name", SAMPLES)
def test_every_page_is_whole_and_keeps_the_policy(name: str) -> None:
    markup = rendered(SAMPLES[name])
    assert len(markup.named("main")) == 1
    assert len(markup.named("h1")) == 1
    scripts = markup.named("script")
    assert [script["src"] for script in scripts] == [Assets().url("page.js")]
    for tag, attributes in markup.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
        for link in ("href", "src", "action"):
            assert (attributes.get(link) or "/").startswith(("/", "#"))
    ids = [attributes["id"] for _, attributes in markup.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert not re.search(r"-[^\d ]?0(\.0+)?(?![\d.])", markup.text)


def test_names_are_text_never_markup() -> None:
    markup = rendered(hostile())
    assert SCRIPT in markup.text
    assert "onfocus" not in {name for _, attributes in markup.elements for name in attributes}
    assert len(markup.named("b")) == len(rendered(busy()).named("b")) - len(busy()["trades"]) + 1


def test_the_busy_page_says_it_all() -> None:
    text = rendered(busy()).text
    for words in (
        "3 roofs in NL are selling 3.4 kWh abroad this quarter hour.",
        "Sunday, 21 June 2026, 12:03 UTC demo clock, 90 × real time",
        "in 8 s 12:15 UTC",
        "0.6 s (median), 1.1 s (p99) of 412 sales; Marco Polo took eight years",
        "NOK 478.10",
        "£52.75",
        "▲ sells 3.4 kWh",
        "▼ buys 1.02 kWh",
        "2.5 kWh, full",
        "NL → GB 2.5 kWh 2.44 kWh 2.5 kWh 100 % full",
        "Energy sold abroad 184 kWh",
        "Goods sold abroad 1,250 kg",
        "seller gets €0.0302 buyer pays £0.0387 money reserved 11:59 UTC",
    ):
        assert words in text


def test_trades_are_listed_in_the_order_given() -> None:
    listed = [element["id"] for element in rendered(busy()).of_class("trade") if "id" in element]
    assert listed == [f"trade-{one['id']}" for one in busy()["trades"]]


def test_a_full_lane_is_marked_by_shape_and_word() -> None:
    markup = rendered(busy())
    map_lanes = [a for a in markup.of_class("lane") if (a.get("id") or "").startswith("lane-")]
    assert [a["id"] for a in map_lanes if "full" in (a["class"] or "")] == ["lane-NL-GB"]
    assert len(markup.of_class("bars")) == 2  # the lane's, and the legend's
    assert "NL → GB: 2.5 kWh, full." in markup.text


def test_the_readers_language_is_selected() -> None:
    options = rendered(busy()).named("option")
    assert [option["value"] for option in options if "selected" in option] == ["en"]
    assert len(options) == len(LOCALES)


def test_before_the_first_auction() -> None:
    overview = busy()
    for one in overview["zones"]:
        one["price"] = None
    overview["marco_polo_ms"] = None
    text = rendered(overview).text
    assert "The market waits for its first auction." in text
    assert "no price yet" in text
    assert "the first sale abroad sets the time" in text


def test_headline_counts_who_sells_abroad() -> None:
    assert headline(busy(), FORMATS).startswith("3 roofs in NL are")
    overview = busy()
    overview["sellers_abroad"] = 1
    assert headline(overview, FORMATS).startswith("1 roof in NL is")
    overview["sellers_abroad"] = 0
    assert headline(overview, FORMATS).startswith("Roofs in NL are")
    for one in overview["zones"]:
        one["net_wh"] = 0
    assert headline(overview, FORMATS).startswith("No energy crosses a border this quarter hour")


@pytest.mark.parametrize("count", range(1, 31))
def test_cards_never_overlap_and_lanes_stay_on_the_canvas(count: int) -> None:
    picture = drawn(with_zones(count))
    assert len(picture.zones) == count
    for index, one in enumerate(picture.zones):
        assert 0 <= one.left <= picture.width - CARD_WIDTH
        assert 0 <= one.top <= picture.height - CARD_HEIGHT
        for other in picture.zones[:index]:
            assert abs(one.at.x - other.at.x) >= CARD_WIDTH or abs(one.at.y - other.at.y) >= CARD_HEIGHT
    for arrow in picture.lanes:
        numbers = [float(text) for text in re.findall(r"-?\d+\.\d", arrow.path + " " + arrow.head)]
        for x, y in zip(numbers[::2], numbers[1::2], strict=True):
            assert 0 <= x <= picture.width
            assert 0 <= y <= picture.height


def test_width_follows_flow_and_fill_follows_use() -> None:
    arrows = {arrow.lane["id"]: arrow for arrow in drawn(busy()).lanes}
    assert arrows["NL-GB"].width > arrows["NL-NO2"].width > arrows["GB-NO2"].width
    assert (arrows["NL-GB"].use, arrows["NL-NO2"].use, arrows["GB-NO2"].use) == (100.0, 50.0, 10.0)
    assert [lane_id for lane_id, arrow in arrows.items() if arrow.full] == ["NL-GB"]


def test_a_lane_from_or_to_nowhere_is_not_drawn() -> None:
    overview = busy()
    overview["lanes"] = [lane("NL", "XX", 5, 9), lane("XX", "NL", 5, 9), lane("NL", "NL", 5, 9)]
    assert drawn(overview).lanes == []


def test_the_gate_counts_in_real_time() -> None:
    overview = busy()
    assert gate_in(overview) == 8_000
    overview["next_gate"] = "2026-06-21T12:00Z"
    assert gate_in(overview) == 0


def test_page_answers_with_the_policy_and_is_small(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    links = set(re.findall(r'(?:href|src|data-worker)="(/static/[^"]+)"', answer.text))
    assert {link.rpartition("/")[2] for link in links} >= {"page.css", "page.js", "morph.js", "worker.js"}
    total = len(answer.content) + sum(len(content) for content in Assets().files.values())
    assert total < 100_000


def test_static_files_are_kept_and_only_those_there_are(client: TestClient) -> None:
    assets = Assets()
    for name, content in assets.files.items():
        answer = client.get(assets.url(name))
        assert answer.content == content
        assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/0000000000000000/page.css").status_code == 404
    assert client.get(f"/static/{assets.version}/pages.py").status_code == 404
    assert client.get(f"/static/{assets.version}/..%2Fpages.py").status_code == 404
    with pytest.raises(KeyError):
        assets.url("htmx.js")


def test_no_file_of_ours_names_another_host() -> None:
    for name, content in Assets().files.items():
        hosts = set(re.findall(rb"https?://([^/\s\"']+)", content))
        assert hosts <= {b"www.w3.org"}, name


def test_fragment_is_main_alone(client: TestClient) -> None:
    fragment = client.get("/?fragment=1").text
    assert fragment.strip().startswith("<main")
    assert fragment.strip().endswith("</main>")
    assert fragment.strip() in client.get("/").text


def test_overview_as_json(client: TestClient) -> None:
    assert client.get("/api/v1/overview").json() == busy()
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Overview"]
    assert set(schema["required"]) == set(busy())


def test_browsers_are_let_to_say_that_a_form_is_ours() -> None:
    """Under ``no-referrer`` a form's Origin is ``null``, and the guard believes no such form."""
    assert HEADERS["Referrer-Policy"] == "same-origin"
