"""``tradelane scan``: what it finds stands in a configuration that loads and reads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.meter.servers import device, served, sunspec
from tests.shared import free_port
from tradelane.gateway.cli import run
from tradelane.gateway.commands import announcing
from tradelane.gateway.commands.announcing import closer
from tradelane.gateway.commands.places import Place, place_of
from tradelane.gateway.commands.scanning import Named, Way, addresses
from tradelane.gateway.config import load
from tradelane.gateway.meter_section import section, sections
from tradelane.gateway.sources import address_of
from tradelane.meter.mdns_scan import Announced, services
from tradelane.meter.modbus import read_at
from tradelane.meter.modbus_scan import Found
from tradelane.meter.modbus_url import SerialAddress, TcpAddress

METER = {40000: sunspec("Acme", (203, [1] * 105))}
Capture = pytest.CaptureFixture[str]


def scanning(port: int, *more: str) -> int:
    return run(["scan", "--host", "127.0.0.1", "--port", str(port), "--units", "1,7", *more])


def test_what_is_written_loads_reads_and_is_not_written_twice(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "site.toml"

    async def main() -> None:
        async with served(device(7, METER)) as port:
            for _ in range(2):
                assert await asyncio.to_thread(scanning, port, "--write", str(file)) == 0
            edge = load(file).edge
            assert edge is not None
            (meter,) = edge.meters
            assert (meter.name, meter.unit) == ("acme-model", 7)
            assert await read_at(address_of(meter), meter.unit, None, lambda: 0)

    asyncio.run(main())
    assert "0 added, 1 there before" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["site.toml"]


def test_json_holds_a_first_reading_and_the_section(capsys: Capture) -> None:
    async def main() -> int:
        async with served(device(7, METER)) as port:
            return await asyncio.to_thread(scanning, port, "--json")

    assert asyncio.run(main()) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["found"][1]["readings"][0]["role"] == "grid"
    assert "try --profile" in body["found"][0]["trouble"]
    assert body["config"].count("[[edge.meters]]") == 1


def test_a_file_that_does_not_load_is_left_as_it_is(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "site.toml"
    file.write_text("[edge]\nwings = 2\n")

    async def main() -> int:
        async with served(device(7, METER)) as port:
            return await asyncio.to_thread(scanning, port, "--write", str(file))

    assert asyncio.run(main()) == 3
    assert file.read_text() == "[edge]\nwings = 2\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--network", "192.168.0.0/16"], 2, "192.168.0.0/16 is too wide"),
        ([], 2, "say where to look"),
        (["--host", "h", "--units", "248"], 2, "is not a unit"),
        (["--host", "h", "--profile", "nope"], 2, "--profile: no profile 'nope'"),
        (["--serial", "/dev/x", "--baud", "7"], 2, "baud '7' is not one of"),
        (["--serial", "/dev/x", "--host", "h"], 2, "--host, --serial: one place at a time"),
        (
            ["--serial", "/dev/x", "--port", "5"],
            2,
            "--port: it goes with --host or --network, not with --serial",
        ),
        (["--serial", "/dev/x", "--stopbits", "3"], 2, "stopbits '3' is not 1 or 2"),
        (["--host", "h", "--parity", "E"], 2, "--parity: it goes with --serial"),
        (["--host", "h", "--user", "me"], 2, "--user: it goes with --broker"),
        (["--host", "h", "--topic", "#"], 2, "--topic: it goes with --broker"),
        (["--host", "h", "--seconds", "9"], 2, "--seconds: it goes with --broker, or --mdns"),
        (["--host", "h", "--probe"], 2, "--probe: it goes with --mdns"),
        (["--seconds", "9"], 2, "--seconds: it goes with --broker, or --mdns"),
        (["--host", "h", "--broker", "b"], 2, "--host, --broker: one place at a time"),
        (["--broker", "b", "--mdns"], 2, "--broker, --mdns: one place at a time"),
        (["--broker", "b", "--timeout", "1"], 2, "--timeout: it goes with --host or --network"),
        (["--mdns", "--timeout", "1"], 2, "not with --mdns"),
        (["--mdns", "--probe", "--units", "0"], 2, "--units: '0' is not a unit"),
        (["--broker", "b:x"], 2, "--broker: 'b:x' is not HOST:PORT"),
        (["--broker", "b", "--key-file", "k"], 2, "--key-file: a key needs its --cert-file"),
        (["--broker", "127.0.0.1:1", "--seconds", "0.2"], 4, "127.0.0.1:1: no connection"),
        (["--host", "127.0.0.1", "--port", "1"], 4, "nothing answered at 127.0.0.1:1"),
    ],
)
def test_a_mistake_is_one_line_and_its_code(
    arguments: list[str], code: int, words: str, capsys: Capture
) -> None:
    assert run(["scan", *arguments]) == code
    assert words in capsys.readouterr().err


def test_only_named_hosts_are_asked() -> None:
    assert addresses(Named(hosts=("a",), ports=(502,))) == (TcpAddress("a", 502),)


def test_a_serial_line_is_tried_in_every_way_that_is_named() -> None:
    named = Named(serial="/dev/x", bauds=(9600, 19200), parities=("N", "E"), stopbits=(1, 2))
    found = addresses(named)
    assert len(found) == len(set(found)) == 8
    assert found[-1] == SerialAddress("/dev/x", 19200, "E", 2)


def test_what_announces_itself_comes_with_the_command_that_looks_closer() -> None:
    said = {one.speaks: one for one in services()}
    places = (("192.0.2.1", "modbus"), ("::1", "mqtt"))
    found = [Announced("a", (host,), 1502, said[kind]) for host, kind in places]
    assert [closer(one) for one in found] == [
        "tradelane scan --host 192.0.2.1 --port 1502",
        "tradelane scan --broker [::1]:1502",
    ]
    assert closer(Announced("s", ("192.0.2.2",), 80, said[""])) == ""


def test_what_announces_itself_is_probed_and_written(tmp_path: Path, capsys: Capture) -> None:
    """One meter there, one place where nothing answers, and a broker that is away."""
    said, away = {one.speaks: one for one in services()}, free_port()
    file = tmp_path / "site.toml"

    async def main() -> announcing.Probed:
        async with served(device(7, METER)) as port:
            found = [
                Announced("meter", ("127.0.0.1",), port, said["modbus"]),
                Announced("gone", ("127.0.0.1",), away, said["modbus"]),
                Announced("broker", ("127.0.0.1",), away, said["mqtt"]),
            ]
            wanted = Way(units="7", timeout_s=0.5).search()
            probed = await asyncio.to_thread(announcing.probe, found, wanted, 0.2)
            announcing.conclude(found, probed, file, as_json=False)
            return probed

    probed = asyncio.run(main())
    assert [one.unit for one in probed.units] == [7]
    assert len(probed.silent) == 2
    assert "tradelane scan --host 127.0.0.1" in capsys.readouterr().out
    edge = load(file).edge
    assert edge is not None and [meter.name for meter in edge.meters] == ["acme-model"]


def test_where_to_look_follows_from_the_options() -> None:
    assert place_of(["--host", "--port"]) is Place.HOSTS
    assert place_of(["--mdns"]) is Place.MDNS
    assert place_of(["--mdns", "--write"]) is Place.PROBE
    with pytest.raises(ValueError, match="say where to look"):
        place_of(["--json"])


def test_a_model_s_strange_name_cannot_break_the_file(tmp_path: Path) -> None:
    evil = Found(SerialAddress("/dev/ttyUSB0", 19200, "E"), 1, 'A"\n[hub]\n', profile="eastron-sdm630")
    file = tmp_path / "site.toml"
    file.write_text('[edge]\nzone_url = "https://z.example"\n\n' + sections([evil, evil]))
    config = load(file)
    assert config.edge is not None and config.hub is None
    assert [one.name for one in config.edge.meters] == ["a-hub", "a-hub-2"]
    assert address_of(config.edge.meters[0]) == evil.address
    assert section(evil).count("\n[") == 0
