"""What a long command tells while it works: a terminal sees it, a pipe does not."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.market.test_case import CASE
from tradelane.gateway.progress import progress_bar, silent


def run_on_a_terminal(command: list[str]) -> tuple[str, str]:
    """Stdout, and what a terminal on stderr was sent."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # Linux says so when the other side is gone
            break
        if not data:
            break
        seen += data
    os.close(ours)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return out.decode(), seen.decode()


def test_a_terminal_sees_each_step_and_its_stdout_stays_clean(tmp_path: Path) -> None:
    case, result = tmp_path / "case.json", tmp_path / "result.json"
    case.write_text(json.dumps(CASE))
    program = [sys.executable, "-m", "tradelane"]
    out, seen = run_on_a_terminal(
        [*program, "clear", str(case), "--out", str(result), "--fills", "fills.csv"]
    )
    assert "welfare" in out and "reading" not in out
    assert "writing result.json" in seen
    out, seen = run_on_a_terminal([*program, "verify", str(case), str(result)])
    assert out == "proven\n" and "proving" in seen


def test_where_there_is_no_terminal_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as told:
        assert told is silent
        told("reading", 0.5)
    assert capsys.readouterr() == ("", "")
