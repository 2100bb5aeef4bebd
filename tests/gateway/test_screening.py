"""``tradelane hub screen``, and a hub that starts with a list."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from tradelane.gateway.cli import run
from tradelane.gateway.commands import screening
from tradelane.gateway.commands.failure import ExitCode
from tradelane.gateway.config import load
from tradelane.gateway.hub import HubRole
from tradelane.gateway.store import opened
from tradelane.settlement.ehub.server import members
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.supervision.registering import register
from tradelane.settlement.ehub.wire_members import RegisterMember
from tradelane.settlement.screening import BadList

HEADER = "name,aliases,country,source,valid_from\n"
HUB = 'data_dir = "data"\n[hub]\ncurrencies = ["EUR"]\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A hub, not running, with Ana and Bo."""
    (tmp_path / "data").mkdir()
    with opened(tmp_path / "data/hub.sqlite", PLACE, HEAD) as store, store.engine.begin() as conn:
        for n, name in enumerate(("Ana", "Bo")):
            key = base64.b64encode(bytes([n]) * 32).decode()
            question = RegisterMember(member=name.lower(), public_key=key, name=name, currency="EUR")
            register(conn, Command(name, b"", 0), question, actor="operator")
    (tmp_path / "list.csv").write_text(HEADER + "ANA,,,EU list,2020-01-01\n")
    (tmp_path / "hub.toml").write_text(HUB)
    return tmp_path


def held(site: Path) -> list[str]:
    with opened(site / "data/hub.sqlite", PLACE, HEAD) as store, store.engine.connect() as conn:
        return [one.id for one in members.everyone(conn) if one.suspended is not None]


def test_members_are_screened_again(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["hub", "screen", str(site / "list.csv"), "--config", str(site / "hub.toml")]
    assert run([*command, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == [
        {"member": "ana", "name": "Ana", "entry": "EU list: ANA"},
    ]
    assert held(site) == ["ana"]
    assert run(command) == ExitCode.OK
    assert capsys.readouterr().out == "nobody is held who was not before\n"


def test_a_bad_list_holds_nobody(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = site / "bad.csv"
    bad.write_text(HEADER + "ANA,,,EU list,2020-01-01\nBO,,,EU list,soon\n")
    assert run(["hub", "screen", str(bad), "--config", str(site / "hub.toml")]) == ExitCode.USAGE
    assert "bad.csv:3: valid_from: 'soon' is not a day" in capsys.readouterr().err
    assert held(site) == []
    assert screening.screen_command.__doc__


def test_a_hub_screens_its_members_when_it_starts(site: Path) -> None:
    (site / "hub.toml").write_text(HUB + 'screening_list = "list.csv"\n')
    config = load(site / "hub.toml")

    async def start() -> None:
        role = HubRole(config, config.make_clock())
        await role.start()
        await role.stop()

    asyncio.run(start())
    assert held(site) == ["ana"]
    (site / "list.csv").write_text("name\n")
    with pytest.raises(BadList, match=r"list\.csv:1: the columns are"):
        HubRole(config, config.make_clock())
