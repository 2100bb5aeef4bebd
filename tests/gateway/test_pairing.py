"""``tradelane pair``: a code from a running gateway, and one line where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest

from tests.gateway.pages import HOUSEHOLDS
from tests.gateway.processes import running
from tests.shared import free_port
from tradelane.gateway.cli import run


def test_a_running_gateway_shows_a_code_that_signs_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    path = tmp_path / "market.toml"
    path.write_text(f"port = {port}\n{HOUSEHOLDS}")
    with running(path, "--port", str(port)) as gateway:
        desk = gateway.event("the desk's operator may sign in once")["link"]
        gateway.event("listening")
        assert run(["pair", "--config", str(path), "rosa", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["link"] == f"http://127.0.0.1:{port}/pair?code={shown['code']}"
        own = f"http://127.0.0.1:{port}"
        answer = httpx2.post(f"{own}/pair", data={"code": shown["code"]}, headers={"origin": own})
        assert (answer.status_code, answer.headers["location"]) == (303, "/me")
        assert run(["pair", "--config", str(path), "rosa"]) == 0
        text = capsys.readouterr().out
        assert "Scan the picture" in text
        assert "▀" in text
        entered = httpx2.post(f"{own}{desk}", data={"code": desk.partition("=")[2]}, headers={"origin": own})
        assert (entered.status_code, entered.headers["location"]) == (303, "/desk/operate")
        assert run(["pair", "--config", str(path), "--operator", "--json"]) == 0
        assert "/desk/sign-in?code=" in json.loads(capsys.readouterr().out)["link"]
        assert run(["pair", "--config", str(path), "eve"]) == 1
        assert "no 'eve' here" in capsys.readouterr().err


def test_without_a_gateway_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "market.toml"
    path.write_text(f"port = {free_port()}\n{HOUSEHOLDS}")
    assert run(["pair", "--config", str(path)]) == 3
    (tmp_path / "edge.token").write_text("secret\n")
    (tmp_path / "edge.token").chmod(0o600)
    assert run(["pair", "--config", str(path)]) == 1
    assert (
        capsys.readouterr().err.splitlines()[-1].startswith("error: no gateway answers at http://127.0.0.1")
    )
