"""The demo from start to end, and its files proven again without it: money, energy, order, and the truth."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import counters
from tests.e2e.ledgers import faults, rows, unfinished
from tests.e2e.stage import Showing, alive, showing
from tests.shared import free_port
from tradelane.gateway.cli import run as tradelane
from tradelane.gateway.lock import FileLock

INTERVALS = 3
MINUTE = 60_000


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Showing, dict[str, Any]]]:
    """A demo that was left alone until its end, and its summary."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    with showing(folder, "--intervals", str(INTERVALS)) as play:
        play.wait_for("children", lambda: len(play.pids) == 4)
        yield play, play.summary()


@pytest.fixture
def folder(ended: tuple[Showing, dict[str, Any]]) -> Path:
    return ended[0].folder


@pytest.fixture
def summary(ended: tuple[Showing, dict[str, Any]]) -> dict[str, Any]:
    return ended[1]


def test_power_was_sold_over_every_lane_the_prices_called_for(summary: dict[str, Any], folder: Path) -> None:
    assert summary["priced_lanes"]
    assert set(summary["power_lanes"]) >= set(summary["priced_lanes"])
    assert summary["power_abroad_wh"] > 0
    paid = rows(folder, "zone", "SELECT path FROM contracts WHERE state = 'released' AND commodity = 'power'")
    assert {lane for row in paid for lane in json.loads(row["path"])} == set(summary["power_lanes"])


def test_goods_went_abroad_through_customs(summary: dict[str, Any], folder: Path) -> None:
    assert summary["goods_abroad_kg"] > 0
    kinds = {row["kind"] for row in rows(folder, "hub", "SELECT DISTINCT kind FROM entries")}
    assert {"duty", "freight", "sale", "conversion"} <= kinds
    released = rows(folder, "hub", "SELECT * FROM declarations WHERE state = 'released' AND duty_nano > 0")
    delivered = rows(folder, "hub", "SELECT * FROM shipments WHERE state = 'delivered'")
    assert min(len(released), len(delivered)) >= 1


def test_three_ways_are_followed_account_by_account_over_two_hubs(
    summary: dict[str, Any], folder: Path
) -> None:
    power, potatoes, payment = summary["ways"]
    for way, words in (
        (power, ("kWh", "reserved", "2 documents hold the schedule", "metered", "2 receipts")),
        (
            potatoes,
            ("250 kg", "declared for NO", "told to bergen", "delivered", "2 receipts"),
        ),
        (payment, ("bergen → north-sea", "quoted", "fee", "fulfilled", "window")),
    ):
        told = " ".join([way["title"], *way["steps"]])
        assert [word for word in words if word not in told] == [], told
        sums: dict[tuple[str, str], Decimal] = {}
        for one in way["changes"]:
            key = (one["hub"], one["currency"])
            sums[key] = sums.get(key, Decimal(0)) + Decimal(one["amount"])
        assert sums and set(sums.values()) == {0}, way
    assert {one["hub"] for one in payment["changes"]} == {"bergen", "north-sea"}


def test_the_two_hubs_agree_on_what_one_owes_the_other(folder: Path) -> None:
    """As their own books say it, whatever was settled between them meanwhile."""
    owed = []
    for place, other in ((folder, "bergen"), (folder / "bergen", "north-sea")):
        names = f"account LIKE 'road:{other}:%' OR account LIKE 'nostro:{other}:%'"
        found = rows(place, "hub", f"SELECT SUM(posted_nano) AS nano FROM accounts WHERE {names}")
        owed.append(found[0]["nano"])
        sent = "SELECT state FROM road_payments"
        assert {row["state"] for row in rows(place, "hub", sent)} == {"COMMITTED"}
        windows = rows(place, "hub", "SELECT DISTINCT state FROM road_windows")
        assert {row["state"] for row in windows} <= {"reported", "agreed", "settled"}
    assert owed[0] == -owed[1] != 0


def test_operators_were_told_what_was_cleared_to_the_wh(folder: Path) -> None:
    cleared = rows(
        folder,
        "zone",
        "SELECT DISTINCT lane, interval_start, sent, received FROM flows JOIN prices USING (product)",
    )
    flows = {(row["lane"], row["interval_start"]): (row["sent"], row["received"]) for row in cleared}
    told = rows(
        folder,
        "hub",
        "SELECT lane, start, wh, domain = out_domain AS leaves FROM nomination_points"
        " JOIN nomination_lanes USING (nomination, lane) JOIN nominations USING (nomination)",
    )
    assert told
    for row in told:
        sent, received = flows[row["lane"], row["start"]]
        assert row["wh"] == (sent if row["leaves"] else received)


def test_all_that_was_due_is_settled_and_every_check_holds(summary: dict[str, Any], folder: Path) -> None:
    assert (summary["ok"], summary["complete"], summary["overdue"], summary["refused"]) == (True, True, 0, 0)
    assert [check for check in summary["checks"] if check["ok"] is not True] == []
    assert summary["marco_polo_ms"]["count"] > 0
    assert 0 < summary["marco_polo_ms"]["p50"] <= summary["marco_polo_ms"]["p99"]
    sold = rows(
        folder, "zone", "SELECT MIN(interval_start) AS first FROM contracts WHERE commodity = 'power'"
    )
    assert unfinished(folder, sold[0]["first"] + INTERVALS * 15 * MINUTE) == []


def test_what_was_sold_is_what_was_delivered_and_what_was_billed(
    summary: dict[str, Any], folder: Path
) -> None:
    assert summary["sold_wh"] == summary["delivered_wh"] + summary["imbalance_wh"] > 0
    query = (
        "SELECT SUM(sent), SUM(delivered), SUM(imbalance) FROM contracts WHERE state = ? AND commodity = ?"
    )
    sums = tuple(rows(folder, "zone", query, "released", "power")[0])
    assert sums == (summary["sold_wh"], summary["delivered_wh"], summary["imbalance_wh"])


def test_the_files_hold_every_invariant(folder: Path) -> None:
    assert faults(folder) == []


def test_the_summary_tells_what_the_e_hub_paid(summary: dict[str, Any], folder: Path) -> None:
    names = {row["id"]: row["name"] for row in rows(folder, "zone", "SELECT id, name FROM members")}
    earned: dict[str, int] = {}
    for row in rows(folder, "hub", "SELECT * FROM entries WHERE settlement IS NOT NULL AND phase <> 'void'"):
        for account, nano in ((row["target"], row["nano"]), (row["source"], -row["nano"])):
            kind, _, rest = account.partition(":")
            if kind == "member":
                name = f"{names[rest.rpartition(':')[0]]}"
                earned[name] = earned.get(name, 0) + nano
    cents = {name: float(text.split()[0]) for name, text in summary["people"].items()}
    assert cents == {name: pytest.approx(nano / 1e9, abs=0.0051) for name, nano in earned.items()}


def test_metered_energy_is_the_line_between_signed_readings(folder: Path) -> None:
    readings, spans = counters.seen(folder), counters.metered(folder)
    assert set(spans) == set(readings)
    for meter, metered in spans.items():
        for span in metered:
            start, end = (counters.interpolated(readings[meter], at) for at in (span.start, span.end))
            assert span.wh == end - start


def test_metered_energy_is_the_truth_as_closely_as_the_readings_show(folder: Path) -> None:
    readings, spans = counters.seen(folder), counters.metered(folder)
    every = [span for metered in spans.values() for span in (*metered, counters.whole(metered))]
    needed = {at for span in every for at in counters.instants(readings[span.meter], span)}
    truth = counters.told(folder, needed)
    for span in every:
        true = truth[span.meter, span.end] - truth[span.meter, span.start]
        assert abs(span.wh - true) <= counters.bound(truth, readings[span.meter], span)
    street = [counters.whole(metered) for metered in spans.values()]
    true = sum(truth[one.meter, one.end] - truth[one.meter, one.start] for one in street)
    assert sum(one.wh for one in street) == pytest.approx(true, rel=0.05)


def test_every_reading_is_the_truth_of_its_time(folder: Path) -> None:
    readings = counters.seen(folder)
    some = {meter: seen[1::7] for meter, seen in readings.items()}
    truth = counters.told(
        folder, {at for seen in some.values() for one in seen for at in (one.asked, one.at)}
    )
    for meter, seen in some.items():
        for one in seen:
            assert truth[meter, one.asked] <= one.wh <= truth[meter, one.at]


def test_nothing_outlives_the_demo(ended: tuple[Showing, dict[str, Any]]) -> None:
    assert [pid for pid in ended[0].seen if alive(pid)] == []


def test_ctrl_c_ends_it_with_its_summary(tmp_path: Path) -> None:
    with showing(tmp_path / "data", as_json=False) as play:
        play.wait_for("a sale", lambda: "a kWh costs" in play.told.read_text())
        children = set(play.pids.values())
        play.interrupt()
        code, out = play.ended()
    assert code == 0, play.log
    assert "People selling abroad" in out
    assert len(children) == 4
    assert [pid for pid in children if alive(pid)] == []
    assert faults(tmp_path / "data") == []


def test_ctrl_c_before_there_is_a_market_is_no_summary(tmp_path: Path) -> None:
    with showing(tmp_path / "data") as play:
        play.wait_for("a child", lambda: play.pids)
        play.interrupt()
        code, out = play.ended()
    assert (code, out) == (130, "")
    assert [pid for pid in play.seen if alive(pid)] == []


def test_a_taken_port_is_told_before_anything_starts(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert tradelane(["demo", "--port", str(port), "--data-dir", str(tmp_path / "data")]) == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err == (
        f"error: port {port} is taken by another program; choose another with --port, or any free one with "
        "--port 0\n"
    )
    assert not (tmp_path / "data").exists()


def test_a_broker_that_is_not_there_is_told_before_anything_starts(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    arguments = ["demo", "--port", "0", "--mqtt", f"127.0.0.1:{port}", "--data-dir", str(tmp_path / "data")]
    assert tradelane(arguments) == 4
    assert f"error: --mqtt: no broker answers at 127.0.0.1:{port}" in capfd.readouterr().err


def test_a_folder_in_use_is_told_and_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    running = FileLock(tmp_path / "demo")
    running.acquire()
    assert tradelane(["demo", "--port", "0", "--data-dir", str(tmp_path)]) == 1
    assert capfd.readouterr().err == f"error: --data-dir: another demo is running in {tmp_path}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"]
    running.release()


def test_a_child_that_cannot_start_is_told_with_its_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.sqlite").write_text("this is no database, and long enough to be looked at as one" * 20)
    assert tradelane(["demo", "--port", "0", "--headless", "--data-dir", str(tmp_path)]) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("error: hub does not start: cannot start: the hub role could not start")
