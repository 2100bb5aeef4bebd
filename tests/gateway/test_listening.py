"""``tradelane scan --broker``: what it hears stands in a configuration that loads and reads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.meter.servers import HOST
from tests.meter.test_mqtt import publish, publisher
from tradelane.gateway.cli import run
from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.listening import listen_command
from tradelane.gateway.commands.reading import Login
from tradelane.gateway.config import load
from tradelane.gateway.sources import sources

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def house(mosquitto: int) -> int:
    with publisher(mosquitto) as client:
        publish(client, "roof/status/em:0", {"total_act_power": 7}, retain=True)
        publish(client, "N/c0ffee/grid/30/Ac/Power", {"value": 5}, retain=True)
        for channel in (1, 2):
            publish(client, f"N/hut/pvinverter/{channel}/Ac/Power", {"value": 1}, retain=True)
    return mosquitto


def listening(port: int, *more: str) -> int:
    return run(["scan", "--broker", f"{HOST}:{port}", "--seconds", "1", *more])


def test_what_is_written_loads_reads_and_is_not_written_twice(
    house: int, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "site.toml"
    for _ in range(2):
        assert listening(house, "--write", str(file)) == 0
    assert "0 added, 2 there before" in capsys.readouterr().err
    edge = load(file).edge
    assert edge is not None and edge.mqtt is not None
    assert (edge.mqtt.host, edge.mqtt.port) == (HOST, house)
    (source,) = sources(edge, Clock())

    async def first() -> set[tuple[str, object]]:
        heard: set[tuple[str, object]] = set()
        async for reading in source.readings():
            heard.add((reading.meter, reading.values["power_w"]))
            if len(heard) == 2:
                break
        await source.close()
        return heard

    assert asyncio.run(first()) == {("roof", 7), ("c0ffee", 5)}


def test_a_file_with_another_broker_is_left_as_it_is(house: int, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "site.toml"
    text = '[edge]\nzone_url = "https://z.example"\n[edge.mqtt]\nhost = "192.0.2.1"\n'
    file.write_text(text)
    assert listening(house, "--write", str(file)) == 3
    assert file.read_text() == text
    assert "192.0.2.1:1883 is its broker, and it can have only one" in capsys.readouterr().err


def test_json_holds_readings_troubles_and_the_section(house: int, capsys: Capture) -> None:
    assert listening(house, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert [(one["meter"], one["topic"]) for one in body["found"]] == [
        ("roof", "roof/#"),
        ("c0ffee", "N/c0ffee/#"),
        ("hut", None),
    ]
    assert body["found"][0]["readings"][0]["values"]["power_w"] == 7
    assert body["config"].count("[edge.mqtt]") == 1 and body["config"].count("[[edge.meters]]") == 2


def test_a_login_stands_in_the_section_and_its_password_does_not(
    house: int, tmp_path: Path, capsys: Capture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    listen_command(f"{HOST}:{house}", Login("me", secret), "roof/#", 1, None, as_json=False)
    told = capsys.readouterr().out
    assert 'user = "me"' in told and str(secret) in told and "hunter2" not in told
    assert "c0ffee" not in told


def test_silence_is_told(mosquitto: int, capsys: Capture) -> None:
    assert listening(mosquitto) == 4
    assert "nothing that is known as a meter spoke on # in 1 s" in capsys.readouterr().err
