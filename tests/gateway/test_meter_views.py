"""What an edge's owner is told of meters: over HTTP, by the doctor, in exports; and the rules that hold."""

from __future__ import annotations

import asyncio
import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from tests.gateway.test_proofs import CONFIG
from tests.gateway.test_reading_log import KEY, MTU, START, grid
from tradelane.gateway import counter_events, forecasts, migrations
from tradelane.gateway.cli import run
from tradelane.gateway.clock import Clock
from tradelane.gateway.closing import Closing
from tradelane.gateway.config import load
from tradelane.gateway.doctor import examine
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.meter_rules import of_profile, rules_of
from tradelane.gateway.meter_views import MeterDoor, meter_router
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.sections import EdgeSection
from tradelane.gateway.tables import metered_corrections
from tradelane.gateway.web import sessions
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.sessions import Role
from tradelane.market.units import MINUTE, Interval
from tradelane.meter.counter import Rules, Seen
from tradelane.meter.forecast import Forecast
from tradelane.meter.profile import parse
from tradelane.settlement import problem

SECRET = "the edge's"  # of this test only


def wh(minute: int) -> int:
    """20 Wh a minute, a spike in minute 20, and the counter back on 0 from minute 40 on."""
    return 9_000_000 if minute == 20 else 5_000 + 20 * minute - (5_000 + 800 if minute >= 40 else 0)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder of an edge after an hour and a half, and what it then said over HTTP."""
    folder = tmp_path_factory.mktemp("edge")
    (folder / "edge.toml").write_text(CONFIG)
    config = load(folder / "edge.toml")

    async def main() -> dict[str, Any]:
        file = RoleFile(config.edge_db, migrations.PLACE, migrations.HEAD)
        file.open()
        log = ReadingLog(file, {"roof": KEY})
        closing, now = Closing(log, MarketUnits.of(MTU), {"roof": "rosa"}), START + 92 * MINUTE
        for minute in range(92):
            log.take(grid(START + minute * MINUTE, wh(minute)), 0)
            await log.flush(closing.due(START + minute * MINUTE))
        made = [
            ("roof", Forecast(Interval.at(START + k * MTU, MTU), 320, 280 + 20 * k, 9, 0.3)) for k in range(9)
        ]
        await log.flush([forecasts.keeping(made, START), forecasts.keeping(made[:1], START + 1)])
        correction = {
            "meter": "roof", "interval_start": START + MTU, "import_wh": 0, "export_wh": 310,
            "production_wh": None, "quality": "estimated", "at": now, "sent": True,
        }  # fmt: skip
        await log.flush([lambda conn: conn.execute(insert(metered_corrections).values(correction))])
        app = FastAPI()
        clock = Clock(1, now, 0, wall=lambda: 0)
        problem.install(app)
        door = MeterDoor(Guard(file, Role.OWNER, clock, "/pair"), SECRET, {"roof": "rosa"})
        app.include_router(meter_router(file, log, closing, clock, door))
        tokens = [
            await file(lambda conn, who=who: sessions.open_session(conn, Role.OWNER, who, 0))  # type: ignore[misc]  # a default for the loop's sake
            for who in ("rosa", "pim")
        ]
        asked = [{"Authorization": f"Bearer {SECRET}"}, {}, {"Authorization": "Bearer guess"}]
        asked += [{"Cookie": f"tradelane-owner={token}"} for token in [*tokens, "guess"]]
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://edge") as http:
            answers = [await http.get("/api/v1/meters", headers=headers) for headers in asked]
        file.close()
        return {
            **answers[0].json(),
            "statuses": [one.status_code for one in answers],
            "shown": [[item["meter"] for item in one.json().get("items", [])] for one in answers],
        }

    return folder, asyncio.run(main())


def test_meters_are_shown_to_the_secret_and_to_their_owner_only(told: tuple[Path, dict[str, Any]]) -> None:
    """In order: the secret, nothing, a wrong one; the sessions of the owner, of a neighbour, of nobody."""
    assert told[1]["statuses"] == [200, 401, 401, 200, 200, 401]
    assert told[1]["shown"] == [["roof"], [], [], ["roof"], [], []]


def test_each_meter_tells_how_it_is(told: tuple[Path, dict[str, Any]]) -> None:
    (roof,) = told[1]["items"]
    assert (roof["meter"], roof["age_ms"], roof["offset_ms"]) == ("roof", MINUTE, None)
    assert roof["reading"]["values"]["export_wh"] == wh(91)
    assert roof["counters"] == {"export_wh": "reset", "import_wh": "ok"}
    assert roof["scale_off"] == []
    assert roof["interval"]["interval"] == "2026-06-21T11:15Z/PT15M"
    assert (roof["interval"]["export_wh"], roof["interval"]["quality"]) == (300, "measured")
    assert [(one["what"], one["seen"]) for one in roof["events"]] == [
        ("export_wh", "reset confirmed"), ("export_wh", "drop"), ("export_wh", "jump"),
    ]  # fmt: skip
    assert roof["head"]["seq"] == 92


def test_forecasts_are_judged_by_what_was_metered(told: tuple[Path, dict[str, Any]]) -> None:
    """Six intervals are over: 300 Wh each, but 310 corrected and 280 of what is certain of the reset."""
    (roof,) = told[1]["items"]
    assert roof["forecast"] == {"cases": 6, "error_wh": 22, "bias_wh": -22, "held": 2, "pinball_wh": 27}


def test_the_doctor_tells_it_in_lines_and_finds_no_fault_in_it(told: tuple[Path, dict[str, Any]]) -> None:
    found = {one.check: one for one in examine(load(told[0] / "edge.toml"))}
    assert found["forecast roof"].text == (
        "last 7 days: off by 22 Wh on average (-22 Wh), 2 of 6 offers covered"
    )
    assert found["counters roof"].text == (
        "1 × drop, 1 × jump, 1 × reset confirmed; "
        "newest 2026-06-21T10:42Z: export_wh was reset: a new base, the step not billed"
    )
    assert all(found[name].ok for name in ("forecast roof", "counters roof"))


def exported(folder: Path, what: str) -> list[dict[str, Any]]:
    out = folder / f"{what}.json"
    arguments = ["export", "--config", str(folder / "edge.toml"), "--what", what]
    assert run([*arguments, "--format", "json", "--out", str(out)]) == 0
    assert run([*arguments, "--out", str(folder / "rows.csv")]) == 0
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    with (folder / "rows.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    return rows


def test_intervals_are_exported_as_they_are_known_now(told: tuple[Path, dict[str, Any]]) -> None:
    rows = exported(told[0], "intervals")
    assert [row["export_wh"] for row in rows] == [300, 310, 280, 300, 300, 300]
    assert [row["quality"] for row in rows] == ["measured", "estimated", "unknown", *["measured"] * 3]
    assert [row["corrected_at"] is None for row in rows] == [True, False, True, True, True, True]


def test_events_are_exported_with_what_they_mean(told: tuple[Path, dict[str, Any]]) -> None:
    rows = exported(told[0], "events")
    assert [(row["seq"], row["seen"], row["wh"]) for row in rows] == [
        (21, "jump", 9_000_000), (41, "drop", 0), (43, "reset confirmed", 40),
    ]  # fmt: skip
    assert rows[0]["meaning"].startswith("jumped beyond its rated power")


def test_every_decision_has_words() -> None:
    silent = {Seen.FIRST, Seen.FORWARD, Seen.AGAIN}
    assert {seen.value for seen in set(Seen) - silent} <= counter_events.WORDS.keys()


PROFILE = """
name = "odd"
vendor = "Odd"
model = "One"
role = "grid"
[modbus]
function = 4
[[register]]
value = "export_wh"
address = 10
type = "uint32"
scale = 100
wraps_at = 9999900
[[register]]
value = "import_wh"
address = 20
type = "float32"
scale = 1000
"""


def test_a_profile_tells_the_counters_resolution_and_where_they_start_again() -> None:
    found = of_profile(parse(PROFILE, "odd.toml"), Rules(max_power_w=11_000, resolution_wh=10))
    assert (found["export_wh"].resolution_wh, found["export_wh"].wraps_at) == (100, 9_999_900)
    assert (found["import_wh"].resolution_wh, found["import_wh"].wraps_at) == (10, None)
    assert {one.max_power_w for one in found.values()} == {11_000}


HYBRID = """
name = "hybrid"
vendor = "Odd"
model = "Two"
[[register]]
role = "grid"
value = "import_wh"
type = "uint32"
scale = 100
wraps_at = 500000
first = [{ address = 10 }, { address = 20 }]
[[register]]
role = "solar"
value = "production_wh"
type = "uint32"
scale = 10
sum = [{ address = 30 }, { address = 40 }]
[[register]]
role = "battery"
value = "import_wh"
address = 50
type = "uint32"
scale = 1000
"""


def test_counters_of_several_registers_have_rules_and_a_battery_s_do_not_replace_the_grid_s() -> None:
    found = of_profile(parse(HYBRID, "hybrid.toml"), Rules())
    assert found == {
        "import_wh": Rules(resolution_wh=100, wraps_at=500_000),
        "production_wh": Rules(resolution_wh=20),
    }


def test_an_owner_tells_what_the_profile_does_not() -> None:
    section = EdgeSection.model_validate({
        "zone_url": "http://zone.example",
        "meters": [
            {"name": "barn", "transport": "mqtt", "topic": "barn", "rated_kw": "12.5", "resolution_wh": 100},
            {"name": "roof", "transport": "modbus", "host": "192.0.2.1", "profile": "eastron-sdm630"},
        ],
    })  # fmt: skip
    rules = rules_of(section)
    assert rules["barn"] == {"": Rules(max_power_w=int(Decimal("12.5") * 1000), resolution_wh=100)}
    assert rules["roof"][""] == Rules() and rules["roof"]["export_wh"].resolution_wh == 1
