from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from tests.firmware_sim.running import NOON, PROGRAM, RunningStreet, running_street, truth


def production(street: RunningStreet, name: str = "solar00") -> int:
    row = street.meters[name]
    device = SunSpecModbusClientDeviceTCP(row["unit"], row["host"], row["port"], timeout=10)
    device.scan()
    device.close()
    return int(device.models[103][0].WH.cvalue)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("broker", [("--embedded-broker", "0"), ("--mqtt", "127.0.0.1:1")])
def test_a_signal_ends_it_well(number: int, broker: tuple[str, str]) -> None:
    with running_street("--modbus", "2", "--mqtt-rooftops", "2", *broker) as street:
        reader = street.meters["solar00"]
        with socket.create_connection((reader["host"], reader["port"])):
            street.process.send_signal(number)
            assert street.process.wait() == 0


def test_a_killed_street_goes_on_where_the_clock_is() -> None:
    """The clock's three numbers are the same both times, so the second life is later in market time."""
    clock = ("--origin", "2026-06-20T09:00Z", "--wall-origin", "1700000000000", "--speed", "0")
    flags = ("--modbus", "1", "--seed", "3")
    with running_street(*flags, *clock) as first:
        before = production(first)
        first.process.kill()
        first.process.wait()
    with running_street(*flags, *clock) as second:
        assert production(second) == before
    with running_street(*flags, "--since", "2026-06-20T09:00Z", "--origin", "2026-06-21T12:00Z") as later:
        (true,) = truth(*flags, "--since", "2026-06-20T00:00Z", "--at", "2026-06-21T12:00Z")
        assert production(later) == true["solar00"]["production_wh"] > before


def test_a_file_makes_the_same_street_as_its_truth(tmp_path: Path) -> None:
    path = tmp_path / "street.toml"
    path.write_text(
        f"""
seed = 9
[clock]
origin = "{NOON}"
speed = 0
[mqtt]
embedded_port = 0
[[rooftop]]
name = "farm"
transport = "modbus"
unit = 7
zone = "NL"
latitude = 52.4
longitude = 4.9
kwp = 120
[[rooftop]]
name = "flat"
transport = "modbus"
zone = "GB"
latitude = 53.8
longitude = -1.5
kwp = 0
[[rooftop]]
name = "barn"
transport = "mqtt"
zone = "NO2"
latitude = 58.1
longitude = 8.0
"""
    )
    (true,) = truth("--config", str(path), "--at", NOON)
    with running_street("--config", str(path)) as street:
        assert [row["unit"] for row in street.listing["meters"]] == [7, 1, None]
        assert production(street, "farm") == true["farm"]["production_wh"]
        row = street.meters["flat"]
        flat = SunSpecModbusClientDeviceTCP(1, row["host"], row["port"], timeout=10)
        flat.scan()
        flat.close()
    assert list(flat.models)[::2] == [1, 203]
    assert flat.models[203][0].TotWhImp.cvalue == true["flat"]["import_wh"]
    assert true["flat"]["solar_power_w"] == 0
    assert true["farm"]["solar_power_w"] > 32_767


def ended(*flags: str) -> tuple[int, str]:
    done = subprocess.run([*PROGRAM, *flags], capture_output=True, text=True)
    return done.returncode, done.stderr.strip().splitlines()[-1]


def test_what_cannot_be_is_refused_in_a_line() -> None:
    assert ended() == (
        2,
        "firmware_sim: no rooftops: give --modbus, --mqtt-rooftops, --rtu-rooftops, --eastron or --config",
    )
    code, said = ended("--mqtt-rooftops", "1")
    assert (code, said) == (2, "firmware_sim: MQTT rooftops need a broker: embedded, or the address of one")
    code, said = ended("--modbus", "1", "--since", "2026-06-22T00:00Z", "--origin", NOON)
    assert (code, "after the clock's origin" in said) == (2, True)
    code, said = ended("--modbus", "1", "--fault", "solar00:gremlin@2026-06-21T11:00Z+1m")
    assert (code, "silence, exception2, sentinel, frozen" in said) == (2, True)
    code, said = ended("--modbus", "1", "--places", "NL:95,4")
    assert (code, "not a place on earth" in said) == (2, True)
    code, said = ended("--config", "nowhere.toml")
    assert (code, "nowhere.toml" in said) == (1, True)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = ended("--modbus", "1", "--modbus-port", str(port))
        assert (code, str(port) in said) == (1, True)
        code, said = ended("--modbus", "1", "--embedded-broker", str(port))
        assert (code, str(port) in said) == (1, True)


def test_without_json_it_prints_a_table() -> None:
    command = [*PROGRAM, "--modbus", "1", "--mqtt-rooftops", "1", "--embedded-broker", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
    assert "modbus 127.0.0.1:" in lines[0]
    assert "meters/solar01/state" in lines[1]
    assert lines[2] == "ready\n"


def test_truth_answers_for_each_instant() -> None:
    done = subprocess.run(
        [*PROGRAM, "truth", "--modbus", "1", "--at", NOON, "2026-06-21T12:15Z"],
        capture_output=True,
        text=True,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["at"], second["at"]) == ("2026-06-21T12:00:00.000Z", "2026-06-21T12:15:00.000Z")
    assert second["rooftops"][0]["load_wh"] > first["rooftops"][0]["load_wh"]
