"""``tradelane read``: units and names in the table, and what the device said word by word (``--raw``)."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.meter.servers import HOST, device, served, sunspec
from tests.meter.test_mqtt import publish, publisher
from tradelane.gateway.cli import run
from tradelane.gateway.commands.options import Form, What

Capture = pytest.CaptureFixture[str]
METER = {40000: sunspec("Acme", (203, [1] * 105))}


def modbus(*more: str) -> int:
    async def main() -> int:
        async with served(device(1, METER)) as port:
            return await asyncio.to_thread(
                run, ["read", "modbus", "--host", HOST, "--port", str(port), *more]
            )

    return asyncio.run(main())


def test_registers_stand_beside_the_values(capsys: Capture) -> None:
    assert modbus("--json", "--raw") == 0
    body = json.loads(capsys.readouterr().out)
    first, *_, last = body["raw"]
    assert first == {"unit": 1, "function": 3, "address": 40000, "count": 2, "words": ["5375", "6E53"]}
    assert last["count"] == len(last["words"])
    assert body["role"] == "grid" and body["values"]


def test_without_raw_nothing_of_it_is_shown(capsys: Capture) -> None:
    assert modbus("--json") == 0
    assert "raw" not in json.loads(capsys.readouterr().out)


def test_what_cannot_be_read_is_shown_raw_before_the_error(capsys: Capture) -> None:
    assert modbus("--json", "--raw", "--profile", "eastron-sdm630") == 1
    printed = capsys.readouterr()
    assert all(one["error"] and one["words"] == [] for one in json.loads(printed.out)["raw"])
    assert printed.err.startswith("error: ")


def test_the_table_has_units_and_obis_names(capsys: Capture) -> None:
    assert modbus("--raw") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["power_w", "10", "W", "1-0:16.7.0"] in rows
    assert ["1", "3", "40000", "2", "5375", "6E53"] in rows


def test_messages_stand_beside_the_values(mosquitto: int, capsys: Capture) -> None:
    with publisher(mosquitto) as client:
        publish(client, "roof/state", '{"power_w": 5}', retain=True)
    look = ["read", "mqtt", "--broker", f"{HOST}:{mosquitto}", "--topic", "roof/state", "--raw"]
    assert run([*look, "--json"]) == 0
    raw = json.loads(capsys.readouterr().out)["raw"]
    assert raw == [{"topic": "roof/state", "retained": True, "payload": '{"power_w": 5}'}]
    assert run(look) == 0
    assert '{"power_w": 5}' in capsys.readouterr().out


def test_choices_are_spelt_as_they_are_given() -> None:
    assert (What("proof"), Form("csv")) == (What.PROOF, Form.CSV)
