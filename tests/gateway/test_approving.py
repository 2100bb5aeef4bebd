"""``tradelane hub approvals``: Ada proposes and Bo carries out, at a real e-hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.settlement.hubs import TOKEN, serving
from tests.settlement.test_hub_members import ANA
from tradelane.gateway import keys
from tradelane.gateway.cli import run
from tradelane.gateway.clock import system_wall
from tradelane.gateway.commands import approving
from tradelane.gateway.commands.failure import ExitCode
from tradelane.gateway.store import StoreError, opened
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.supervision.settings import Supervision

MODULES = (approving,)


@dataclass
class Operators:
    """Two people, their key files, and the hub they look after."""

    url: str
    folder: Path

    def do(self, who: str, *more: str) -> int:
        file = str(self.folder / f"{who}.pem")
        return run(["hub", "approvals", self.url, "--operator", who, "--key-file", file, *more])


@pytest.fixture(scope="module")
def operators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operators]:
    folder = tmp_path_factory.mktemp("operators")
    public = {
        name: keys.load_or_create_key(folder / f"{name}.pem").public_key().public_bytes_raw()
        for name in ("ada", "bo")
    }
    with opened(folder / "hub.sqlite", PLACE, HEAD) as store:
        watch = Supervision(operators=public)
        app = create_app(store, system_wall, TOKEN, store.read, (StoreError,), supervised=watch)
        with serving(app) as url:
            bearer = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k1"}
            made = httpx2.post(f"{url}/api/v1/supervision/members", json=ANA, headers=bearer)
            assert made.status_code == 201, made.text
            yield Operators(url, folder)


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_one_proposes_and_another_carries_out(
    operators: Operators, capsys: pytest.CaptureFixture[str]
) -> None:
    raising = ("--propose", "member-limit", "--subject", "ana", "--field", "level=verified")
    assert operators.do("ada", *raising, "--json") == ExitCode.OK
    (proposed,) = told(capsys)
    number = str(proposed["approval"])
    assert operators.do("ada", "--approve", number) == ExitCode.FAILURE
    assert "another" in capsys.readouterr().err
    assert operators.do("bo", "--approve", number, "--json") == ExitCode.OK
    assert (told(capsys)[0]["state"], proposed["proposed_by"]) == ("CARRIED_OUT", "ada")
    assert operators.do("ada", *raising[:-1], "level=business", "--json") == ExitCode.OK
    second = str(told(capsys)[0]["approval"])
    assert operators.do("bo", "--reject", second) == ExitCode.USAGE
    assert "--reason" in capsys.readouterr().err
    assert operators.do("bo", "--reject", second, "--reason", "no need") == ExitCode.OK
    assert "REJECTED" in capsys.readouterr().out
    assert operators.do("bo", "--json") == ExitCode.OK
    assert [one["state"] for one in told(capsys)] == ["CARRIED_OUT", "REJECTED"]


def test_half_a_deed_is_none(
    operators: Operators, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more, named in (
        (("--propose", "member-limit"), "--subject"),
        (("--propose", "member-limit", "--subject", "ana", "--field", "level"), "--field level"),
        (("--propose", "MEMBER", "--subject", "ana"), "kind"),
        (("--approve", "1", "--reject", "1"), "--approve and --reject"),
    ):
        assert operators.do("ada", *more) == ExitCode.USAGE, more
        assert named in capsys.readouterr().err
    missing = ["hub", "approvals", operators.url, "--operator", "ada", "--key-file", str(tmp_path / "no.pem")]
    assert run(missing) == ExitCode.USAGE
    assert operators.do("ada", "--approve", "999") == ExitCode.FAILURE


def test_a_key_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ada.pem"
    assert run(["hub", "operator-key", str(file)]) == ExitCode.OK
    public = capsys.readouterr().out
    assert len(public.strip()) == 43 and file.stat().st_mode & 0o077 == 0
    assert run(["hub", "operator-key", str(file)]) == ExitCode.OK
    assert capsys.readouterr().out == public
