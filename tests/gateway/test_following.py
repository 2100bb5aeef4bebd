"""``tradelane read … --follow``: looks that go on, through failures, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import Any

import paho.mqtt.publish
import pytest

from tests.meter.servers import HOST, bare, device, served, sunspec, words_answer
from tests.shared import free_port
from tradelane.gateway.cli import run
from tradelane.gateway.commands.failure import CommandFailed
from tradelane.gateway.commands.following import Pacing, pacing

METER = {40000: sunspec("Acme", (203, [1] * 105))}
Capture = pytest.CaptureFixture[str]


def modbus(port: int, *more: str) -> list[str]:
    return ["read", "modbus", "--host", HOST, "--port", str(port), *more]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_count_looks_so_many_times(capsys: Capture) -> None:
    async def main() -> int:
        async with served(device(1, METER)) as port:
            command = modbus(port, "--count", "3", "--every", "0.1", "--json")
            return await asyncio.to_thread(run, command)

    assert asyncio.run(main()) == 0
    times = [one["gateway_time"] for one in lines(capsys.readouterr().out)]
    assert len(times) == 3 and times == sorted(set(times))


def test_a_failed_look_is_one_line_and_the_next_goes_on(capsys: Capture) -> None:
    words, asked = METER[40000], 0

    async def answer(_unit: int, function: int, address: int, count: int) -> bytes:
        nonlocal asked
        asked += 1
        if asked == 1:
            return bytes([function | 0x80, 6])
        at = address - 40000
        held = words[at : at + count] if at >= 0 else []
        return words_answer(function, held) if len(held) == count else bytes([function | 0x80, 2])

    async def main() -> int:
        async with bare(answer) as port:
            command = modbus(port, "--count", "2", "--every", "0.1", "--json", "--timeout", "1")
            return await asyncio.to_thread(run, command)

    assert asyncio.run(main()) == 0
    printed = capsys.readouterr()
    assert [one["role"] for one in lines(printed.out)] == ["grid"]
    (error,) = printed.err.splitlines()
    assert error.startswith("error: ")


def interrupted(command: list[str], until: str) -> subprocess.CompletedProcess[str]:
    """Ctrl-C once it has printed a line there."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tradelane", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stream = child.stdout if until == "stdout" else child.stderr
    assert stream is not None
    first = stream.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    said = (first + out, err) if until == "stdout" else (out, first + err)
    return subprocess.CompletedProcess(command, child.returncode, *said)


def test_ctrl_c_ends_well() -> None:
    async def main() -> subprocess.CompletedProcess[str]:
        async with served(device(1, METER)) as port:
            command = modbus(port, "--follow", "--every", "3600", "--json")
            return await asyncio.to_thread(interrupted, command, "stdout")

    done = asyncio.run(main())
    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines(done.stdout)) == 1
    dead = interrupted(modbus(free_port(), "--follow", "--every", "3600"), "stderr")
    assert (dead.returncode, dead.stdout, dead.stderr.count("\n")) == (0, "", 1)


def test_mqtt_is_followed_and_interrupted(mosquitto: int) -> None:
    paho.mqtt.publish.single("roof/state", '{"power_w": 5}', 1, retain=True, hostname=HOST, port=mosquitto)
    look = ["read", "mqtt", "--broker", f"{HOST}:{mosquitto}", "--json", "--topic"]
    done = interrupted([*look, "roof/state", "--follow", "--every", "3600"], "stdout")
    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done.stdout)[0]["values"]["power_w"] == 5


def test_every_alone_says_nothing() -> None:
    assert pacing(False, None, None) is None
    assert pacing(True, None, None) == Pacing(5.0, None)
    assert pacing(False, 2.0, 3) == Pacing(2.0, 3)
    with pytest.raises(CommandFailed, match="--every: give --follow or --count"):
        pacing(False, 2.0, None)
