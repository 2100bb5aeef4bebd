"""The fixtures' own tests: a fixture that silently does nothing would make every room's tests lie."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shared import free_port, program, running_mosquitto, shared_file


def test_a_shared_file_is_found_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "x.json").write_text("{}")
    monkeypatch.setenv("TRADELANE_SHARED", str(tmp_path))
    assert shared_file("captures/x.json").read_text() == "{}"


def test_a_missing_shared_file_skips_and_names_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADELANE_SHARED", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match=r"captures/none\.json"):
        shared_file("captures/none.json")


def test_a_missing_program_skips_and_names_itself() -> None:
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        program("no-such-program")


def test_a_free_port_can_be_bound(free_port: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] > 0


def test_the_broker_hands_a_message_from_one_client_to_another(mosquitto: int) -> None:
    port = str(mosquitto)
    publish = [program("mosquitto_pub"), "-p", port, "-t", "roof/1", "-m", "4.2", "-r"]
    subprocess.run(publish, check=True, timeout=30)
    listen = [program("mosquitto_sub"), "-p", port, "-t", "roof/+", "-C", "1", "-W", "20"]
    heard = subprocess.run(listen, check=True, timeout=30, capture_output=True, text=True)
    assert heard.stdout == "4.2\n"


def test_the_broker_listens_no_more_after_its_block(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as port:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_broker_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="no_such_setting"),
        running_mosquitto(tmp_path, free_port(), "no_such_setting true"),
    ):
        pass
