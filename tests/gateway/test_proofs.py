"""Tampering with a database or a file is found every time: a bit, a record gone, two swapped, a cut tail."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from tests.gateway.sites import START, roof_reading
from tradelane.gateway import chains, heads, keys, migrations, proofs
from tradelane.gateway.cli import run
from tradelane.gateway.commands.proving import public_key
from tradelane.gateway.heads import SignedHead
from tradelane.gateway.store import opened
from tradelane.gateway.tables import readings
from tradelane.market.units import MINUTE, iso
from tradelane.meter.seal import GENESIS, Link, SealedRecord, canonical, seal, thin

KEY = Ed25519PrivateKey.from_private_bytes(b"roof".ljust(32, b"."))
PUBLIC = keys.public_key_text(KEY)
COUNT = 40
CONFIG = """
data_dir = "."
[edge]
zone_url = "http://zone.example"
members = [{ id = "rosa", name = "Rosa", zone = "NL", meter = "roof" }]
meters = [{ name = "roof", transport = "modbus", host = "192.0.2.1" }]
"""


def chain() -> list[SealedRecord]:
    records: list[SealedRecord] = []
    for first in range(0, COUNT, 4):
        bodies = [canonical(roof_reading(k).to_json()) for k in range(first, first + 4)]
        records += seal(KEY, records[-1].head if records else GENESIS, bodies)
    return records


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An edge's folder with forty readings of one meter, the first sixteen thinned out but for three."""
    folder = tmp_path_factory.mktemp("edge")
    (folder / "edge.toml").write_text(CONFIG)
    whole = chain()
    old: list[Link] = list(whole[:16])
    file = folder / "edge.sqlite"
    with opened(file, migrations.PLACE, migrations.HEAD) as store, store.engine.begin() as conn:
        rows = [chains.row_of("roof", START + (r.seq - 1) * MINUTE, r) for r in whole]
        conn.execute(insert(readings), rows)
        chains.replace_links(conn, "roof", old, thin(KEY, old, {1, 7, 16}))
    heads.write(folder / "heads.json", {"roof": SignedHead.of("roof", whole[-1])})
    return folder


def tampered(site: Path, folder: Path, change: Callable[[sqlite3.Connection], object]) -> Path:
    shutil.copytree(site, folder, dirs_exist_ok=True)
    with closing(sqlite3.connect(folder / "edge.sqlite")) as conn, conn:
        change(conn)
    return folder / "edge.sqlite"


def verified(
    capsys: pytest.CaptureFixture[str], *arguments: str, key: str = PUBLIC
) -> tuple[int, dict[str, Any]]:
    code = run(["verify", "readings", *arguments, "--key", key, "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_a_database_is_proven_from_the_public_key_alone(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = verified(capsys, "--db", str(site / "edge.sqlite"))
    assert (code, told["proven"], told["readings"], told["thinned"]) == (0, True, 27, 13)
    assert (told["first"]["seq"], told["last"]) == (1, {"seq": 40, "time": iso(START + 39 * MINUTE)})
    pem = tmp_path / "roof.pem"
    pem.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert public_key(str(pem)).public_bytes_raw() == KEY.public_key().public_bytes_raw()
    assert run(["verify", "readings", "--db", str(site / "edge.sqlite"), "--key", str(pem)]) == 0
    assert "27 readings, 13 more thinned out" in capsys.readouterr().out


def columns(conn: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in conn.execute(f"PRAGMA table_info({table})") if row[1] not in ("meter", "at")]


@settings(max_examples=40)
@given(st.data())
def test_one_bit_in_any_record_is_found(
    site: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    def flip(conn: sqlite3.Connection) -> None:
        table = data.draw(st.sampled_from(["readings"] * 4 + ["thinned"]))
        column = data.draw(st.sampled_from(columns(conn, table)))
        rows = conn.execute(f"SELECT rowid, {column} FROM {table} WHERE length({column}) > 0").fetchall()
        rowid, value = data.draw(st.sampled_from(rows))
        if isinstance(value, int):
            changed: Any = value ^ 1 << data.draw(st.integers(0, 40)) | 1 << 50
        else:
            bit = data.draw(st.integers(0, 8 * len(value) - 1))
            changed = bytearray(value)
            changed[bit // 8] ^= 1 << bit % 8
        conn.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, rowid))

    refused(tampered(site, tmp_path_factory.mktemp("t"), flip))


def refused(db: Path, *more: str) -> None:
    assert run(["verify", "readings", "--db", str(db), "--key", PUBLIC, *more]) == 5


@settings(max_examples=10)
@given(st.integers(1, 40))
def test_a_record_removed_is_found(site: Path, tmp_path_factory: pytest.TempPathFactory, seq: int) -> None:
    def remove(conn: sqlite3.Connection) -> None:
        conn.execute("DELETE FROM readings WHERE seq = ?", (seq,))
        conn.execute("DELETE FROM thinned WHERE first <= ? AND last >= ?", (seq, seq))

    refused(tampered(site, tmp_path_factory.mktemp("t"), remove))


@settings(max_examples=10)
@given(st.lists(st.sampled_from([1, 7, *range(16, 41)]), min_size=2, max_size=2, unique=True))
def test_two_swapped_are_found(site: Path, tmp_path_factory: pytest.TempPathFactory, pair: list[int]) -> None:
    one, other = pair

    def swap(conn: sqlite3.Connection) -> None:
        for seq, to in ((one, -1), (other, one), (-1, other)):
            conn.execute("UPDATE readings SET seq = ? WHERE seq = ?", (to, seq))

    refused(tampered(site, tmp_path_factory.mktemp("t"), swap))


@settings(max_examples=10)
@given(st.integers(0, 39), st.booleans())
def test_a_cut_tail_is_found_by_the_head_beside_it_or_kept_elsewhere(
    site: Path, tmp_path_factory: pytest.TempPathFactory, last: int, beside: bool
) -> None:
    folder = tmp_path_factory.mktemp("t")

    def cut(conn: sqlite3.Connection) -> None:
        conn.execute("DELETE FROM readings WHERE seq > ?", (last,))
        conn.execute("DELETE FROM thinned WHERE last > ?", (last,))

    db = tampered(site, folder, cut)
    if beside:
        refused(db)
    else:
        (folder / "heads.json").rename(folder / "of-the-zone.json")
        refused(db, "--head", str(folder / "of-the-zone.json"))
        refused(db, "--meter", "roof") if last else None


def test_without_any_head_the_end_is_not_proven(site: Path, tmp_path: Path, capsys: Any) -> None:
    db = tampered(site, tmp_path, lambda conn: None)
    (tmp_path / "heads.json").unlink()
    refused(db)
    assert "record 41: nothing shows that there is none" in capsys.readouterr().err
    refused(db, "--from", iso(START + 20 * MINUTE))
    until = iso(START + 30 * MINUTE)
    assert run(["verify", "readings", "--db", str(db), "--key", PUBLIC, "--to", until]) == 0


def test_the_first_bad_record_is_named(site: Path, tmp_path: Path, capsys: Any) -> None:
    db = tampered(site, tmp_path, lambda conn: conn.execute("DELETE FROM readings WHERE seq IN (22, 31)"))
    refused(db)
    assert "roof: not proven: record 22: not the next in order" in capsys.readouterr().err


def test_a_forged_head_proves_nothing(site: Path, tmp_path: Path, capsys: Any) -> None:
    db = tampered(site, tmp_path, lambda conn: conn.execute("DELETE FROM readings WHERE seq > 36"))
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    forged = SignedHead("roof", chain()[35].head, other.sign(chain()[35].hash))
    heads.write(tmp_path / "heads.json", {"roof": forged})
    refused(db)
    assert "record 36 that is kept elsewhere is not signed by this key" in capsys.readouterr().err


def test_readings_of_another_meter_under_the_same_key_are_found(tmp_path: Path) -> None:
    foreign = seal(KEY, GENESIS, [canonical({**roof_reading(0).to_json(), "meter": "barn"})])
    known = [SignedHead.of("roof", foreign[0])]
    _, problem = proofs.prove(foreign, "roof", KEY.public_key(), proofs.Period(), known)
    assert problem == "record 1: it is no reading of this meter"


def exported(site: Path, out: Path, *period: str) -> Path:
    arguments = ["export", "--config", str(site / "edge.toml"), "--what", "proof", "--out", str(out)]
    assert run([*arguments, *period]) == 0
    return out


def test_a_period_is_exported_and_proven_on_its_own(site: Path, tmp_path: Path, capsys: Any) -> None:
    since, until = START + 18 * MINUTE, START + 30 * MINUTE
    file = exported(site, tmp_path / "period", "--from", iso(since), "--to", iso(until), "--meter", "roof")
    code, told = verified(capsys, str(file))
    assert (code, told["first"]["seq"], told["last"]["seq"]) == (0, 19, 32), "and on to the next signature"
    for wider in (("--from", iso(since - 1)), ("--to", iso(until + 6 * MINUTE))):
        code, told = verified(capsys, str(file), *wider)
        assert code == 5 and told["problem"]
    assert verified(capsys, str(file), key=keys.public_key_text(Ed25519PrivateKey.generate()))[0] == 5
    whole = exported(site, tmp_path / "whole")
    assert verified(capsys, str(whole))[0] == 5, "a file alone does not show that it is the end"
    assert verified(capsys, str(whole), "--head", str(site / "heads.json"))[0] == 0


@settings(max_examples=20)
@given(st.data())
def test_whatever_is_changed_in_a_file_is_found(
    site: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("t")
    file = exported(site, folder / "whole")
    lines = file.read_text().splitlines()
    index = data.draw(st.integers(1, len(lines) - 1))
    body = json.loads(lines[index])
    how = data.draw(st.sampled_from(["body", "gone", "swapped", "cut", "signature"]))
    if how == "body" and "body" in body:
        at = data.draw(st.integers(0, len(body["body"]) - 1))
        text = body["body"]
        lines[index] = json.dumps(body | {"body": text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]})
    elif how == "signature" and "signature" in body:
        at = data.draw(st.integers(0, 127))
        digit = f"{int(body['signature'][at], 16) ^ 1:x}"
        lines[index] = json.dumps(
            body | {"signature": body["signature"][:at] + digit + body["signature"][at + 1 :]}
        )
    elif how == "swapped" and index > 1:
        lines[index - 1], lines[index] = lines[index], lines[index - 1]
    elif how == "cut":
        del lines[index:]
    else:
        del lines[index]
    file.write_text("\n".join(lines) + "\n")
    arguments = ["verify", "readings", str(file), "--key", PUBLIC, "--head", str(site / "heads.json")]
    assert run(arguments) == 5


MISUSES = {
    "nothing": ([], "give a FILE, or --db"),
    "both": (["x", "--db", "y"], "give a FILE, or --db"),
    "no key": (["x"], "give --key"),
    "a bad key": (["x", "--key", "zz"], "--key: zz: not an Ed25519 public key"),
    "a bad instant": (["x", "--key", PUBLIC, "--from", "noon"], "--from: 'noon' is not an instant"),
    "no such file": (["/nowhere", "--key", PUBLIC], "/nowhere: No such file"),
    "no such database": (["--db", "/nowhere", "--key", PUBLIC], "/nowhere: no such file"),
    "no heads": (["x", "--key", PUBLIC, "--head", "/nowhere"], "/nowhere: No such file"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_one_line_and_code_2(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, words = MISUSES[name]
    assert run(["verify", "readings", *arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "tradelane.readings/2"}', '{"format": 1'])
def test_a_file_of_another_form_is_named_with_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(proofs.BadProof, match=r"file: line 1: "):
        proofs.read(tmp_path / "file")


def test_a_meter_is_asked_for_where_there_are_several(site: Path, tmp_path: Path, capsys: Any) -> None:
    add = "INSERT INTO readings SELECT 'barn', seq, at, body, prev, hash, signature FROM readings"
    db = tampered(site, tmp_path, lambda conn: conn.execute(add))
    assert run(["verify", "readings", "--db", str(db), "--key", PUBLIC]) == 2
    assert "has barn, roof: say which with --meter" in capsys.readouterr().err
    assert run(["verify", "readings", "--db", str(db), "--key", PUBLIC, "--meter", "roof"]) == 0
    assert run(["verify", "readings", "--db", str(db), "--key", PUBLIC, "--meter", "attic"]) == 2
    assert run(["export", "--config", str(site / "edge.toml"), "--what", "events", "--meter", "roof"]) == 2


def test_who_gives_the_private_key_is_told_its_public_half(tmp_path: Path, capsys: Any) -> None:
    own = keys.load_or_create_key(tmp_path / "roof.pem")
    assert run(["verify", "readings", str(tmp_path / "x"), "--key", str(tmp_path / "roof.pem")]) == 2
    assert f"is a private key: give --key {keys.public_key_text(own)}" in capsys.readouterr().err
    (tmp_path / "bad.pem").write_text("-----BEGIN PRIVATE KEY-----")
    (tmp_path / "bad.pem").chmod(0o600)
    assert run(["verify", "readings", str(tmp_path / "x"), "--key", str(tmp_path / "bad.pem")]) == 2
    assert "not an unencrypted PEM private key" in capsys.readouterr().err
