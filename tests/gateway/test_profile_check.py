"""``doctor --profile``: every fault of a profile with its line, or what a good one will ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shared import ROOT
from tradelane.gateway.cli import run
from tradelane.gateway.profile_check import examine_profile
from tradelane.meter import profile

PROFILES = ROOT / "tradelane/meter/profiles"
Capture = pytest.CaptureFixture[str]

BAD = """name = "mine"
vendor = "Me"
model = "One"
role = "grid"

[modbus]
functoin = 4
word_order = "middle"
barriers = [10]

[[register]]
value = "power_w"
address = 9
type = "int32"
scale = 0

[[register]]
value = "voltage_v"
address = 70000
type = "uint61"

[[register]]
value = "import_wh"
type = "uint32"
sum = [
  { address = 20 },
  { adress = 22 },
]
"""


def test_every_fault_is_told_with_its_line(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    assert run(["doctor", "--profile", str(path)]) == 2
    out, err = capsys.readouterr()
    told = [line.removeprefix(f"{path}:") for line in out.splitlines()]
    assert told == [
        "7: modbus.functoin: unknown key, did you mean function?",
        "8: modbus.word_order: 'middle' is not one of big, little",
        "15: register[0].scale: expected a number other than 0",
        "13: register[0].address: a barrier parts it",
        *(line for line in told if line.startswith(("18: register[1].value:", "20: register[1].type:"))),
        "19: register[1].address: expected a whole number from 0 to 65535",
        *(line for line in told if line.startswith("25: register[2].sum[1].")),
    ]
    assert err.count("\n") == 1 and f"(and {len(told) - 1} more)" in err
    assert sum("register[2].sum[1].adress" in line for line in told) == 1


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('name = "mine"\nvendor = Me\n')
    (finding,) = examine_profile(path)
    assert finding.ok is False
    assert finding.text.startswith(f"{path}:2: syntax: ")


def test_a_key_that_is_not_there_is_told_at_its_table(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'name = "m"\nvendor = "v"\nmodel = "o"\nrole = "grid"\n\n[[register]]\nvalue = "power_w"\n'
    )
    told = [finding.text for finding in examine_profile(path)]
    assert all(text.startswith(f"{path}:6: register[0].") for text in told)
    assert {text.split(": ")[1] for text in told} == {"register[0].type", "register[0].address"}


def test_what_is_no_text_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe")
    (finding,) = examine_profile(path)
    assert finding.text == f"{path}: not UTF-8 text"


@pytest.mark.parametrize("name", profile.names())
def test_all_that_come_with_tradelane_are_good(name: str) -> None:
    findings = examine_profile(PROFILES / f"{name}.toml")
    assert [finding.text for finding in findings if not finding.ok] == []


def test_a_good_one_says_what_it_reads_and_asks(capsys: Capture) -> None:
    assert run(["doctor", "--profile", str(PROFILES / "deye-hybrid-1p.toml"), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    said = {one["check"]: one["text"] for one in body["findings"]}
    assert body["ok"] is True
    assert said["profile"].endswith("usable")
    assert said["grid"].split(", ")[:3] == ["power_w", "import_wh", "export_wh"]
    assert said["solar"] == "production_wh, power_w"
    assert "78-82 by function 3" in said["requests"]


def test_a_rated_power_and_a_device_that_describes_itself_are_said() -> None:
    huawei = {one.check: one.text for one in examine_profile(PROFILES / "huawei-sun2000.toml")}
    assert huawei["rated power"] == "asked at 30073"
    fronius = {one.check: one.text for one in examine_profile(PROFILES / "fronius-sunspec.toml")}
    assert "asked what it has" in fronius["roles"]
