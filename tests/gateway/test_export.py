"""What is exported is what is there, in units people use."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from tests.gateway.sites import Site, site
from tradelane.gateway.cli import run
from tradelane.gateway.commands.exporting import KINDS


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site(tmp_path_factory.mktemp("site"))


def exported(sound: Site, what: str, out: Path) -> list[dict[str, Any]]:
    """The rows in JSON, having seen that CSV says the same."""
    arguments = ["export", "--config", str(sound.path), "--what", what]
    assert run([*arguments, "--format", "json", "--out", str(out / "rows.json")]) == 0
    assert run([*arguments, "--out", str(out / "rows.csv")]) == 0
    rows: list[dict[str, Any]] = json.loads((out / "rows.json").read_text())
    with (out / "rows.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    frame = pandas.read_csv(out / "rows.csv", dtype=str, keep_default_na=False)
    assert frame.to_dict("records") == table
    assert table == [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
    assert all(tuple(row) == tuple(KINDS[what][2]) for row in rows)
    return rows


def test_trades(sound: Site, tmp_path: Path) -> None:
    rows = exported(sound, "trades", tmp_path)
    assert len(rows) == 4
    assert rows[3] == {
        "id": "c3-0",
        "agreed_at": "2026-06-21T10:45Z",
        "commodity": "power",
        "product": "power/2026-06-21T10:45Z/PT15M",
        "interval_start": "2026-06-21T10:45Z",
        "interval_end": "2026-06-21T11:00Z",
        "unit": "MWh",
        "seller": "rosa",
        "seller_zone": "IT-NORD",
        "buyer": "beat",
        "buyer_zone": "IT-NORD",
        "path": "",
        "sent": "0.001",
        "received": "0.001",
        "delivered": "0.0009",
        "imbalance": "0.0001",
        "seller_price": "50",
        "seller_currency": "EUR",
        "buyer_price": "50",
        "buyer_currency": "EUR",
        "state": "released",
    }


def test_prices(sound: Site, tmp_path: Path) -> None:
    rows = exported(sound, "prices", tmp_path)
    assert [row["interval_start"] for row in rows] == [f"2026-06-21T10:{m:02}Z" for m in (0, 15, 30, 45)]
    first = rows[0]
    assert (first["zone"], first["currency"], first["price"]) == ("CH", "CHF", "50.005")
    assert (first["low"], first["high"], first["net"]) == ("50", "50.01", "-0.001")


def test_readings(sound: Site, tmp_path: Path) -> None:
    rows = exported(sound, "readings", tmp_path)
    assert [row["seq"] for row in rows] == list(range(1, 21))
    assert rows[1]["gateway_time"] == "2026-06-21T10:01Z"
    assert (rows[1]["export_wh"], rows[1]["voltage_l1_v"], rows[1]["soc_pct"]) == (1060, 230.5, None)


def test_journal(sound: Site, tmp_path: Path) -> None:
    rows = exported(sound, "journal", tmp_path)
    assert [(row["seq"], row["kind"]) for row in rows] == [(k, "clearing") for k in (1, 2, 3, 4)]
    assert json.loads(rows[2]["body"]) == {"n": 2, "product": "power/2026-06-21T10:30Z/PT15M"}
    assert len(rows[0]["hash"]) == 64


def test_it_prints_without_a_file(sound: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "--config", str(sound.path), "--what", "journal"]) == 0
    assert capsys.readouterr().out.startswith("seq,at,kind,body,hash\n1,2026-06-21T10:00Z,clearing,")


def test_a_product_no_longer_configured_is_named_and_nothing_written(
    sound: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = sound.path.read_text().replace("mtu_minutes = 15", "mtu_minutes = 30")
    other = sound.path.with_name("other.toml")
    other.write_text(text)
    out = tmp_path / "prices.csv"
    assert run(["export", "--config", str(other), "--what", "prices", "--out", str(out)]) == 1
    assert "no longer knows the product power/2026-06-21T10:00Z/PT15M" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
