"""What Prometheus reads: the market's own numbers, no member's; and dashboards that ask for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.marketplace import BETH, BRAM, FIRST, GATE, SHOP, Marketplace, member, sell_abroad
from tests.gateway.standing import Standing, standing
from tests.shared import ROOT
from tradelane.gateway import keys, metrics

GRAFANA = ROOT / "docs/grafana"
CATO = member("cato", "NL")
Samples = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("metrics")) as found:
        yield found


async def scraped(market: Marketplace) -> tuple[str, Samples]:
    """The text, and its samples by name and by the values of their labels, in order of the labels' names."""
    answer = await market.http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    return answer.text, found


def test_the_numbers_are_the_market_s(place: Standing) -> None:
    async def look(market: Marketplace) -> None:
        _, before = await scraped(market)
        assert before["tradelane_journal_length", ""] == 0
        assert before["tradelane_clearings_total", "cleared"] == 0
        await sell_abroad(market)
        market.now = GATE
        await market.priced()
        market.now = FIRST.start
        text, found = await scraped(market)
        seen = (await market.http.get("/api/v1/overview")).json()
        for zone in seen["zones"]:
            assert found["tradelane_price", f"{zone['currency']} {zone['id']}"] == float(zone["price"])
            assert found["tradelane_net_position_wh", zone["id"]] == zone["net_wh"]
        for lane in seen["lanes"]:
            assert found["tradelane_lane_sent_wh", lane["id"]] == lane["sent_wh"]
            assert found["tradelane_lane_received_wh", lane["id"]] == lane["received_wh"]
            assert found["tradelane_lane_capacity_wh", lane["id"]] == lane["capacity_wh"]
            share = lane["sent_wh"] / lane["capacity_wh"]
            assert found["tradelane_lane_use_ratio", lane["id"]] == pytest.approx(share)
        ((length,),) = market.rows("SELECT count(*) FROM journal")
        assert found["tradelane_journal_length", ""] == length
        assert found["tradelane_orders_total", "power"] == 3
        assert found["tradelane_clearings_total", "cleared"] == 1
        assert found["tradelane_trades_total", "power"] == len(seen["trades"]) == 2
        assert found["tradelane_trades_total", "goods"] == 0
        assert found["tradelane_market_halted", "power"] == 0
        for id in ("anna", "bram", "beth"):
            assert id not in text
        _, again = await scraped(market)
        counted = {key: value for key, value in found.items() if key[0].endswith("_total")}
        assert counted == {key: again[key] for key in counted}, "asking again counts nothing twice"

    place.run(look)


def test_ages_are_told_of_three_meters_or_more_and_halts_as_they_are(place: Standing) -> None:
    async def look(market: Marketplace) -> None:
        await market.join(CATO, SHOP)
        market.now = FIRST.end + 30_000
        for one in (BRAM, CATO):
            await market.state(one, 0)
        text, found = await scraped(market)
        assert found["tradelane_meters", ""] == 2
        assert 'which="oldest"' not in text, "two of them would know of each other"
        await market.state(BETH, 0)
        bearer = {"Authorization": f"Bearer {keys.load_token(market.config.operator_token_file)}"}
        body = {"market": "power", "reason": "storm"}
        assert (await market.http.post("/api/v1/market/halt", json=body, headers=bearer)).status_code == 200
        _, found = await scraped(market)
        assert found["tradelane_meter_age_seconds", "oldest"] == 30
        assert found["tradelane_meter_age_seconds", "median"] == 30
        assert found["tradelane_market_halted", "power"] == 1
        assert found["tradelane_alarms", "no meter_silent"] == 0

    place.run(look)


def test_dashboards_and_alerts_ask_only_for_what_is_there(place: Standing) -> None:
    async def look(market: Marketplace) -> set[str]:
        text, _ = await scraped(market)
        return set(re.findall(r"^# TYPE (\S+)", text, re.M))

    exposed = place.run(look)
    for path in (GRAFANA / "tradelane.json", GRAFANA / "alerts.yaml"):
        named = set(re.findall(r"\btradelane_\w+", path.read_text()))
        assert len(named) > 3
        assert named <= exposed, path.name
    board = json.loads((GRAFANA / "tradelane.json").read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    rules = (GRAFANA / "alerts.yaml").read_text()
    assert rules.count("- alert: ") == rules.count(" expr: ") == rules.count(" summary: ") > 5


def test_labels_are_escaped_as_the_format_has_it() -> None:
    odd = metrics.Figure("tradelane_odd", "Two\nlines.", ("lane",), [(('a"b\\c\nd',), 1)])
    text = metrics.text_of([odd]).decode()
    assert 'tradelane_odd{lane="a\\"b\\\\c\\nd"} 1.0' in text.splitlines()
    assert "# HELP tradelane_odd Two\\nlines." in text.splitlines()
