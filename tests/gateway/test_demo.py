"""The demo's parts: ports, files, money that lasts, processes that are kept up, and its words at the end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.gateway.sites import site
from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.failure import CommandFailed
from tradelane.gateway.config import load
from tradelane.gateway.demo import children, far_bank, scene, toml
from tradelane.gateway.demo.children import Child, ChildFailed, Family, spoke
from tradelane.gateway.demo.examining import Examining
from tradelane.gateway.demo.ports import free_ports, require_free
from tradelane.gateway.demo.story import money
from tradelane.gateway.demo.summary import Summary, show
from tradelane.gateway.demo.ways import Change, Way
from tradelane.gateway.doctor import Finding, examine
from tradelane.market.consumer import CONSUMERS
from tradelane.market.units import NANO, Money

HOUR_DAYS = Decimal("3.75")
"""Days of the market in an hour of the demo at its usual speed of 90."""
GATES_A_DAY = 96
CLOCK = {"speed": 90, "origin": scene.ORIGIN, "wall_origin": 1_795_000_000_000}
SAYS_READY = "print('ready', flush=True); import time; time.sleep(60)"


def test_free_ports_are_free_and_out_of_the_way_of_outgoing_connections() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32_768
    for port in ports:
        require_free(port)


def test_a_port_of_another_program_is_named_with_the_option_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandFailed, match=f"port {port} is taken by another program.*--port 0"):
            require_free(port)


def gateway(folder: Path) -> dict[str, object]:
    roofs = scene.roofs()
    ports = range(20_000, 20_000 + len(roofs))
    return scene.gateway(str(folder), 8080, "http://hub", roofs, ports, ("127.0.0.1", 1883), CLOCK)


def test_the_files_say_what_the_scene_says_and_are_taken_by_the_gateway(tmp_path: Path) -> None:
    far = scene.peer(scene.FAR_HUB, 10, "x" * 43, places=("NO",))
    files = {
        "gateway": gateway(tmp_path),
        "hub": scene.hub(str(tmp_path), 9, CLOCK, far),
        "far-hub": scene.far_hub(str(tmp_path), 10, CLOCK, scene.peer(scene.MARKET_HUB, 9, "y" * 43)),
    }
    for name, data in files.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(toml.dumps(data))
        assert tomllib.loads(path.read_text()) == data
        load(path)


def test_names_with_quotes_and_accents_survive_the_file() -> None:
    data = {
        "name": 'Ærø "øst" \\ 1',
        "none": [],
        "deep": {"er": {"x": True}},
        "rows": [{"a": -1}, {"a": 2.5}],
    }
    assert tomllib.loads(toml.dumps(data)) == data


def test_buyers_money_lasts_for_an_hour_of_the_demo() -> None:
    """At their highest prices, with every Wh they want delivered."""
    money = {id: units for id, _, _, units in scene.deposits()}
    for id, _, kind, country in scene.buyers():
        consumer = CONSUMERS[kind]
        price = sum((step.price * step.share_pct / 100 for step in consumer.steps), Decimal(0))
        day = price * Decimal(country.price_factor) * sum(consumer.wh_by_hour) / 1_000_000
        assert day * HOUR_DAYS < money[id]


def test_what_the_kitchen_s_bank_sends_lasts_until_it_sends_again(
    tmp_path: Path,
) -> None:
    (tmp_path / "gateway.toml").write_text(toml.dumps(gateway(tmp_path)))
    edge = load(tmp_path / "gateway.toml").edge
    assert edge is not None
    (offer,) = next(member.goods for member in edge.members if member.id == scene.KITCHEN)
    gate = offer.price * offer.quantity / offer.every
    assert 4 * gate < scene.KITCHEN_LOW < scene.KITCHEN_SENDS < scene.ROAD_LIMIT
    assert gate * GATES_A_DAY * HOUR_DAYS * 24 < far_bank.SAVINGS


def in_family(folder: Path, work: Callable[[Family], Awaitable[None]]) -> None:
    async def run() -> None:
        family = Family(folder)
        try:
            await asyncio.wait_for(work(family), 60)
        finally:
            await family.stop()

    asyncio.run(run())


def code(text: str) -> list[str]:
    return [sys.executable, "-c", text]


async def until(happened: Callable[[], object]) -> None:
    while not happened():
        await asyncio.sleep(0.02)


def test_a_killed_child_is_started_again_and_a_person_hears_of_it(tmp_path: Path) -> None:
    async def work(family: Family) -> None:
        child = await family.add("sleeper", code(SAYS_READY), spoke)
        assert child.process is not None
        first = child.process.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(family.said) == 2)
        assert child.process.pid != first
        assert f'{{"sleeper": {child.process.pid}}}' == (tmp_path / "pids.json").read_text()
        assert family.said[0] == "sleeper died (SIGKILL), starting it again"
        assert family.said[1].startswith("sleeper is back after ")

    in_family(tmp_path, work)


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def work(family: Family) -> None:
        logs = '{"event": "cannot start", "error": "no such meter", "level": "error"}'
        after = '{"event": "stopped", "level": "info"}'
        failing = f"import sys; print({logs!r}, {after!r}, sep='\\n', file=sys.stderr); sys.exit(1)"
        with pytest.raises(ChildFailed, match=r"^broken does not start: cannot start: no such meter$"):
            await family.add("broken", code(failing), spoke)

    in_family(tmp_path, work)


def test_a_child_that_will_not_stay_up_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "MOST_TRIES", 2)

    async def work(family: Family) -> None:
        brief = "import sys, time; print('ready', flush=True); time.sleep(0.3); sys.exit('tired')"
        await family.add("brief", code(brief), spoke)
        with pytest.raises(ChildFailed, match=r"^brief does not stay up: tired$"):
            await family.failure

    in_family(tmp_path, work)


def test_a_child_that_ignores_being_asked_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_S", 0.2)
    ignores = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"

    async def work(family: Family) -> None:
        child = await family.add("deaf", code(f"{ignores}; {SAYS_READY}"), spoke)
        await child.stop()
        assert child.ended == -signal.SIGKILL

    in_family(tmp_path, work)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="PROGRAM MISSING: setpriv (Debian: util-linux)")
def test_no_child_outlives_a_demo_that_was_killed() -> None:
    parent = (
        "import asyncio, os, pathlib, signal, sys, tempfile\n"
        "from tradelane.gateway.demo.children import Family, spoke\n"
        "async def run():\n"
        "    family = Family(pathlib.Path(tempfile.mkdtemp()))\n"
        f"    child = await family.add('child', [sys.executable, '-c', {SAYS_READY!r}], spoke)\n"
        "    print(child.process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(run())\n"
    )
    done = subprocess.run(code(parent), stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        pass


def test_the_checks_are_the_doctor_s_all_of_them_or_those_there_is_time_for(tmp_path: Path) -> None:
    config = site(tmp_path).config
    again = [replace(one, check=f"far {one.check}") for one in examine(config)]
    assert Examining({"": config, "far ": config}).findings(None) == [*examine(config), *again]
    *some, last = Examining({"": config}).findings(Clock.monotonic_ms())
    assert some == examine(config)[: len(some)]
    assert last == Finding("all else", None, "not looked at, to end in time")


def test_last_words_of_a_child_that_said_nothing(tmp_path: Path) -> None:
    assert Child("mute", [], tmp_path).last_words() == "it said nothing"
    (tmp_path / "mute.log").write_text("Traceback\n  ...\nValueError: 7\n\n")
    assert Child("mute", [], tmp_path).last_words() == "ValueError: 7"


SUMMARY = Summary(
    power_abroad_wh=1_500, goods_abroad_kg=25, settled=3, refused=1, under_way=2, overdue=0,
    power_lanes={"GB>NL": 1_500}, priced_lanes=["GB>NL"], goods_lanes={"NL>GB.road": 1},
    people={"Anna": "+1.25 EUR", "Bakery, Leeds": "-2.50 GBP"}, sold_wh=2_000, delivered_wh=1_900,
    imbalance_wh=100, marco_polo_ms={"p50": 1_290, "p99": 1_550, "count": 3}, complete=True,
    checks=[
        {"check": "journal", "ok": True, "text": "9 entries, chain whole"},
        {"check": "readings a", "ok": True, "text": "40 readings, signed chain whole"},
        {"check": "readings b", "ok": True, "text": "2 readings, signed chain whole"},
        {"check": "forecast a", "ok": True, "text": "off by 9 Wh on average (-2 Wh), 3 of 4 offers covered"},
        {"check": "forecast b", "ok": True, "text": "off by 1 Wh on average (+1 Wh), 4 of 4 offers covered"},
    ],
    ways=(Way("a sale", ("agreed",), (
        Change("here", "member:a:EUR", Money(NANO, "EUR")), Change("here", "fx:EUR", Money(-NANO, "EUR")),
        Change("here", "fx:GBP", Money(1, "GBP")), Change("here", "rounding:GBP", Money(-1, "GBP")),
    )),),
)  # fmt: skip


def test_the_summary_for_a_person(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    show(SUMMARY, tmp_path)
    told = " ".join(capsys.readouterr().out.split())
    for words in (
        "power sold abroad 1.500 kWh GB→NL 1.500 kWh goods sold abroad 25 kg",
        "2.000 kWh = 1.900 metered + 0.100 billed as imbalance",
        "3 settled, 2 under way, 1 without funds",
        "money abroad: p50 1.29 s, p99 1.55 s; the idea: 8 s; Marco Polo: eight years",
        "Anna +1.25 EUR Bakery, Leeds -2.50 GBP",
        "readings of 2 meters: 42, every signed chain whole",
        "forecasts of 2 meters: 7 of 8 offers covered",
        "a sale agreed account EUR GBP member:a +1.000000000 fx -1.000000000 +0.000000001"
        " rounding -0.000000001 sum at here 0 0",
    ):
        assert words in told


def test_what_makes_a_demo_a_failure() -> None:
    assert SUMMARY.ok
    assert not replace(SUMMARY, overdue=1).ok
    assert not replace(SUMMARY, settled=0).ok
    assert replace(SUMMARY, settled=0, complete=False).ok
    lost = Way("a sale", (), (Change("here", "member:a:EUR", Money(NANO, "EUR")),))
    assert not replace(SUMMARY, ways=(lost,)).ok
    failed = {"check": "journal", "ok": False, "text": "entry 3"}
    assert not replace(SUMMARY, checks=[*SUMMARY.checks, failed]).ok
    assert replace(SUMMARY, checks=[{**failed, "ok": None}]).ok


def test_money_as_people_write_it() -> None:
    assert money(Money(-5 * NANO // 4, "EUR")) == "-1.25 EUR"
    assert money(Money(-1, "GBP")) == "0.00 GBP"
