"""The command line as people and scripts meet it: help, answers, and one line for every mistake."""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.market.test_case import CASE
from tests.meter.servers import device, served
from tests.shared import ROOT
from tradelane.gateway.cli import run
from tradelane.gateway.commands.failure import ExitCode

HEAVY = ("numpy", "highspy", "rich", "fastapi", "sqlalchemy", "pymodbus", "paho", "cryptography", "pydantic")

Capture = pytest.CaptureFixture[str]


def write(path: Path, body: object) -> str:
    path.write_text(body if isinstance(body, str) else json.dumps(body))
    return str(path)


def the_error(captured: Capture) -> str:
    """The one line on stderr."""
    lines = captured.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def test_help_names_every_command_and_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradelane", "--help"], capture_output=True, text=True, check=True
    )
    for word in ("demo", "run", "read", "clear", "verify", "doctor", "export", "Exit codes", "5 not proven"):
        assert word in done.stdout
    assert done.stderr == ""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tradelane.gateway.cli import run; run(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", ["demo", "run", "read", "clear", "verify", "doctor", "export"])
def test_every_command_has_help(command: str, capsys: Capture) -> None:
    assert run([command, "--help"]) == 0
    assert f"tradelane {command}" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.count(".") == 2


@pytest.mark.parametrize("arguments", [[], ["read"]])
def test_no_command_shows_help_and_is_a_usage_error(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    assert "Usage: tradelane" in capsys.readouterr().out


MISTAKES: list[tuple[list[str], int, str]] = [
    (["fly"], 2, "No such command 'fly'"),
    (["--wings"], 2, "No such option: --wings"),
    (["read", "modbus"], 2, "--host or --url: give one of them"),
    (
        ["read", "modbus", "--host", "h", "--unit", "300"],
        2,
        "'--unit': Input should be less than or",
    ),
    (["read", "modbus", "--host", "h", "--url", "tcp://h"], 2, "--host or --url: give one of them"),
    (["read", "modbus", "--url", "http://h"], 2, "--url: 'http://h' does not start with tcp://"),
    (["read", "modbus", "--url", "serial:///dev/no-such-port"], 4, "/dev/no-such-port: no such port"),
    (["read", "modbus", "--host", "h", "--port", "x"], 2, "'--port': Input should be a valid integer"),
    (["read", "modbus", "--host", "h", "--profile", "nope"], 2, "--profile: no profile 'nope'"),
    (["read", "modbus", "--host", "127.0.0.1", "--port", "1"], 4, "127.0.0.1:1"),
    (["read", "modbus", "--host", "no.such.host.invalid"], 4, "no.such.host.invalid"),
    (["read", "mqtt", "--broker", "h:x", "--topic", "t"], 2, "--broker: 'h:x' is not HOST:PORT"),
    (["read", "mqtt", "--broker", ":1", "--topic", "t"], 2, "--broker: ':1' is not HOST:PORT"),
    (["read", "mqtt", "--broker", "h:70000", "--topic", "t"], 2, "is not HOST:PORT"),
    (["read", "mqtt", "--broker", "h", "--topic", "t", "--dialect", "x"], 2, "--dialect: no dialect 'x'"),
    (["read", "mqtt", "--broker", "h", "--topic", "t", "--password-file", "/no"], 2, "--password-file"),
    (["read", "mqtt", "--broker", "127.0.0.1:1", "--topic", "t", "--timeout", "0.2"], 4, "127.0.0.1:1"),
    (["read", "mqtt", "--broker", "h", "--topic", "t", "--ca-file", "/no"], 2, "/no: no authority's"),
    (["read", "mqtt", "--broker", "h", "--topic", "t", "--key-file", "/no"], 2, "--key-file: a key needs"),
    (["clear", "/no/case.json"], 2, "/no/case.json: No such file or directory"),
    (["clear"], 2, "Missing argument 'CASE'"),
    (["clear", "/no/case.json", "--fills", "f.csv"], 2, "--fills needs --out"),
    (["clear", "/no/case.json", "--out", "r.json", "--fills", "a/f.csv"], 2, "--fills: a plain file name"),
    (["verify", "/no/case.json", "/no/result.json"], 2, "/no/case.json: No such file or directory"),
    (["run", "--config", "/no/site.toml"], 3, "/no/site.toml: No such file or directory"),
    (["run", "--config", str(ROOT / "examples/hub.toml"), "--port", "70000"], 3, "flag: port: "),
    (["run"], 2, "Missing option '--config'"),
    (["doctor", "--config", "/no/site.toml"], 3, "/no/site.toml: No such file or directory"),
    (["doctor"], 2, "give --config FILE, or --profile FILE"),
    (["doctor", "--profile", "/no/profile.toml"], 2, "profile: /no/profile.toml: No such file"),
    (["export", "--config", "/no/site.toml", "--what", "trades"], 3, "/no/site.toml: No such file"),
    (["export", "--config", "c", "--what", "secrets"], 2, "'secrets' is not one of"),
    (["export", "--config", str(ROOT / "examples/hub.toml"), "--what", "trades"], 3, "zone: missing"),
    (["export", "--config", str(ROOT / "examples/zone.toml"), "--what", "trades"], 1, "is not there"),
    (["demo", "--intervals", "0"], 2, "'--intervals': Input should be greater than or equal to 1"),
    (["demo", "--mqtt", "nowhere:0"], 2, "--mqtt: 'nowhere:0' is not HOST:PORT"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), MISTAKES, ids=lambda value: str(value)[:60])
def test_a_mistake_is_one_line_and_its_code(
    arguments: list[str], code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("TRADELANE_CONFIG", raising=False)
    assert run(arguments) == code
    assert words in the_error(capsys)


SUN_S = [0x5375, 0x6E53]


def text(value: str, words: int) -> list[int]:
    data = value.encode().ljust(2 * words, b"\0")
    return [int.from_bytes(data[k : k + 2], "big") for k in range(0, 2 * words, 2)]


def sunspec_inverter(power_w: int, energy_wh: int) -> list[int]:
    """A SunSpec map by the specification: common model 1, inverter model 101, end."""
    common = [
        1,
        66,
        *text("Acme", 16),
        *text("Roof 5", 16),
        *text("", 8),
        *text("1.0", 8),
        *text("7", 16),
        1,
        0x8000,
    ]
    inverter = [0xFFFF] * 50
    scale_0 = {4: 0, 11: 0xFFFF, 13: 0, 15: 0xFFFE, 17: 0, 19: 0, 21: 0, 24: 0, 30: 0, 35: 0}
    for place, value in scale_0.items():
        inverter[place] = value
    inverter[12], inverter[14] = power_w, 5000
    inverter[22], inverter[23] = divmod(energy_wh, 1 << 16)
    inverter[36] = 4
    return [*SUN_S, *common, 101, 50, *inverter, 0xFFFF, 0]


def test_read_modbus_prints_one_object_a_reading(capsys: Capture) -> None:
    async def read() -> int:
        async with served(device(3, {40000: sunspec_inverter(1234, 7_654_321)})) as port:
            arguments = [
                "read",
                "modbus",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--unit",
                "3",
                "--json",
            ]
            return await asyncio.to_thread(run, arguments)

    assert asyncio.run(read()) == 0
    [line] = capsys.readouterr().out.splitlines()
    body = json.loads(line)
    assert (body["role"], body["quality"]) == ("solar", "good")
    assert body["values"]["power_w"] == 1234
    assert body["values"]["production_wh"] == 7_654_321
    assert set(body) == {"meter", "profile", "role", "gateway_time", "device_time", "quality", "values"}


def test_read_modbus_of_a_device_without_sunspec_asks_for_a_profile(capsys: Capture) -> None:
    async def read() -> int:
        async with served(device(1, {0: [1, 2, 3]})) as port:
            return await asyncio.to_thread(
                run, ["read", "modbus", "--host", "127.0.0.1", "--port", str(port)]
            )

    assert asyncio.run(read()) == 1
    assert "name a profile" in the_error(capsys)


@pytest.mark.parametrize("as_json", [True, False])
def test_read_mqtt_prints_the_first_message(mosquitto: int, as_json: bool, capsys: Capture) -> None:
    payload = json.dumps({"power_w": -500, "import_wh": 10, "export_wh": 20})
    paho.mqtt.publish.single(
        "meters/roof/state", payload, qos=1, retain=True, hostname="127.0.0.1", port=mosquitto
    )
    arguments = ["read", "mqtt", "--broker", f"127.0.0.1:{mosquitto}", "--topic", "meters/+/state"]
    assert run([*arguments, *(["--json"] if as_json else [])]) == 0
    out = capsys.readouterr().out
    if as_json:
        body = json.loads(out)
        assert body["role"] == "grid" and body["values"]["export_wh"] == 20
    else:
        assert "export_wh" in out and "-500" in out


def test_clear_and_verify(tmp_path: Path, capsys: Capture) -> None:
    case, out = write(tmp_path / "case.json", CASE), str(tmp_path / "result.json")
    assert run(["clear", case, "--out", out]) == 0
    assert "welfare" in capsys.readouterr().out
    assert run(["verify", case, out]) == 0
    assert capsys.readouterr().out == "proven\n"
    assert run(["verify", case, out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"proven": True, "problems": []}


def test_clear_says_how_many_blocks_it_took_and_how_far_from_the_best_that_can_be(
    tmp_path: Path, capsys: Capture
) -> None:
    case, out = str(ROOT / "examples/blocks.json"), str(tmp_path / "result.json")
    assert run(["clear", case, "--out", out]) == 0
    printed = capsys.readouterr().out
    assert "4 blocks accepted, 1 paradoxically rejected, gap 1000, 4.26e-1 of welfare" in printed
    assert run(["clear", case, "--out", out, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["blocks"], summary["blocks_gap"], summary["paradoxically_rejected"]) == (
        4,
        "1000",
        ["b6"],
    )
    assert run(["verify", case, out]) == 0


def test_clear_prints_the_same_result_it_writes(tmp_path: Path, capsys: Capture) -> None:
    case, out = write(tmp_path / "case.json", CASE), tmp_path / "result.json"
    assert run(["clear", case]) == 0
    printed = capsys.readouterr().out
    assert run(["clear", case, "--out", str(out), "--json"]) == 0
    assert out.read_text() == printed
    summary = json.loads(capsys.readouterr().out)
    assert summary["result_digest"] == json.loads(printed)["result_digest"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_fills_may_stand_beside_the_result(tmp_path: Path) -> None:
    case, out = write(tmp_path / "case.json", CASE), str(tmp_path / "result.json")
    assert run(["clear", case, "--out", out, "--fills", "fills.csv"]) == 0
    assert json.loads(Path(out).read_text())["fills"] == "fills.csv"
    assert (tmp_path / "fills.csv").read_text().startswith("order,quantity\n")
    assert run(["verify", case, out]) == 0


def test_a_false_result_is_not_proven(tmp_path: Path, capsys: Capture) -> None:
    case, out = write(tmp_path / "case.json", CASE), tmp_path / "result.json"
    assert run(["clear", case, "--out", str(out)]) == 0
    result = json.loads(out.read_text())
    result["fills"][0]["quantity"] = "0.001"
    write(out, result)
    capsys.readouterr()
    assert run(["verify", case, str(out), "--json"]) == 5
    captured = capsys.readouterr()
    assert json.loads(captured.out)["proven"] is False
    assert (
        captured.err.startswith("error: ") and captured.err.count("\n") == 1 and "not proven" in captured.err
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "tradelane.case/9"}, "format: expected tradelane.case/1"),
        ({"products": []}, "products: at least one product is needed"),
        ({"numeraire": 1}, "numeraire: expected a text"),
        (
            {"orders": [{**CASE["orders"][0], "price": 41.2}]},
            "file: not valid JSON for a case: 41.2",
        ),
        ({"orders": [{**CASE["orders"][0], "price": "41.205"}]}, "orders[0].price: 41.205 is not a multiple"),
        ({"orders": "orders.xls"}, "orders.xls: a table is"),
    ],
)
def test_a_malformed_case_names_the_field(
    tmp_path: Path, change: dict[str, Any], words: str, capsys: Capture
) -> None:
    case = write(tmp_path / "case.json", {**CASE, **change})
    assert run(["clear", case, "--out", str(tmp_path / "result.json")]) == 2
    assert words in the_error(capsys)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"format": "tradelane.result/1"}', '{"a": 1e999}'])
def test_a_malformed_result_is_exit_code_2(tmp_path: Path, body: str, capsys: Capture) -> None:
    case, result = write(tmp_path / "case.json", CASE), write(tmp_path / "result.json", body)
    assert run(["verify", case, result]) == 2
    assert "result.json: " in the_error(capsys)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=6)
    | st.sampled_from(["1", "-1", "0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], by: object) -> Any:
    if not path:
        return by
    changed = copy.deepcopy(value)
    owner = changed
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = by
    return changed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(places(CASE)), by=JSON)
def test_whatever_stands_in_a_case_it_is_cleared_or_refused(
    tmp_path: Path, capsys: Capture, place: tuple[Any, ...], by: object
) -> None:
    case = write(tmp_path / "case.json", replaced(CASE, place, by))
    code = run(["clear", case])
    assert code in (0, 2)
    captured = capsys.readouterr()
    assert (captured.err == "") is (code == 0)
    if code == 2:
        assert captured.err.startswith(f"error: {case}: ") and captured.err.count("\n") == 1


RESULT: dict[str, Any] = {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_in_a_result_it_is_not_proven_or_refused(
    tmp_path: Path, capsys: Capture, data: st.DataObject
) -> None:
    case = write(tmp_path / "case.json", CASE)
    if not RESULT:
        assert run(["clear", case]) == 0
        RESULT.update(json.loads(capsys.readouterr().out))
    place = data.draw(st.sampled_from(places(RESULT)))
    changed = replaced(RESULT, place, data.draw(JSON))
    code = run(["verify", case, write(tmp_path / "result.json", changed)])
    assert code == 0 if changed == RESULT else code in (2, 5)
    assert "Traceback" not in capsys.readouterr().err


def test_an_unwritable_place_is_a_failure(tmp_path: Path, capsys: Capture) -> None:
    case = write(tmp_path / "case.json", CASE)
    assert run(["clear", case, "--out", str(tmp_path / "no/such/folder/r.json")]) == 1
    assert "cannot write: No such file or directory" in the_error(capsys)


def test_a_fault_of_ours_is_one_line_too(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def broken(_path: Path, _told: object) -> None:
        raise ZeroDivisionError("division by zero\nand a second line")

    monkeypatch.setattr("tradelane.gateway.commands.clearing.load_case", broken)
    monkeypatch.delenv("TRADELANE_DEBUG", raising=False)
    assert run(["clear", "case.json"]) == 1
    assert the_error(capsys).startswith("error: ZeroDivisionError: division by zero (a fault of ours")
    monkeypatch.setenv("TRADELANE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(["clear", "case.json"])


def test_a_reader_that_hangs_up_is_no_fault(tmp_path: Path) -> None:
    case = write(tmp_path / "case.json", CASE)
    command = [sys.executable, "-m", "tradelane", "clear", case]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 1


@pytest.mark.parametrize("group", ["read", "hub"])
def test_a_command_of_commands_alone_shows_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.err == "" and told.out.startswith(f"Usage: tradelane {group}") and "Commands:" in told.out
