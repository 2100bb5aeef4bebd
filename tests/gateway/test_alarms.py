"""Alarms: when each begins and ends, as pure decisions; and a market that calls until somebody takes note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.marketplace import ANNA, BETH, BRAM, CONFIG, FIRST, GATE, Marketplace, sell_abroad
from tests.gateway.pages import Reader
from tests.gateway.standing import Standing, standing
from tests.settlement.hubs import assert_problem
from tradelane.gateway import alarms, keys
from tradelane.gateway.alarms import Alarm, Alarming, Measured, Skew, Used
from tradelane.gateway.alarms_section import AlarmLimits
from tradelane.gateway.clock import Clock
from tradelane.gateway.web.desk.operate_view import alarm_name, alarm_told
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.words import LOCALES, words
from tradelane.market.units import MINUTE, Interval

MTU = 15 * MINUTE
HOUR = 4 * MTU
LIMITS = """
[zone.alarms]
lane_full_minutes = 10
overdue_minutes = 20
"""


def at(k: int) -> Interval:
    return Interval(k * MTU, (k + 1) * MTU)


def use(k: int, sent: int, lane: str = "a", capacity: int = 10) -> Used:
    return Used(lane, at(k), sent, capacity)


def full(uses: Iterable[Used], now: int = 99 * MTU) -> list[Alarm]:
    return list(alarms.lanes_full(uses, now, HOUR))


def test_a_lane_calls_once_it_was_full_for_an_hour() -> None:
    three, four = [use(k, 10) for k in range(3)], [use(k, 10) for k in range(4)]
    assert full(three) == []
    assert full(reversed(four)) == [Alarm(Alarming.LANE_FULL, "a", 0, HOUR)]
    assert full([*four, use(4, 9)]) == [], "it is over"
    assert full([*three, use(4, 10)]) == [], "an interval is missing"
    assert full([use(k, 0, capacity=0) for k in range(9)]) == [], "it was closed"
    assert [alarm.about for alarm in full([*four, *(use(k, 10, "b") for k in range(4))])] == ["a", "b"]


def test_a_lane_calls_for_the_time_that_has_passed_not_for_what_was_cleared_ahead() -> None:
    ahead = [use(k, 10) for k in range(8)]
    assert full(ahead, HOUR - 1) == []
    assert full(ahead, HOUR + 7) == [Alarm(Alarming.LANE_FULL, "a", 0, HOUR + 7)]
    assert full([*ahead, use(8, 0)], 8 * MTU) == [Alarm(Alarming.LANE_FULL, "a", 0, 8 * MTU)]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12), st.integers(1, 6))
def test_full_lanes_like_counting_back_by_hand(cells: list[tuple[bool, bool]], least: int) -> None:
    """``cells``: for each interval whether it was cleared, and whether the lane was full."""
    uses = [use(k, 10 if full else 3) for k, (cleared, full) in enumerate(cells) if cleared]
    end = next((k for k in reversed(range(len(cells))) if cells[k][0]), -1)
    k = end
    while k >= 0 and cells[k] == (True, True):
        k -= 1
    lasted = end - k
    expected = [Alarm(Alarming.LANE_FULL, "a", (k + 1) * MTU, lasted * MTU)] if lasted >= least else []
    assert list(alarms.lanes_full(uses, 99 * MTU, least * MTU)) == expected


def test_a_meter_calls_when_it_has_said_nothing_beyond_the_limit() -> None:
    stated = {"rosa": 10 * MTU, "beat": 3 * MTU}
    (alarm,) = alarms.meters_silent(stated, 10 * MTU, HOUR)
    assert alarm == Alarm(Alarming.METER_SILENT, "beat", 7 * MTU, 7 * MTU)
    assert list(alarms.meters_silent({"beat": 3 * MTU}, 7 * MTU, HOUR)) == [], "the limit is not beyond it"


def test_imbalance_calls_while_the_newest_interval_is_beyond_the_limit() -> None:
    rows = [Measured(at(0), 1000, 500), Measured(at(1), 1000, 201), Measured(at(2), 1000, 900)]
    assert list(alarms.imbalanced(rows, 200_000)) == [Alarm(Alarming.IMBALANCE, "", 0, 900_000)]
    assert list(alarms.imbalanced(rows, 201_000)) == [Alarm(Alarming.IMBALANCE, "", at(2).start, 900_000)]
    assert list(alarms.imbalanced([*rows, Measured(at(3), 1000, 0)], 200_000)) == []
    assert list(alarms.imbalanced([Measured(at(3), 0, 0)], 0)) == [], "nothing sold is nothing missing"
    assert list(alarms.imbalanced([], 0)) == []


def test_settlements_and_clocks_call_beyond_their_limits() -> None:
    assert list(alarms.overdue([0, MTU, 9 * MTU], HOUR + MTU, HOUR)) == [Alarm(Alarming.OVERDUE, "", HOUR, 1)]
    assert list(alarms.overdue([MTU], HOUR + MTU, HOUR)) == []
    skews = [Skew("rosa", 5_001, 7), Skew("beat", 5_000, 8), Skew(alarms.OURSELVES, -6_000, 9)]
    found = list(alarms.clocks_off(skews, 5_000))
    assert [(a.about, a.since, a.value) for a in found] == [("rosa", 7, 5_001), ("here", 9, -6_000)]


def test_a_clock_that_was_set_back_says_by_how_much() -> None:
    walls = [1_000]
    clock = Clock(wall=lambda: walls[0])
    assert (clock.now(), clock.set_back()) == (1_000, 0)
    walls[0] = 400
    assert (clock.now(), clock.set_back()) == (1_000, 600)
    walls[0] = 1_200
    assert (clock.now(), clock.set_back()) == (1_200, 0)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_alarm_has_its_words_in_each_language(locale: str) -> None:
    for kind in Alarming:
        for about in ("rosa", alarms.OURSELVES) if kind is Alarming.CLOCK_SKEW else ("rosa",):
            said = alarm_told(Alarm(kind, about, 0, 3), Formats(locale))
            assert said and "%(" not in said and alarms.OURSELVES not in said.split()
            assert alarm_name(f"{kind}/{about}", words(locale))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    narrow = CONFIG.replace("capacity_kw = 40", "capacity_kw = 4").replace(
        "[[zone.goods]]", LIMITS + "[[zone.goods]]", 1
    )
    with standing(tmp_path_factory.mktemp("alarming"), narrow) as found:
        yield found


def test_a_market_calls_until_somebody_takes_note(place: Standing) -> None:
    async def look(market: Marketplace) -> None:
        bearer = {"Authorization": f"Bearer {keys.load_token(market.config.operator_token_file)}"}

        async def called() -> dict[str, dict[str, object]]:
            items = (await market.http.get("/api/v1/alarms", headers=bearer)).json()["items"]
            return {item["alarm"]: item for item in items}

        assert (await market.http.get("/api/v1/alarms")).status_code == 401, "alarms name members"
        assert await called() == {}
        await sell_abroad(market)
        await market.taken(ANNA, "sell", "30", "0.002", read_wall=market.clock.wall() + 9_000)
        market.now = GATE
        await market.priced()
        assert set(await called()) == {"clock_skew/anna"}
        market.now = FIRST.start + 12 * MINUTE
        found = await called()
        assert set(found) == {"lane_full/NL>GB", "clock_skew/anna"}
        assert found["clock_skew/anna"]["value"] == 9_000
        noted = {"alarm": "lane_full/NL>GB", "by": "Ines"}
        first = await market.http.post("/api/v1/alarms/acknowledge", json=noted, headers=bearer)
        again = await market.http.post("/api/v1/alarms/acknowledge", json=noted, headers=bearer)
        assert again.json() == first.json()
        assert (await called())["lane_full/NL>GB"]["acknowledged"] == {
            "by": "Ines",
            "at": first.json()["at"],
        }
        unknown = await market.http.post(
            "/api/v1/alarms/acknowledge", json={"alarm": "lane_full/x"}, headers=bearer
        )
        assert_problem(unknown, 404, "unknown-alarm", "alarm")
        reader = Reader(market)
        await reader.pair("Max", "operator")
        text = (await reader.get("/desk/operate")).text
        assert "NL&gt;GB has carried all it can" in text and "acknowledged by Ines" in text
        market.now = FIRST.end + 1_000
        for seller in (ANNA, BRAM):
            assert (await market.state(seller, 0)).status_code == 201
        await market.settled("released")
        assert (await called())["imbalance/"]["value"] == 1_000_000
        market.now = FIRST.end + 90 * MINUTE
        assert {"meter_silent/anna", "meter_silent/bram"} <= set(await called())
        text = (await reader.get("/desk/operate")).text
        assert "NL&gt;GB has carried" not in text, "it is over"
        assert "The meter of anna has stated nothing" in text and text.count(">Acknowledge</button>") == 3
        answer = await reader.post("/desk/operate/acknowledge", {"alarm": "meter_silent/anna"})
        text = (await reader.get(answer.headers["location"])).text
        assert "acknowledged by Max" in text and "Acknowledged: meter silent anna" in text

    place.run(look)


def test_unsettled_power_calls_after_its_time_and_a_clock_set_back_at_once(place: Standing) -> None:
    async def look(market: Marketplace) -> None:
        bearer = {"Authorization": f"Bearer {keys.load_token(market.config.operator_token_file)}"}
        begun = market.now
        later = Interval.at(begun + 2 * MTU, MTU)
        market.now = later.start - 10 * MINUTE
        product = f"power/{later}"
        await market.taken(BRAM, "sell", "10", "0.001", product=product)
        await market.taken(BETH, "buy", "90", "0.001", product=product)
        market.now = later.start - 5 * MINUTE
        await market.priced(product)
        market.now = later.end + 21 * MINUTE
        items = (await market.http.get("/api/v1/alarms", headers=bearer)).json()["items"]
        assert {"kind": "overdue", "value": 1}.items() <= {
            name: value for item in items if item["kind"] == "overdue" for name, value in item.items()
        }.items()
        market.now -= 10_000
        items = (await market.http.get("/api/v1/alarms", headers=bearer)).json()["items"]
        assert [item["value"] for item in items if item["alarm"] == "clock_skew/here"] == [-10_000]
        market.now += 10_000

    place.run(look)


def test_the_limits_have_their_defaults() -> None:
    limits = AlarmLimits()
    assert (limits.lane_full_minutes, limits.imbalance_ppm, limits.clock_skew_seconds) == (60, 200_000, 5)
