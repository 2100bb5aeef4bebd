"""The worked sale of docs/EHUB.md, as its reader runs it: with a shell and curl, at a hub of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests import docs
from tests.gateway.processes import running
from tests.shared import ROOT

PAGE = (ROOT / "docs/EHUB.md").read_text()
HUB = 'data_dir = "data"\n[hub]\ncurrencies = ["EUR", "GBP"]\n'


def test_the_sale_shown_is_made_and_paid_to_the_penny(tmp_path: Path) -> None:
    (shown,) = docs.code(PAGE, "sh")
    (tmp_path / "hub.toml").write_text(HUB)
    with running(tmp_path / "hub.toml") as gateway:
        url = gateway.event("listening")["url"]
        script = shown.replace("http://127.0.0.1:8081", url).replace("hub-data/", f"{tmp_path}/data/")
        assert url in script and str(tmp_path) in script
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    *answers, settled, again, receipts, kitchen, books = map(json.loads, done.stdout.splitlines())
    assert settled == again
    assert answers[-1]["state"] == "delivered"
    assert [item["total"] for item in receipts["items"]] == [{"currency": "EUR", "value": "187.2"}]
    assert (kitchen["posted"], kitchen["held"]) == ("13", "0")
    assert books["balanced"] is True
