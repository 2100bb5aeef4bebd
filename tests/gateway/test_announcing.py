"""``tradelane scan --mdns --probe``: what announced itself is asked, and written down as it loads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.meter.servers import HOST, device, served, sunspec
from tests.meter.test_mqtt import publish, publisher
from tradelane.gateway.cli import run
from tradelane.gateway.commands import announcing
from tradelane.gateway.commands.failure import CommandFailed
from tradelane.gateway.commands.scanning import Way
from tradelane.gateway.config import load
from tradelane.meter.mdns_scan import Announced, services

METER = {40000: sunspec("Acme", (203, [1] * 105))}
SAYS = {one.speaks: one for one in services()}
Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_device_and_a_broker_that_announced_themselves_are_asked_and_written(
    mosquitto: int, tmp_path: Path, capsys: Capture, as_json: bool
) -> None:
    file = tmp_path / "site.toml"
    with publisher(mosquitto) as client:
        publish(client, "roof/status/em:0", {"total_act_power": 7}, retain=True)

    async def main() -> None:
        async with served(device(1, METER)) as port:
            found = [
                Announced("inverter", (HOST,), port, SAYS["modbus"]),
                Announced("gone", (HOST,), 1, SAYS["modbus"]),
                Announced("broker", (HOST,), mosquitto, SAYS["mqtt"]),
                Announced("shelly", (HOST,), 80, SAYS[""]),
            ]
            probed = await asyncio.to_thread(announcing.probe, found, Way("1").search(), 1.0)
            assert probed.silent == [f"{HOST}:1: nothing answered"]
            announcing.conclude(found, probed, file, as_json)

    asyncio.run(main())
    told = capsys.readouterr()
    edge = load(file).edge
    assert "2 added, 0 there before" in told.err and edge is not None and edge.mqtt is not None
    assert [meter.transport for meter in edge.meters] == ["modbus", "mqtt"]
    if as_json:
        body = json.loads(told.out)
        assert (len(body["announced"]), len(body["found"])) == (4, 2)
        assert body["config"].count("[[edge.meters]]") == 2


def test_nothing_to_look_at_is_told(capsys: Capture) -> None:
    with pytest.raises(CommandFailed, match="none of 1 announced shows a meter"):
        announcing.conclude(
            [Announced("shelly", (HOST,), 80, SAYS[""])], announcing.Probed(), None, as_json=False
        )
    assert run(["scan", "--mdns", "--probe", "--profile", "nope"]) == 2
    assert "--profile: no profile 'nope'" in capsys.readouterr().err
