"""The house rules hold, and each of them catches a planted offender."""

from __future__ import annotations

import pytest

from tests import house
from tests.house import File
from tests.shared import ROOT

FILES = house.repository()


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: house.Rule) -> None:
    offences = list(rule(FILES))
    assert not offences, f"{rule.__doc__}\n" + "\n".join(offences)


README = File("README.md", "# Tradelane\n\n    python3 dev.py demo\n    python3 dev.py test\n")

OFFENDERS: list[tuple[house.Rule, File]] = [
    (house.short_files, File("tradelane/market/long.py", "x = 1\n" * 351)),
    (house.telling_names, File("tradelane/market/utils.py", "")),
    (house.telling_names, File("tradelane/meter/a.py", "class MeterManager: ...\n")),
    (house.telling_names, File("tests/market/test_a.py", "def make_helper(): ...\n")),
    (house.one_clock, File("tradelane/market/a.py", "import time\nnow = time.time()\n")),
    (house.one_clock, File("tradelane/meter/a.py", "from time import monotonic as m\nsince = m\n")),
    (house.one_clock, File("tradelane/gateway/edge.py", "import datetime as d\nd.datetime.now(d.UTC)\n")),
    (house.one_clock, File("tradelane/gateway/a.py", "from datetime import datetime\ndatetime.now()\n")),
    (house.one_clock, File("firmware_sim/sun.py", "import time\ntime.perf_counter_ns()\n")),
    (house.no_chance, File("tradelane/market/a.py", "import random\nrandom.shuffle([])\n")),
    (house.no_chance, File("tradelane/market/a.py", "import random\nr = random.Random()\n")),
    (house.no_chance, File("firmware_sim/load.py", "import numpy as np\nnp.random.normal(0, 1)\n")),
    (house.no_chance, File("firmware_sim/load.py", "from numpy.random import default_rng\ndefault_rng()\n")),
    (house.no_chance, File("tradelane/gateway/a.py", "from uuid import uuid4\nkey = str(uuid4())\n")),
    (house.whole_money, File("tradelane/settlement/ledger.py", "fee = 0.5\n")),
    (house.whole_money, File("tradelane/settlement/settle.py", "def pay(x: int) -> None:\n    float(x)\n")),
    (house.whole_money, File("tradelane/settlement/contract.py", "def pay(x: float) -> None: ...\n")),
    (house.introduced_modules, File("tradelane/market/a.py", "x = 1\n")),
    (house.introduced_modules, File("tradelane/market/__init__.py", "x = 1\n")),
    (house.reasoned_exceptions, File("tests/test_a.py", "import os  # noqa\n")),
    (house.reasoned_exceptions, File("dev.py", "import os  # noqa: F401\n")),
    (house.reasoned_exceptions, File("dev.py", "x = y  # type: ignore[attr-defined]\n")),
    (house.reasoned_exceptions, File("dev.py", "x = y  # type: ignore  # it is there\n")),
    (house.reasoned_exceptions, File("pyproject.toml", '[tool.ruff.lint]\nignore = ["E501"]\n')),
    (house.reasoned_exceptions, File("pyproject.toml", '[tool.ruff.lint]\nignore = [\n    "E501",\n]\n')),
    (house.reasoned_exceptions, File("pyproject.toml", '[tool.x.per-file-ignores]\n"a.py" = ["B"]\n')),
    (house.no_loose_ends, File("tradelane/market/a.py", "# TO" + "DO later\n")),
    (house.no_loose_ends, File("tests/market/test_a.py", "@pytest.mark.xf" + "ail\n")),
    (house.no_loose_ends, File("tests/market/test_a.py", "assert Tr" + "ue\n")),
    (house.no_loose_ends, File("tradelane/market/a.py", "raise NotImplemented" + "Error\n")),
    (house.no_loose_ends, File("tradelane/market/a.py", "x = 1  # pragma: no " + "cover\n")),
    (house.no_machine_paths, File("docs/SETUP.md", "cd /ho" + "me/ada/tradelane\n")),
    (house.no_machine_paths, File("docs/SETUP.md", f"cd {ROOT}/docs\n")),
    (house.no_machine_paths, File("requirements/base.txt", "--index" + "-url https://mirror.example\n")),
    (house.our_scripts, File("docs/chart.js", "export const x = 1;\n")),
    (house.our_scripts, File("tradelane/gateway/web/static/htmx.min.js", "x\n")),
    (house.our_scripts, File("tradelane/gateway/web/static/a.js", "x" * 401)),
    (house.our_scripts, File("tradelane/gateway/web/a.html", '<script defer src="//cdn.example/a.js">')),
    (house.mirrored_rooms, File("tradelane/market/a.py", "def f(): ...\n")),
    (house.two_commands_first, File("README.md", "x\n" * 40 + README.text)),
]


@pytest.mark.parametrize(
    ("rule", "offender"), OFFENDERS, ids=[f"{rule.__name__}-{i}" for i, (rule, _) in enumerate(OFFENDERS)]
)
def test_a_planted_offender_is_caught(rule: house.Rule, offender: File) -> None:
    assert len(list(rule([offender]))) >= 1


def test_each_rule_has_an_offender() -> None:
    assert {rule for rule, _ in OFFENDERS} == set(house.RULES)


INNOCENTS: list[tuple[house.Rule, list[File]]] = [
    (house.short_files, [File("tradelane/market/a.py", "x = 1\n" * 350), File("docs/a.md", "x\n" * 999)]),
    (house.telling_names, [File("tradelane/meter/a.py", "from contextlib import contextmanager\n")]),
    (house.one_clock, [File("tradelane/gateway/clock.py", "import time\ntime.time_ns()\n")]),
    (house.one_clock, [File("tradelane/meter/a.py", "import time\ntime.sleep(1)\n")]),
    (house.one_clock, [File("tradelane/market/a.py", "def f(time: T) -> T:\n    return time.time\n")]),
    (house.one_clock, [File("tests/market/test_a.py", "import time\ntime.monotonic()\n")]),
    (house.no_chance, [File("firmware_sim/load.py", "import random\nr = random.Random(seed)\nr.random()\n")]),
    (house.no_chance, [File("tradelane/gateway/keys.py", "import secrets\nsecrets.token_bytes(32)\n")]),
    (
        house.whole_money,
        [File("tradelane/market/units.py", "def f(x: object) -> bool:\n    return isinstance(x, float)\n")],
    ),
    (house.whole_money, [File("tradelane/settlement/ehub/client.py", "TIMEOUT_S = 2.5\n")]),
    (house.introduced_modules, [File("tradelane/market/__init__.py", "")]),
    (
        house.reasoned_exceptions,
        [File("dev.py", 'x = y  # type: ignore[attr-defined]  # set by the parser\nz = "# noqa"\n')],
    ),
    (house.reasoned_exceptions, [File("dev.py", "import os  # noqa: F401, E402  # after the path is set\n")]),
    (
        house.reasoned_exceptions,
        [File("pyproject.toml", 'ignore = [\n    "E501", # lines are the formatter\'s\n]\nselect = ["E"]\n')],
    ),
    (house.no_loose_ends, [File("tradelane/market/a.py", 'currency = "XX' + 'X"  # none\n')]),
    (
        house.no_machine_paths,
        [File("docs/SETUP.md", "The home page is https://tradelane.example/home/ada\n")],
    ),
    (house.our_scripts, [File("tradelane/gateway/web/static/live.js", "export const x = 1;\n")]),
    (
        house.mirrored_rooms,
        [
            File("tradelane/market/a.py", "def f(): ...\n"),
            File("tests/market/test_a.py", "from tradelane.market.a import f\n"),
        ],
    ),
    (
        house.mirrored_rooms,
        [
            File("tradelane/market/a.py", "def f(): ...\n"),
            File("tests/e2e/test_b.py", "from tradelane.market import a\n"),
        ],
    ),
    (
        house.mirrored_rooms,
        [
            File("tradelane/gateway/a.py", "def f(): ...\n"),
            File("tests/gateway/test_b.py", 'run("-m", "tradelane.gateway.a")\n'),
        ],
    ),
    (house.two_commands_first, [README]),
]


@pytest.mark.parametrize(
    ("rule", "files"), INNOCENTS, ids=[f"{rule.__name__}-{i}" for i, (rule, _) in enumerate(INNOCENTS)]
)
def test_what_the_rule_does_not_mean_passes(rule: house.Rule, files: list[File]) -> None:
    assert not list(rule(files))


def test_a_module_tested_only_in_another_room_is_not_mirrored() -> None:
    module = File("tradelane/market/a.py", "def f(): ...\n")
    stranger = File("tests/settlement/test_a.py", "from tradelane.market.a import f\n")
    assert list(house.mirrored_rooms([module, stranger]))
