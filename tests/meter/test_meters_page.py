"""METERS.md beside the profiles: what it lists, what it claims, and its worked example."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests import docs
from tests.shared import ROOT
from tradelane.gateway.cli import run
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import load
from tradelane.gateway.sources import sources
from tradelane.meter import profile
from tradelane.meter.reading import Role
from tradelane.meter.registers import WORDS, decode

PAGE = (ROOT / "docs/METERS.md").read_text()
ROWS = {
    row[0]: row[1:]
    for row in re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.M)
}
(EXAMPLE,) = (block for block in docs.code(PAGE, "toml") if block.startswith("# Verified"))


@pytest.mark.parametrize("name", profile.names())
def test_the_table_says_of_each_profile_what_its_file_says(name: str) -> None:
    device, roles, verified = ROWS[name]
    known = profile.load(name)
    comment = (ROOT / f"tradelane/meter/profiles/{name}.toml").read_text().partition("name =")[0]
    assert device
    found = {section.role.value for section in known.sections}
    assert set(roles.split(", ")) == (found or {"what discovery finds"})
    for claim in ("capture", "dump", "unconfirmed", "facts only"):
        if claim in verified:
            assert claim in comment, claim
    if "unconfirmed" in comment:
        assert "unconfirmed" in verified


def test_the_quick_start_s_configuration_can_be_run(tmp_path: Path) -> None:
    (block,) = (block for block in docs.code(PAGE, "toml") if block.startswith("data_dir"))
    path = tmp_path / "rooftop.toml"
    path.write_text(block)
    edge = load(path).edge
    assert edge is not None and [meter.name for meter in edge.meters] == ["roof", "cellar", "shed"]
    assert len(list(sources(edge, Clock()))) == 3


def test_the_table_has_no_profile_that_is_not_there() -> None:
    assert ROWS.keys() == set(profile.names())


def test_the_worked_example_is_a_good_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "acme-p3.toml"
    path.write_text(EXAMPLE)
    assert run(["doctor", "--profile", str(path)]) == 0
    said = capsys.readouterr().out
    assert "acme-p3: Acme P3, usable" in said
    assert "0-3 by function 4, 100-102 by function 4" in said


def test_the_worked_example_reads_what_its_comments_say(tmp_path: Path) -> None:
    (tmp_path / "acme-p3.toml").write_text(EXAMPLE)
    known = profile.load("acme-p3", tmp_path)
    high, low = struct.unpack(">HH", struct.pack(">i", 1500))
    words = {0: 2304, 2: low, 3: high, 100: 7, 102: 1, 10: 400, 11: 0xFFFF}
    values = {section.role: section.values(decode(section.registers, words)) for section in known.sections}
    assert values[Role.GRID] == {"voltage_l1_v": 230.4, "power_w": -1500, "import_wh": (65536 + 7) * 100}
    assert values[Role.SOLAR] == {"power_w": 400}
    assert known.wraps_at(Role.GRID, "import_wh") == 100_000_000


def test_every_type_and_key_the_page_names_is_one() -> None:
    named = set(re.findall(r"`([a-z]+[0-9]{2})`", PAGE))
    assert named <= WORDS.keys()
    assert {"int16", "uint64", "float32", "magnitude32"} <= named


def test_every_complaint_is_shown_by_tests_that_exist() -> None:
    section = PAGE.partition("## What goes wrong with meters")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", section, re.M)[1:]
    assert len(rows) >= 18
    for complaint, _here, shown in rows:
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", shown)
        assert named, complaint
        for file, test in named:
            assert f"def {test}(" in (ROOT / "tests/meter" / file).read_text(), (complaint, test)
