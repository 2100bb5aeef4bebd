"""Rooftops heard by mosquitto_sub, through mosquitto and through the broker inside the process."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import shared
from tests.firmware_sim.running import NOON, RunningStreet, running_street, truth

FLAGS = ("--mqtt-rooftops", "2", "--seed", "5")
QUICK = ("--origin", NOON, "--every", "0.1")


def heard(port: int, topic: str, count: int) -> list[tuple[str, str]]:
    """The first ``count`` messages on a topic as (topic, body)."""
    command = [shared.program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-V", "mqttv311"]
    command += ["-q", "1", "-W", "20", "-C", str(count), "-F", "%t %p", "-t", topic]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    pairs = [line.partition(" ") for line in said.splitlines()]
    return [(name, body) for name, _, body in pairs]


def check_messages(street: RunningStreet) -> None:
    (true,) = truth(*FLAGS, "--at", NOON)
    for name, row in street.meters.items():
        assert row["topic"] == f"meters/{name}/state"
        ((topic, body),) = heard(row["port"], row["topic"], 1)
        said: dict[str, Any] = json.loads(body)
        assert topic == row["topic"]
        assert said["time"] == "2026-06-21T12:00:00.000Z"
        for value in ("power_w", "solar_power_w", "import_wh", "export_wh", "production_wh"):
            assert said[value] == pytest.approx(true[name][value], abs=0.01)
        phases = [said[f"power_l{phase}_w"] for phase in (1, 2, 3)]
        assert sum(phases) == pytest.approx(said["power_w"], abs=0.02)
        assert said["voltage_l1_v"] == pytest.approx(230, abs=10)
        availability = f"meters/{name}/availability"
        assert heard(row["port"], availability, 1) == [(availability, "online")]


def test_through_mosquitto(mosquitto: int) -> None:
    with running_street(*FLAGS, *QUICK, "--mqtt", f"127.0.0.1:{mosquitto}") as street:
        assert street.listing["broker"] == {"host": "127.0.0.1", "port": mosquitto}
        check_messages(street)


def test_through_the_broker_inside() -> None:
    with running_street(*FLAGS, *QUICK, "--embedded-broker", "0") as street:
        assert street.listing["broker"]["port"] > 0
        check_messages(street)


def test_counters_go_on_with_the_clock_through_a_kill(mosquitto: int) -> None:
    """Both lives have the same three numbers of the clock; every message of both is the truth at its time."""
    clock = ("--origin", NOON, "--wall-origin", str(time.time_ns() // 1_000_000), "--speed", "900")
    said = []
    for _ in range(2):
        with running_street(*FLAGS, *clock, "--every", "0.1", "--mqtt", f"127.0.0.1:{mosquitto}") as street:
            said += [json.loads(body) for _, body in heard(mosquitto, "meters/solar00/state", 8)]
            street.process.kill()
    instants = [message["time"] for message in said]
    assert sorted(instants) == instants
    counters = ("import_wh", "export_wh", "production_wh")
    for message, true in zip(said, truth(*FLAGS, "--origin", NOON, "--at", *instants), strict=True):
        assert [message[name] for name in counters] == [true["solar00"][name] for name in counters]
    assert said[0]["production_wh"] < said[7]["production_wh"] < said[-1]["production_wh"]


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_rooftop_that_goes_is_said_to_be_gone(mosquitto: int, end: str) -> None:
    with running_street(*FLAGS, *QUICK, "--mqtt", f"127.0.0.1:{mosquitto}") as street:
        heard(mosquitto, "meters/+/state", 2)
        getattr(street.process, end)()
        street.process.wait()
        for name in street.meters:
            bodies = [body for _, body in heard(mosquitto, f"meters/{name}/availability", 1)]
            assert bodies == ["offline"]


def test_the_newest_state_stays_with_the_broker(mosquitto: int) -> None:
    with running_street(*FLAGS, *QUICK, "--mqtt", f"127.0.0.1:{mosquitto}") as street:
        heard(mosquitto, "meters/+/state", 2)
    assert street.process.wait() == 0
    assert json.loads(heard(mosquitto, "meters/solar01/state", 1)[0][1])["time"].startswith("2026-06-21")


def test_rooftops_come_back_when_the_broker_does(tmp_path: Path) -> None:
    port = shared.free_port()
    with running_street(*FLAGS, *QUICK, "--mqtt", f"127.0.0.1:{port}"):
        for _ in range(2):
            with shared.running_mosquitto(tmp_path, port):
                assert {topic for topic, _ in heard(port, "meters/+/availability", 2)} == {
                    "meters/solar00/availability",
                    "meters/solar01/availability",
                }
                heard(port, "meters/solar00/state", 2)


def test_a_silent_rooftop_publishes_nothing(mosquitto: int) -> None:
    fault = "solar00:silence@2026-06-21T11:00Z+2h"
    with running_street(*FLAGS, *QUICK, "--mqtt", f"127.0.0.1:{mosquitto}", "--fault", fault):
        assert {topic for topic, _ in heard(mosquitto, "meters/+/state", 10)} == {"meters/solar01/state"}
