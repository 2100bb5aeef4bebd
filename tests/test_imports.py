"""Imports run one way: import-linter's contracts hold, and each of them catches a planted import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.shared import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in SETTINGS["contracts"]]

OFFENDERS = [
    ("Imports run one way", "tradelane/market/units.py", "tradelane.settlement.ledger"),
    ("Imports run one way", "tradelane/settlement/ledger.py", "tradelane.meter.reading"),
    ("Imports run one way", "tradelane/meter/reading.py", "tradelane.gateway.clock"),
    ("The meter room sees only", "tradelane/meter/reading.py", "tradelane.market.order"),
    ("The meter room sees only", "tradelane/meter/reading.py", "tradelane.market.quoting"),
    ("firmware_sim knows nothing", "firmware_sim/sun.py", "tradelane.meter.reading"),
    ("firmware_sim knows nothing", "tradelane/gateway/clock.py", "firmware_sim.sun"),
    ("Client and server", "tradelane/settlement/ehub/client.py", "tradelane.settlement.ehub.server.app"),
    ("Client and server", "tradelane/settlement/ehub/server/app.py", "tradelane.settlement.ehub.client"),
    ("The roles meet only in app", "tradelane/gateway/edge.py", "tradelane.gateway.zone"),
    ("The roles meet only in app", "tradelane/gateway/zone.py", "tradelane.gateway.hub"),
    ("The market is pure", "tradelane/market/units.py", "sqlalchemy"),
    ("The market is pure", "tradelane/market/order.py", "time"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over the packages in ``folder``, which come before the installed ones."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    surroundings = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True)


def broken(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [name for name in CONTRACTS if f"{name} BROKEN" in " ".join(answer.stdout.split())]


ROOMS = {
    "tradelane/market": ["units", "order", "quoting"],
    "tradelane/meter": ["reading"],
    "tradelane/settlement": ["ledger"],
    "tradelane/settlement/ehub": ["wire", "client"],
    "tradelane/settlement/ehub/server": ["app"],
    "tradelane/gateway": ["clock", "app", "edge", "zone", "hub"],
    "firmware_sim": ["sun"],
}
ALLOWED = [
    ("tradelane/meter/reading.py", "tradelane.market.units"),
    ("tradelane/settlement/ehub/client.py", "tradelane.settlement.ehub.wire"),
    ("tradelane/settlement/ehub/server/app.py", "tradelane.settlement.ehub.wire"),
    ("tradelane/gateway/app.py", "tradelane.gateway.edge"),
    ("tradelane/gateway/app.py", "tradelane.gateway.zone"),
    ("tradelane/gateway/hub.py", "tradelane.settlement.ehub.server.app"),
    ("tradelane/gateway/edge.py", "tradelane.settlement.ehub.client"),
]


def plant(folder: Path, importer: str, imported: str) -> None:
    with (folder / importer).open("a") as module:
        module.write(f"import {imported}\n")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house of the same rooms under the same contracts, with all the imports that are allowed."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder, modules in ROOMS.items():
        (tmp_path / folder).mkdir(parents=True)
        for module in modules:
            (tmp_path / folder / f"{module}.py").touch()
    for package in (tmp_path / "tradelane", *(tmp_path / folder for folder in ROOMS)):
        (package / "__init__.py").touch()
    for importer, imported in ALLOWED:
        plant(tmp_path, importer, imported)
    return tmp_path


def test_the_contracts_are_kept() -> None:
    answer = lint(ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_what_is_allowed_passes(house: Path) -> None:
    answer = lint(house)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(("contract", "importer", "imported"), OFFENDERS)
def test_a_planted_import_is_caught(house: Path, contract: str, importer: str, imported: str) -> None:
    plant(house, importer, imported)
    answer = lint(house)
    assert answer.returncode == 1
    assert any(name.startswith(contract) for name in broken(answer)), answer.stdout + answer.stderr


def test_each_contract_has_an_offender() -> None:
    caught = [name for name in CONTRACTS if any(name.startswith(start) for start, *_ in OFFENDERS)]
    assert caught == CONTRACTS
