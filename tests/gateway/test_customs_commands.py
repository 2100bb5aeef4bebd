"""``tradelane hub hs`` and ``tradelane hub landed``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tradelane.gateway.cli import run
from tradelane.gateway.commands.customs import Parcel
from tradelane.gateway.lock import FileLock

COFFEE = [
    "hub",
    "landed",
    "0901.21",
    "GB",
    "NL",
    "1000",
    "--freight",
    "100",
    "--currency",
    "EUR",
    "--on",
    "2026-09-01",
]


def test_a_code_by_its_word(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["hub", "hs", "appels", "--lang", "nl", "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"hs_code": "080810", "name": "appels", "lang": "nl"}]
    full = tmp_path / "hs.csv"
    full.write_text("hscode,description\n880692,Drones\n")
    assert run(["hub", "hs", "drone", "--list", str(full)]) == 0
    assert "880692" in capsys.readouterr().out


def test_a_landed_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COFFEE, "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["lines"]
    assert [(one["line"], one["amount"]) for one in lines] == [
        ("price", "1000"), ("freight", "100"), ("duty", "82.5"), ("tax", "106.425"), ("total", "1288.925"),
    ]  # fmt: skip
    assert run(COFFEE) == 0
    assert "coffee" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["hub", "hs", "a", "--lang", "xx"], 2, "--lang"),
        (["hub", "hs", "a", "--list", "gone.csv"], 2, "gone.csv"),
        ([*COFFEE, "--incoterm", "DDP"], 2, "DDP"),
        ([*COFFEE, "--on", "today"], 2, "today"),
        ([*COFFEE[:4], "BR", *COFFEE[5:]], 1, "destination"),
    ],
)
def test_what_cannot_be_answered(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_a_parcel_is_what_was_typed() -> None:
    assert Parcel("0901", "GB", "NL", "1", "0", "EUR", "FCA", "2026-01-01", False).freight == "0"


HUB = '[hub]\ncurrencies = ["EUR"]\n'


def test_a_full_list_goes_into_the_hub_s_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, full = tmp_path / "hub.toml", tmp_path / "list.csv"
    config.write_text('data_dir = "."\n' + HUB)
    full.write_text("hscode,description\n09,Coffee and tea\n090121,Coffee; roasted\n")
    command = ["hub", "import-hs", str(full), "--config", str(config)]
    assert run(command) == 0
    assert capsys.readouterr().out == "1 codes added, 0 changed, 0 as they were\n"
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"added": 0, "changed": 0, "same": 1}
    lock = FileLock(tmp_path / "hub.sqlite")
    lock.acquire()
    try:
        assert run(command) == 1
        assert "stop the e-hub first" in capsys.readouterr().err
    finally:
        lock.release()
    full.write_text("hscode,description\n090121,\n")
    assert run(command) == 2
    assert "line 2" in capsys.readouterr().err
    config.write_text('data_dir = "."\n')
    assert run(command) == 3
