"""Two e-hubs as processes of their own: one stopped across an expiry, both killed in the middle of a payment
and started again; nothing is lost, doubled or half."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.processes import Gateway
from tests.shared import free_port
from tradelane.gateway import hub_road
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import ConfigError, load
from tradelane.gateway.road_section import RoadPeer
from tradelane.market.units import MINUTE, NANO, iso
from tradelane.settlement.ehub.server.road.rounds import RoadRounds

PATIENCE_S = 60
SPEED = 60
"""Market seconds a second: a minute of a payment's life is a second of the test's."""
HUBS = {"ams": "EUR", "lon": "GBP"}
CONFIG = """
data_dir = "{name}"
port = {port}
[clock]
speed = {speed}
origin = "2026-06-21T10:00Z"
wall_origin = {wall}
[hub]
currencies = ["{currency}"]
[hub.road]
name = "{name}"
rates = {{ EUR = "1", GBP = "1.2" }}
window_minutes = 10
margin_seconds = 60
quote_seconds = 3600
allow_private = true
"""
PEER = """
[[hub.road.peers]]
name = "{name}"
url = "{url}"
fingerprint = "{fingerprint}"
limits = {{ EUR = "500", GBP = "500" }}
places = ["GB"]
"""


class Site:
    """One hub: its configuration, its process, and its API."""

    def __init__(self, name: str, folder: Path, wall: int) -> None:
        self.name, self.currency, self.port = name, HUBS[name], free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.path = folder / f"{name}.toml"
        values = {"name": name, "port": self.port, "speed": SPEED, "wall": wall, "currency": self.currency}
        self.path.write_text(CONFIG.format(**values))
        road = hub_road.settings(load(self.path))
        assert road is not None
        self.fingerprint = road.fingerprint
        self.data = folder / name
        self.gateway: Gateway | None = None
        self.count = 0

    @property
    def member(self) -> str:
        return f"member:{self.name}:{self.currency}"

    def start(self) -> None:
        self.gateway = Gateway(["run", "--config", str(self.path)])
        self.gateway.event("listening")

    def signal(self, number: int) -> None:
        assert self.gateway is not None
        self.gateway.process.send_signal(number)
        if number == signal.SIGKILL:
            self.gateway.process.wait()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.count += 1
        token = (self.data / "hub.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{self.name}-{self.count}"}
        answer = httpx2.request(
            method, self.url + "/api/v1" + path, json=body, headers=headers, timeout=PATIENCE_S
        )
        assert answer.is_success, answer.text
        return answer.json()

    def furnish(self) -> None:
        account = {"account": self.member, "owner": "Member", "currency": self.currency}
        self.ask("POST", "/accounts", account)
        money = {"currency": self.currency, "value": "1000"}
        self.ask("POST", "/deposits", {"account": self.member, "amount": money})

    def posted(self, account: str) -> str:
        return str(self.ask("GET", f"/accounts/{account}")["posted"])

    def state(self, transfer: str) -> str:
        return str(self.ask("GET", f"/road/transfers/{transfer}")["state"])


def until(check: Callable[[], bool]) -> None:
    """Wait for what must come; fail when it does not within a minute."""
    ends = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.2)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site, Clock]]:
    wall = time.time_ns() // 1_000_000
    ams, lon = (Site(name, tmp_path, wall) for name in HUBS)
    for one, other in ((ams, lon), (lon, ams)):
        values = {"name": other.name, "url": other.url, "fingerprint": other.fingerprint}
        with one.path.open("a") as file:
            file.write(PEER.format(**values))
    with ExitStack() as stack:
        for one in (ams, lon):
            stack.callback(kill, one)
            one.start()
            one.furnish()
        yield ams, lon, load(ams.path).make_clock()


def kill(site: Site) -> None:
    if site.gateway is not None and site.gateway.process.poll() is None:
        site.signal(signal.SIGCONT)
        site.signal(signal.SIGKILL)


def quote(payer: Site, payee: Site, id: str, value: str) -> None:
    amount = {"currency": payee.currency, "value": value}
    body = {"quote": id, "peer": payee.name, "account": payer.member, "payee": payee.member, "amount": amount}
    until(lambda: payer.ask("GET", "/road/peers")[0]["state"] == "known")
    payer.ask("POST", "/road/quotes", body)
    until(lambda: payer.ask("GET", f"/road/quotes/{id}")["state"] == "quoted")


def send(payer: Site, id: str, clock: Clock, minutes: int, release: str = "at_once") -> None:
    expires = iso(clock.now() // 1000 * 1000 + minutes * MINUTE)
    payer.ask(
        "POST", "/road/transfers", {"transfer": id, "quote": id, "expires_at": expires, "release": release}
    )


def test_stopped_across_an_expiry_and_killed_in_the_middle(sites: tuple[Site, Site, Clock]) -> None:
    ams, lon, clock = sites
    for id in ("late", "killed"):
        quote(ams, lon, id, "10")

    lon.signal(signal.SIGSTOP)
    send(ams, "late", clock, minutes=2)
    ends = clock.now() + 4 * MINUTE
    until(lambda: clock.now() > ends)
    assert ams.state("late") == "RESERVED"
    assert ams.ask("GET", f"/accounts/{ams.member}")["held"] == "12"
    lon.signal(signal.SIGCONT)
    until(lambda: ams.state("late") == "ABORTED")
    assert ams.posted(ams.member) == "1000"

    send(ams, "killed", clock, minutes=600, release="on_order")
    until(lambda: lon.ask("GET", "/road/transfers")["items"] != [])
    ams.signal(signal.SIGKILL)
    lon.ask("POST", "/road/transfers/ams/killed/fulfil", {})
    lon.signal(signal.SIGKILL)
    ams.start()
    assert ams.state("killed") == "RESERVED"
    lon.start()
    until(lambda: ams.state("killed") == "COMMITTED")
    assert (ams.posted(ams.member), lon.posted(lon.member)) == ("988", "1010")

    until(lambda: all(settled(site) for site in (ams, lon)))
    for site, other in ((ams, lon), (lon, ams)):
        assert site.posted(f"road:{other.name}:EUR") == "0"
        assert site.ask("GET", "/trial-balance")["balanced"] and site.ask("GET", "/chain")["ok"]
    assert (ams.posted("nostro:lon:EUR"), lon.posted("nostro:ams:EUR")) == ("12", "-12")


def settled(site: Site) -> bool:
    windows = site.ask("GET", "/road/windows?state=settled&limit=1000")
    return any(one["mine"]["entries"] for one in windows)


def test_the_settings_are_the_configuration_s(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    values = {"name": "ams", "port": 8090, "speed": 1, "wall": 0, "currency": "EUR"}
    peer = {"name": "lon", "url": "https://lon.example", "fingerprint": "A" * 43}
    path.write_text(CONFIG.format(**values) + PEER.format(**peer))
    config = load(path)
    road = hub_road.settings(config)
    again = hub_road.settings(config)
    assert road is not None and again is not None and config.hub is not None and config.hub.road is not None
    assert road.fingerprint == again.fingerprint
    assert (road.url, road.window_ms, road.margin_ms) == ("http://127.0.0.1:8090", 10 * MINUTE, MINUTE)
    assert road.prices.rates == {"EUR": NANO, "GBP": 1_200_000_000}
    (asked,) = road.peers
    assert [(one.currency, one.value) for one in asked.limits] == [("EUR", "500"), ("GBP", "500")]
    assert isinstance(config.hub.road.peers[0], RoadPeer)
    assert RoadRounds.__module__.startswith("tradelane.settlement")


@pytest.mark.parametrize(
    ("line", "fault"),
    [('name = "a:b"', "a hub's name"), ("window_minutes = 0", "greater than or equal to 1")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / "hub.toml"
    name = "" if line.startswith("name") else 'name = "ams"'
    path.write_text(f'[hub]\ncurrencies = ["EUR"]\n[hub.road]\n{name}\n{line}\n')
    with pytest.raises(ConfigError, match=fault):
        load(path)
