"""Configuration: who wins, what is refused, and that every refusal says where."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.shared import ROOT
from tradelane.gateway.config import Config, ConfigError, load
from tradelane.gateway.section_types import Section

EXAMPLES = ROOT / "examples"
ZONE = (EXAMPLES / "zone.toml").read_text()
ROOFTOP = (EXAMPLES / "rooftop.toml").read_text()
HUB = '[hub]\ncurrencies = ["EUR"]\n'
MQTT_METER = """
[edge.mqtt]
host = "192.0.2.9"
port = 1
[[edge.meters]]
name = "barn"
transport = "mqtt"
"""


def mqtt_field(text: str) -> str:
    """A rooftop with a meter of one value."""
    return f"{ROOFTOP}{MQTT_METER}fields = [{{ {text} }}]\n"


Loader = Callable[..., Config]


@pytest.fixture
def given(tmp_path: Path) -> Loader:
    """Load TOML text as ``site.toml`` in the test's own folder."""

    def load_text(text: str, flags: dict[str, Any] | None = None) -> Config:
        path = tmp_path / "site.toml"
        path.write_text(text)
        return load(path, flags)

    return load_text


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda p: p.name)
def test_every_example_is_read_and_explained(path: Path) -> None:
    config = load(path)
    assert config.data_dir.parent == EXAMPLES
    assert config.edge or config.zone or config.hub
    lines = path.read_text().splitlines()
    assert sum("#" in line for line in lines) > len(lines) / 3


def test_the_examples_between_them_show_every_key() -> None:
    """A key that no example shows, at least in a comment, is a key nobody finds."""
    text = "\n".join(path.read_text() for path in EXAMPLES.glob("*.toml"))
    keys = {key for section in Section.__subclasses__() for key in section.model_fields}
    assert len(keys) > 50
    assert {key for key in keys if not re.search(rf"^[# \[]*(\w+\.)*{key}( =|\])", text, re.M)} == set()


def test_values_arrive_exactly(given: Loader) -> None:
    zone = given(ZONE).zone
    assert zone is not None
    assert zone.zones[1].fx == Decimal("1.05")
    assert zone.lanes[0].tariff == Decimal("0.50")
    assert zone.goods_lanes[1].duty_ppm == 75_000
    assert (zone.mtu_minutes, zone.tick, zone.imbalance.penalty_ppm) == (15, Decimal("0.01"), 50_000)


def test_paths_are_relative_to_the_file(given: Loader, tmp_path: Path) -> None:
    config = given('data_dir = "var"\n' + ZONE.replace('data_dir = "zone-data"', "") + HUB)
    assert config.zone and config.zone.hub_token_file == tmp_path / "hub.token"
    assert config.hub_db == tmp_path / "var/hub.sqlite"
    assert config.zone_db == tmp_path / "var/zone.sqlite"
    assert config.hub_token_file == tmp_path / "var/hub.token"


def test_key_files_have_a_place(given: Loader, tmp_path: Path) -> None:
    config = given(ROOFTOP)
    assert config.key_file("rosa") == tmp_path / "rooftop-data/keys/rosa.pem"
    config = given(ROOFTOP.replace("# key_file", "key_file"))
    assert config.key_file("rosa") == tmp_path / "rosa.pem"


def test_flags_beat_environment_beats_file_beats_default(
    given: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert given(HUB).port == 8080
    assert given("port = 1\n" + HUB).port == 1
    monkeypatch.setenv("TRADELANE_PORT", "2")
    assert given("port = 1\n" + HUB).port == 2
    assert given("port = 1\n" + HUB, {"port": 3}).port == 3


def test_one_key_of_a_section_can_come_from_elsewhere(given: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = '[clock]\norigin = "2026-06-21T04:00Z"\nwall_origin = 1\nspeed = 90\n'
    monkeypatch.setenv("TRADELANE_CLOCK__SPEED", "60")
    config = given(clock + HUB, {"clock": {"wall_origin": 5}})
    assert (config.clock.speed, config.clock.wall_origin, config.clock.origin) == (60, 5, 1782014400000)
    assert config.make_clock().speed == 60


MISTAKES = {
    "a float price": (
        ZONE.replace('tariff = "0.50"', "tariff = 0.25", 1),
        'tariff = 0.25 <- zone.lanes[0].tariff: a price is written as text: "0.25", not 0.25',
    ),
    "an integer price": (
        ZONE.replace('max_price = "100"', "max_price = 100"),
        'max_price = 100 <- zone.goods[0].max_price: a price is written as text: "100", not 100',
    ),
    "no number": (
        ZONE.replace('fx = "1.05"', 'fx = "1,05"'),
        "fx = \"1,05\" <- zone.zones[1].fx: '1,05' is not a decimal number",
    ),
    "infinite": (
        ZONE.replace('max_price = "4000"', 'max_price = "Infinity"'),
        "max_price = \"Infinity\" <- zone.max_price: 'Infinity' is not a decimal number",
    ),
    "not positive": (
        ZONE.replace('fx = "1.05"', 'fx = "0"'),
        'fx = "0" <- zone.zones[1].fx: must be greater than zero',
    ),
    "a negative tariff": (
        ZONE.replace('freight = "0.12"', 'freight = "-1"'),
        'freight = "-1" <- zone.goods_lanes[0].freight: must not be negative',
    ),
    "an unknown key": ("prot = 80\n" + HUB, "prot = 80 <- prot: unknown key"),
    "an unknown key of a table": (
        ZONE.replace("loss_ppm = 20_000", "los_ppm = 20_000", 1),
        "los_ppm = 20_000 <- zone.lanes[0].los_ppm: unknown key",
    ),
    "an unknown section": ("[edgy]\npoll = 1\n" + HUB, "[edgy] <- edgy: unknown key"),
    "a missing key": ("port = 1\n\n[hub]\n", "[hub] <- hub.currencies: missing"),
    "two mistakes": (
        "prot = 80\n[hub]\n",
        "[hub] <- hub.currencies: missing (and 1 more)",
    ),
    "not TOML": ("port = 1\nhost = \n", "host = <- Invalid value"),
    "a key twice": ("port = 1\nport = 2\n", "port = 2 <- Cannot overwrite a value"),
    "a table in place of a number": ("[port]\na = 1\n", "[port] <- port: Input should be a valid integer"),
    "a number in place of a table": ("hub = 1\n", "hub = 1 <- hub: must be a table"),
    "a port too high": (
        "port = 65536\n",
        "port = 65536 <- port: Input should be less than",
    ),
    "a currency": (
        '[hub]\ncurrencies = ["Euro"]\n',
        "currencies = [\"Euro\"] <- hub.currencies[0]: 'Euro' is not an ISO 4217",
    ),
    "a currency twice": (
        '[hub]\ncurrencies = ["EUR", "EUR"]\n',
        'currencies = ["EUR", "EUR"] <- hub.currencies[1]: \'EUR\' is there twice',
    ),
    "an HS code": (
        ZONE.replace('"090111"', '"coffee"'),
        "hs_code = \"coffee\" <- zone.goods[0].hs_code: 'coffee' is not an HS code",
    ),
    "an address": (
        ROOFTOP.replace("https://zone", "zone"),
        "zone_url = \"zone.example.org\" <- edge.zone_url: 'zone.example.org' is not an http",
    ),
    "a lane to nowhere": (
        ZONE.replace('target = "IT-NORD"', 'target = "IT-SUD"', 1),
        "target = \"IT-SUD\" <- zone.lanes[1].target: no zone 'IT-SUD'",
    ),
    "a lane in a circle": (
        ZONE.replace('target = "IT-NORD"', 'target = "CH"', 1),
        'target = "CH" <- zone.lanes[1].target: a lane joins two different zones',
    ),
    "a set of unknown lanes": (
        ZONE.replace('lanes = ["IT-NORD>CH", ', 'lanes = ["CH>IT-SUD", '),
        'lanes = ["CH>IT-SUD", "CH>IT-NORD"] <- zone.lane_sets[0].lanes: no lane \'CH>IT-SUD\'',
    ),
    "a limit of an unknown zone": (
        ZONE.replace("ptdf = { IT-NORD", "ptdf = { IT-SUD"),
        'ptdf = { IT-SUD = "0.4", CH = "-0.2" } <- zone.flow_based[0].ptdf: no zone \'IT-SUD\'',
    ),
    "an id twice": (
        ZONE.replace('id = "CH>IT-NORD"', 'id = "IT-NORD>CH"'),
        "id = \"IT-NORD>CH\" <- zone.lanes[1].id: 'IT-NORD>CH' is there twice",
    ),
    "a reference of no zone": (
        ZONE.replace('references = { CH = "30" }', 'references = { AT = "30" }'),
        "references = { AT = \"30\" } <- zone.goods[0].references.AT: no zone 'AT'",
    ),
    "a reference out of range": (
        ZONE.replace('references = { CH = "30" }', 'references = { CH = "300" }'),
        'references = { CH = "300" } <- zone.goods[0].references.CH: is outside the price limits',
    ),
    "a collar off the tick": (
        ZONE.replace('collar = "5"', 'collar = "0.005"'),
        'collar = "0.005" <- zone.goods[0].collar: 0.005 is not a multiple of 0.01 (the tick)',
    ),
    "a limit off the lot": (
        ZONE.replace('most_in_order = "2000"', 'most_in_order = "0.25"'),
        'most_in_order = "0.25" <- zone.goods[0].most_in_order: 0.25 is not a multiple of 0.1 (the lot)',
    ),
    "unknown goods": (
        ZONE.replace('product = "arabica"', 'product = "robusta"'),
        "product = \"robusta\" <- zone.goods_lanes[0].product: no goods product 'robusta'",
    ),
    "limits off the tick": (
        ZONE.replace('max_price = "4000"', 'max_price = "4000.005"'),
        'max_price = "4000.005" <- zone.max_price: 4000.005 is not a multiple of 0.01 (the tick)',
    ),
    "limits the wrong way round": (
        ZONE.replace('max_price = "4000"', 'max_price = "-501"'),
        'max_price = "-501" <- zone.max_price: must be above min_price',
    ),
    "an MTU that does not divide the day": (
        ZONE.replace("mtu_minutes = 15", "mtu_minutes = 7"),
        "mtu_minutes = 7 <- zone.mtu_minutes: must divide a day",
    ),
    "no token for the hub": (
        ZONE.replace('hub_token_file = "hub.token"', ""),
        "[zone] <- zone.hub_token_file: missing",
    ),
    "no such meter": (
        ROOFTOP.replace('meter = "roof"', 'meter = "cellar"'),
        "meter = \"cellar\" <- edge.members[0].meter: no meter named 'cellar'",
    ),
    "no such member": (
        ROOFTOP.replace('member = "rosa"', 'member = "ugo"'),
        "member = \"ugo\" <- edge.meters[0].member: no member 'ugo'",
    ),
    "selling without a meter": (
        ROOFTOP.replace('meter = "roof"', ""),
        "[[edge.members]] <- edge.members[0].meter: missing: selling power",
    ),
    "Modbus without a host": (
        ROOFTOP.replace('host = "192.0.2.10"', ""),
        "[[edge.meters]] <- edge.meters[0].host: missing: a Modbus meter has a host",
    ),
    "MQTT without a topic": (
        ROOFTOP.replace('"modbus"', '"mqtt"'),
        "[[edge.meters]] <- edge.meters[0].topic: missing: an MQTT meter has a topic",
    ),
    "an MQTT value nobody knows": (
        mqtt_field('value = "watts", topic = "t"'),
        'fields = [{ value = "watts", topic = "t" }] <- '
        + "edge.meters[1].fields[0].value: no value 'watts'",
    ),
    "an MQTT value in the wrong unit": (
        mqtt_field('value = "power_w", topic = "t", unit = "kWh"'),
        'fields = [{ value = "power_w", topic = "t", unit = "kWh" }] <- '
        + "edge.meters[1].fields[0].unit: 'kWh' is no unit of power_w",
    ),
    "an MQTT value from nowhere": (
        mqtt_field('value = "power_w"'),
        'fields = [{ value = "power_w" }] <- '
        + "edge.meters[1].fields[0].topic: missing: neither it nor its meter has a topic",
    ),
    "a password of nobody": (
        mqtt_field('value = "power_w", topic = "t"').replace("port = 1", 'password_file = "p"'),
        'password_file = "p" <- edge.mqtt.password_file: a password needs a user',
    ),
    "a key without its certificate": (
        mqtt_field('value = "power_w", topic = "t"').replace("port = 1", 'key_file = "k"'),
        'key_file = "k" <- edge.mqtt.key_file: a key needs its cert_file',
    ),
    "Home Assistant without a broker": (
        f"{ROOFTOP}\n[edge.homeassistant]\n",
        "[edge.homeassistant] <- edge.homeassistant: Home Assistant is spoken to over [edge.mqtt]",
    ),
    "MQTT without a broker": (
        ROOFTOP.replace('"modbus"', '"mqtt"\ntopic = "roof/#"'),
        'transport = "mqtt" <- edge.meters[0].transport: an MQTT meter needs [edge.mqtt]',
    ),
    "half a place": (
        ROOFTOP.replace("lon = 9.19", ""),
        "[[edge.meters]] <- edge.meters[0].lon: missing: a place has both lat and lon",
    ),
    "no zone to trade with": ("[edge]\n", "[edge] <- edge.zone_url: missing: there is no [zone]"),
    "a zone not in this market": (
        ZONE + ROOFTOP[ROOFTOP.index("[edge]") :].replace("zone_url", "#").replace('"IT-NORD"', '"SE4"'),
        "zone = \"SE4\" <- edge.members[0].zone: no zone 'SE4'",
    ),
    "a speed in real time": (
        "[clock]\nspeed = 90\n",
        "speed = 90 <- clock.speed: a speed other than 1",
    ),
    "an origin without its wall": (
        '[clock]\nspeed = 90\norigin = "2026-06-21T04:00Z"\n',
        'origin = "2026-06-21T04:00Z" <- clock.origin: an origin needs a wall_origin',
    ),
    "a wall without its origin": (
        "[clock]\nwall_origin = 5\n",
        "wall_origin = 5 <- clock.wall_origin: a wall_origin needs",
    ),
    "an instant without an offset": (
        '[clock]\norigin = "2026-06-21T04:00"\n',
        "origin = \"2026-06-21T04:00\" <- clock.origin: '2026-06-21T04:00' is not an instant",
    ),
    "an instant that is a date of TOML": (
        "[clock]\norigin = 2026-06-21\n",
        "origin = 2026-06-21 <- clock.origin: an instant is written as text",
    ),
}
"""Name of a mistake → the file's text, and the line to be named with the start of what is said of it."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_file_line_key_and_reason(given: Loader, mistake: str) -> None:
    text, expected = MISTAKES[mistake]
    with pytest.raises(ConfigError) as raised:
        given(text)
    message = str(raised.value)
    found = re.fullmatch(r".*/site\.toml:(\d+): ([^\n]*)", message)
    assert found, message
    line = text.splitlines()[int(found[1]) - 1].split("#")[0].strip()
    assert f"{line} <- {found[2]}".startswith(expected)


def test_a_mistake_in_the_environment_names_the_variable(
    given: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADELANE_CLOCK__SPEED", "fast")
    with pytest.raises(ConfigError, match=r"^environment TRADELANE_CLOCK__SPEED: clock.speed: "):
        given(HUB)


def test_broken_json_in_the_environment_is_a_config_error(
    given: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADELANE_HUB", "{")
    with pytest.raises(ConfigError, match=r"^environment TRADELANE_"):
        given("")


def test_a_mistake_in_a_flag_names_the_flag(given: Loader) -> None:
    with pytest.raises(ConfigError, match=r"^flag: port: "):
        given("port = 1\n" + HUB, {"port": -1})


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file"):
        load(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'host = "\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml: not UTF-8 text"):
        load(tmp_path / "latin.toml")
