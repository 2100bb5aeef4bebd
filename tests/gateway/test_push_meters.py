"""Meters that speak by themselves, in a configuration and on the command line."""

from __future__ import annotations

import json
import socket
from threading import Thread
from typing import Any

import pytest

from tests.gateway.test_lines import faults
from tests.meter.push_frames import p1_telegram
from tradelane.gateway.cli import run
from tradelane.gateway.clock import Clock
from tradelane.gateway.sections import EdgeSection
from tradelane.gateway.sources import sources


def section(*meters: dict[str, Any]) -> EdgeSection:
    tables = [{"name": f"m{i}", "transport": "push"} | meter for i, meter in enumerate(meters)]
    return EdgeSection.model_validate({"meters": tables})


def test_each_line_is_one_source() -> None:
    edge = section(
        {"url": "p1:///dev/ttyUSB0", "device": "A"},
        {"url": "p1:///dev/ttyUSB0?baud=115200", "device": "B"},
        {"url": "sml+tcp://192.0.2.1:2000"},
    )
    assert not faults(edge)
    assert len(list(sources(edge, Clock()))) == 2


@pytest.mark.parametrize(
    ("meters", "told"),
    [
        ([{}], "missing: a meter that speaks by itself has a url"),
        ([{"url": "tcp://192.0.2.1"}], "is no address for transport 'push'"),
        ([{"url": "p1:///dev/x", "transport": "modbus"}], "is no address for transport 'modbus'"),
        ([{"url": "p1:///dev/x"}, {"url": "p1:///dev/x"}], "another meter on its line has the same, or none"),
    ],
)
def test_a_wrong_place_is_told(meters: list[dict[str, Any]], told: str) -> None:
    (fault,) = faults(section(*meters))
    assert told in fault


def test_one_look_prints_the_next_reading(capsys: pytest.CaptureFixture[str]) -> None:
    said = p1_telegram("0-0:96.1.1(4142)", "1-0:1.7.0(00.250*kW)", "1-0:2.7.0(00.000*kW)")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with server.accept()[0] as line:
                line.sendall(b"noise" + said)

        speaker = Thread(target=speak)
        speaker.start()
        port = server.getsockname()[1]
        assert run(["read", "p1", "--host", f"127.0.0.1:{port}", "--json"]) == 0
        speaker.join()
    reading = json.loads(capsys.readouterr().out)
    assert (reading["meter"], reading["profile"], reading["values"]) == ("AB", "p1", {"power_w": 250})


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["read", "sml"], 2, "--port or --host: give one of them"),
        (["read", "han", "--port", "/dev/x", "--host", "h:1"], 2, "give one of them"),
        (["read", "p1", "--host", "h"], 2, "has no port"),
        (["read", "p1", "--port", "/dev/no-such-port"], 4, "p1:///dev/no-such-port"),
    ],
)
def test_a_look_that_cannot_be_had_is_one_line(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
