"""The documents say what the code does: routes, codes, commands, meters, links; and their examples run."""

from __future__ import annotations

import re
import time
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from tests import docs
from tests.gateway.processes import running
from tests.shared import ROOT
from tradelane.gateway.commands.failure import MEANINGS
from tradelane.meter import dialect, profile, sunspec

API, MARKET, METERS = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("API", "MARKET", "METERS"))
README = (ROOT / "README.md").read_text()
EXAMPLES = ROOT / "examples"
COMMAND = re.compile(r"^tradelane ([a-z].*?)(?: +#.*)?$", re.M)
LARGEST_PICTURE = 250_000


@pytest.mark.parametrize("name", docs.EXAMPLE_OF)
def test_the_openapi_description_is_the_application_s(name: str) -> None:
    path = docs.OPENAPI / f"{name}.json"
    assert path.read_text() == docs.description_text(name), "run: .venv/bin/python -m tests.docs"


def test_api_names_every_route_and_no_other() -> None:
    written = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", API))
    served = set(chain.from_iterable(docs.routes(docs.description(name)) for name in docs.EXAMPLE_OF))
    assert written == served | {"GET /api/v1/healthz"}  # the e-hub's, which no description lists


def test_api_explains_every_problem_code_and_no_other() -> None:
    cells = re.findall(r"^\| (`[a-z`, -]+`) \| [0-9]{3}", API, re.M)
    explained = set(re.findall(r"`([a-z-]+)`", "".join(cells)))
    codes = docs.problem_codes()
    assert len(codes) > 40
    assert {code for code in codes if f"`{code}`" not in API} == set()
    assert explained - codes == set()


def test_api_has_every_command_option_and_exit_code() -> None:
    rows = dict(re.findall(r"^\| `tradelane ([a-z0-9 -]+)` \|(.*)$", API, re.M))
    commands = docs.commands()
    assert rows.keys() == commands.keys()
    for name, options in commands.items():
        assert set(re.findall(r"--[a-z-]+", rows[name])) == options, name
    exit_codes = dict(re.findall(r"^\| ([0-9]) \| (.*) \|$", API, re.M))
    assert exit_codes == {str(code.value): words for code, words in MEANINGS.items()}


@pytest.mark.parametrize("path", docs.documents(), ids=lambda path: str(path.name))
def test_every_command_shown_can_be_given(path: Path) -> None:
    commands = docs.commands()
    for line in COMMAND.findall("\n".join(docs.code(path.read_text(), ""))):
        name = next((name for name in commands if f"{line} ".startswith(f"{name} ")), None)
        assert name is not None, line
        assert set(re.findall(r"--[a-z-]+", line)) <= commands[name], line
        for file in re.findall(r"examples/\S+", line):
            assert (ROOT / file).is_file(), line


@pytest.mark.parametrize("path", docs.documents(), ids=lambda path: str(path.name))
def test_no_link_is_dead(path: Path) -> None:
    assert list(docs.dead_links(path, path.read_text())) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '# One, two\n[a](page.md#one-two) [b](gone.md) ![c](#three) <img src="lost.png">\n'
        "```\n[d](in-code.md)\n```\n"
    )
    faults = [fault.split(": ")[1] for fault in docs.dead_links(page, page.read_text())]
    assert faults == ["gone.md", "#three", "lost.png"]


def test_every_file_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([\w/]+\.(?:py|toml|md))`", text))
    assert len(named) > 40
    homes = [ROOT, ROOT / "tradelane"]
    assert {name for name in named if not any((home / name).is_file() for home in homes)} == set()


def test_meters_lists_every_profile_dialect_and_model() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", METERS, re.M))
    assert listed == set(profile.names())
    assert all(f"Dialect `{name}`" in METERS for name in dialect.names())
    models = {
        int(number) for row in re.findall(r"^\| ([0-9, ]+) \|", METERS, re.M) for number in row.split(",")
    }
    assert models == {number for number, model in sunspec.models().items() if model.role is not None}


def test_the_examples_name_only_profiles_and_dialects_that_exist() -> None:
    text = "\n".join(path.read_text() for path in EXAMPLES.glob("*.toml"))
    for key, known in (("profile", profile.names()), ("dialect", dialect.names())):
        named = re.findall(rf'^#? *{key} = "([^"]+)"', text, re.M)
        assert named and set(named) <= set(known), key


def test_pictures_are_shown_and_small() -> None:
    pictures = {path.name: path for path in (ROOT / "docs/img").iterdir()}
    assert pictures and all(f"docs/img/{name}" in README for name in pictures)
    assert [name for name, path in pictures.items() if path.stat().st_size > LARGEST_PICTURE] == []


def test_the_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version in (ROOT / "CHANGELOG.md").read_text()


def test_the_market_s_example_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = docs.code(MARKET, "python")
    assert blocks and "assert" in blocks[0]
    exec("\n".join(blocks), {})


def test_the_api_s_example_against_a_real_gateway(tmp_path: Path) -> None:
    """A zone with an e-hub in one process, at a market time far from its gate."""
    zone = (EXAMPLES / "zone.toml").read_text()
    zone = re.sub(r"^(hub_url|hub_token_file|port) .*$", "", zone, flags=re.M)
    clock = f'[clock]\norigin = "2026-06-21T10:00Z"\nwall_origin = {time.time_ns() // 1_000_000}\n'
    path = tmp_path / "site.toml"
    path.write_text(f'{zone}\n[hub]\ncurrencies = ["EUR", "CHF"]\n{clock}')
    (block,) = docs.code(API, "python")
    assert "http://127.0.0.1:8080" in block
    with running(path) as gateway:
        url = gateway.event("listening")["url"]
        exec(block.replace("http://127.0.0.1:8080", url), {})
