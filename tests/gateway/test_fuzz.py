"""Every operation of the descriptions, asked at length by a program that knows only them: no answer is a 500,
or one that the description does not tell of, and the books stay whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.gateway.marketplace import CONFIG
from tests.gateway.processes import running
from tests.settlement.hubs import ANA, BEN, declaration, reservation, shipment
from tests.shared import ROOT

SECONDS = int(os.environ.get("TRADELANE_FUZZ_SECONDS", "180" if os.environ.get("CI") else "10"))
"""For both descriptions together."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ROAD = '[hub.road]\nname = "fuzz"\nrates = { EUR = "1", GBP = "1.17" }\n'
KNOWN = {
    "account": (ANA, BEN, "issuer:EUR", "customs:EUR"),
    "source": (ANA, "issuer:EUR"),
    "target": (BEN, "customs:EUR"),
    "currency": ("EUR", "GBP"),
    "reservation": ("r1",),
    "contract": ("c1",),
    "declaration": ("d1",),
    "shipment": ("p1",),
    "member": ("ana",),
    "product": ("potatoes", "potatoes/2026-06-21", "power/2026-06-21T10:00Z/PT15M"),
}
"""What is there, to be found half of the time."""
FURNITURE = (
    ("accounts", {"account": ANA, "owner": "Ana", "currency": "EUR", "limit": "0"}),
    ("accounts", {"account": BEN, "owner": "Ben", "currency": "GBP", "limit": "0"}),
    ("deposits", {"account": ANA, "amount": {"currency": "EUR", "value": "1000"}}),
    ("reservations", reservation()),
    ("declarations", declaration()),
    ("shipments", shipment()),
)
PLACES = ("path", "query", "body")
pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Furnished:
    url: str
    token: str
    settings: Path


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """A zone and its e-hub with something to find."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "site.toml").write_text(CONFIG + ROAD)
    (folder / "schemathesis.toml").write_text("\n".join(_settings()))
    with running(folder / "site.toml") as process:
        url = process.event("listening")["url"]
        token = (folder / "hub.token").read_text().strip()
        with asking(url, token) as http:
            for key, (path, body) in enumerate(FURNITURE):
                answer = http.post(
                    f"/api/v1/{path}", json=body, headers={"Idempotency-Key": f"furniture-{key}"}
                )
                assert answer.status_code == 201, answer.text
        yield Furnished(url, token, folder / "schemathesis.toml")
        assert process.process.poll() is None, "".join(process.lines)


def asking(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def _settings() -> Iterator[str]:
    for name, values in KNOWN.items():
        yield f"[dictionaries.{name}]\nvalues = {list(values)!r}"
    yield "[parameters]"
    for name in KNOWN:
        for place in PLACES:
            yield f'"{place}.{name}" = {{ dictionary = "{name}", probability = 0.5 }}'


@pytest.mark.parametrize(("description", "share"), [("hub", 0.8), ("gateway", 0.2)])
def test_no_answer_is_a_fault_or_one_that_is_not_described(
    gateway: Furnished, description: str, share: float
) -> None:
    arguments = (
        *("--config-file", str(gateway.settings), "run", str(ROOT / f"docs/openapi/{description}.json")),
        *("--url", gateway.url, "--header", f"Authorization: Bearer {gateway.token}", "--checks", CHECKS),
        *("--phases", "coverage,fuzzing", "--max-time", str(int(SECONDS * share)), "--seed", "1"),
        *("--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure", "--no-color"),
    )
    program = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=gateway.settings.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "Tested: 0" not in done.stdout and "Test cases:" in done.stdout, done.stdout
    with asking(gateway.url, gateway.token) as http:
        assert http.get("/api/v1/trial-balance").json()["balanced"] is True
        assert http.get("/api/v1/chain").json()["ok"] is True
