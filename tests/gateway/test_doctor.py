"""The doctor finds nothing wrong with what is sound, and each planted fault where it is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.processes import running
from tests.gateway.sites import Site, settle, site
from tests.shared import ROOT
from tradelane.gateway import doctor, journal, migrations
from tradelane.gateway.cli import run
from tradelane.gateway.config import load
from tradelane.gateway.doctor import CHECKS, Examination, Finding, examine
from tradelane.gateway.store import open_engine

Spoil = Callable[[Site], None]


@pytest.fixture
def sound(tmp_path: Path) -> Site:
    return site(tmp_path)


def sql(file: str, statement: str) -> Spoil:
    """Change a database behind the program's back, its own guards off."""

    def spoil(spoilt: Site) -> None:
        with sqlite3.connect(spoilt.config.data_dir / f"{file}.sqlite") as conn:
            conn.execute("PRAGMA ignore_check_constraints=ON")
            conn.execute(statement)
        conn.close()

    return spoil


def test_a_sound_gateway_is_sound_in_every_respect(sound: Site) -> None:
    findings = examine(sound.config)
    assert [f for f in findings if not f.ok] == []
    assert {f.check: f.text for f in findings} == {
        "configuration": "roles: hub, zone, edge",
        "database hub": "sound",
        "database zone": "sound",
        "database edge": "sound",
        "journal": "4 entries, chain whole",
        "operator acts": "as the journal says",
        "edge journal": "0 entries, chain whole",
        "meter roof": "read last at 2026-06-21T10:19Z",
        "heads": "1 kept, each in its chain",
        "readings roof": "20 readings, signed chain whole",
        "energy": "4000 Wh sold = 3900 Wh delivered + 100 Wh imbalance billed",
        "trial balance": "CHF, EUR sum to zero",
        "transfers": "5 transfers, chain whole",
        "contracts": "4 contracts, none half paid, none paid twice",
    }


def test_examining_changes_nothing(sound: Site) -> None:
    before = {path.name: path.read_bytes() for path in sound.config.data_dir.glob("*.sqlite")}
    examine(sound.config)
    assert {path.name: path.read_bytes() for path in sound.config.data_dir.glob("*.sqlite")} == before


def torn(spoilt: Site) -> None:
    path = spoilt.config.zone_db
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xa5" * 4096
    path.write_bytes(data)


def settled_twice(spoilt: Site) -> None:
    engine = open_engine(spoilt.config.hub_db)
    with engine.begin() as conn:
        settle(conn, "c1-0", "c1-again")
    engine.dispose()


def chosen_and_changed(spoilt: Site) -> None:
    """A member's choice at the edge, altered after it was journaled."""
    engine = open_engine(spoilt.config.edge_db)
    with engine.begin() as conn:
        journal.append(conn, "choice", {"member": "rosa", "key": "sells", "value": True}, 1_750_000_000_000)
    engine.dispose()
    sql("edge", "UPDATE journal SET body = replace(body, 'true', 'false')")(spoilt)


FAULTS: dict[str, tuple[Spoil, str, str]] = {
    "a torn page": (torn, "database zone", "malformed"),
    "another schema": (
        sql("edge", "UPDATE alembic_version SET version_num = '0000'"),
        "database edge",
        f"schema 0000, expected {migrations.HEAD}",
    ),
    "a changed journal entry": (
        sql("zone", "UPDATE journal SET body = replace(body, '\"n\":2', '\"n\":7')"),
        "journal",
        "entry 3: its fields do not match its hash",
    ),
    "a changed choice": (
        chosen_and_changed,
        "edge journal",
        "entry 1: its fields do not match its hash",
    ),
    "a meter that never answers": (
        sql("edge", "DELETE FROM readings"),
        "meter roof",
        "never read: look with `tradelane read`",
    ),
    "a changed reading": (
        sql("edge", "UPDATE readings SET body = CAST(replace(body, '-400', '-900') AS BLOB) WHERE seq = 7"),
        "readings roof",
        "record 7: its body or hash was altered",
    ),
    "a lost reading": (
        sql("edge", "DELETE FROM readings WHERE seq = 5"),
        "readings roof",
        "record 5: not the next in order",
    ),
    "energy from nowhere": (
        sql("zone", "UPDATE contracts SET delivered = 1100 WHERE id = 'c1-0'"),
        "energy",
        "contract c1-0: sold 1000 Wh, delivered 1100, imbalance 0",
    ),
    "energy never measured": (
        sql("zone", "UPDATE contracts SET delivered = NULL WHERE id = 'c2-0'"),
        "energy",
        "contract c2-0: sold 1000 Wh, delivered None, imbalance 0",
    ),
    "more paid than metered": (
        sql("zone", "UPDATE statements SET export_wh = 800 WHERE seq = 2"),
        "energy",
        "rosa was paid for 1000 Wh in an interval that metered 800 Wh",
    ),
    "paid and never metered": (
        sql("zone", "DELETE FROM statements WHERE seq = 1"),
        "energy",
        "rosa was paid for 1000 Wh in an interval that metered 0 Wh",
    ),
    "money from nowhere": (
        sql("hub", "UPDATE accounts SET posted_nano = posted_nano + 1 WHERE account = 'member:rosa:EUR'"),
        "trial balance",
        "EUR is off by 0.000000001",
    ),
    "a changed transfer": (
        sql("hub", "UPDATE entries SET nano = nano + 1 WHERE seq = 3"),
        "transfers",
        "its fields do not match its hash",
    ),
    "a contract paid there and not here": (
        sql("zone", "UPDATE contracts SET state = 'funded' WHERE id = 'c0-0'"),
        "contracts",
        "contract c0-0 is funded here, but the e-hub settled it",
    ),
    "a contract paid here and not there": (
        sql("zone", "UPDATE contracts SET id = 'c9-0' WHERE id = 'c0-0'"),
        "contracts",
        "contract c9-0 is released here, but the e-hub never settled it",
    ),
    "a contract paid twice": (settled_twice, "contracts", "contract c1-0 was settled 2 times"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named(sound: Site, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, check, words = FAULTS[fault]
    spoil(sound)
    found = {f.check: f for f in examine(sound.config)}
    assert found[check].ok is False
    assert words in found[check].text
    assert run(["doctor", "--config", str(sound.path), "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["ok"] is False
    assert captured.err.count("\n") == 1


def test_a_contract_settled_before_the_zone_noted_it_is_no_fault(sound: Site) -> None:
    sql("zone", "UPDATE contracts SET state = 'metered' WHERE id = 'c0-0'")(sound)
    assert [f for f in examine(sound.config) if not f.ok] == []


def test_what_cannot_be_looked_at_does_not_pass(tmp_path: Path) -> None:
    findings = examine(load(ROOT / "examples/zone.toml"))
    assert [f.ok for f in findings if f.check != "configuration"] == [None] * 5
    assert all("is not there" in f.text for f in findings if f.ok is None)
    assert not (ROOT / "examples/zone-data").exists()


def test_a_remote_hub_is_examined_over_http(sound: Site, tmp_path: Path) -> None:
    """The same books, seen through the e-hub's API by a gateway that has only the zone."""
    hub = tmp_path / "hub.toml"
    hub.write_text('data_dir = "zone-data"\n[hub]\ncurrencies = ["EUR", "CHF"]\n')
    with running(hub) as gateway:
        url = gateway.event("listening")["url"]
        token = tmp_path / "zone-data/hub.token"
        text = (ROOT / "examples/zone.toml").read_text().replace("http://127.0.0.1:8090", url)
        (tmp_path / "zone.toml").write_text(text.replace('"hub.token"', f'"{token}"'))
        config = load(tmp_path / "zone.toml")
        found = {f.check: f for f in examine(config)}
        assert found["contracts"].ok is True, found["contracts"]
        assert found["trial balance"].text == "CHF, EUR sum to zero"
        assert found["transfers"].text == "5 transfers, chain whole"
        gateway.process.kill()
        gateway.process.wait()
        [gone] = [f for f in examine(config) if f.check == "hub books"]
        assert gone.ok is None and url in gone.text


def test_a_check_that_stumbles_is_a_finding(sound: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbling_check(_: Examination) -> list[Finding]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(doctor, "CHECKS", [*CHECKS, stumbling_check])
    assert examine(sound.config)[-1] == Finding("stumbling check", False, "by zero")


def test_a_hub_alone_is_examined(tmp_path: Path, sound: Site) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('data_dir = "zone-data"\n[hub]\ncurrencies = ["EUR", "CHF"]\n')
    findings = examine(load(path))
    assert [f.check for f in findings] == ["configuration", "database hub", "trial balance", "transfers"]
    assert all(f.ok for f in findings)


def test_the_table_is_for_people(sound: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--config", str(sound.path)]) == 0
    out = capsys.readouterr().out
    assert "trial balance" in out and "ok" in out and "BAD" not in out
