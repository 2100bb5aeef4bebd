"""dev.py on a small checkout of its own: what it installs when, what it passes on, what it leaves behind."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.shared import ROOT


def written(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


@pytest.fixture
def dev(tmp_path: Path) -> ModuleType:
    """The module, loaded from a checkout that holds only what it reads."""
    checkout = tmp_path / "checkout"
    (checkout / "requirements").mkdir(parents=True)
    for name in ("dev.py", "pyproject.toml", "requirements/base.in"):
        shutil.copy(ROOT / name, checkout / name)
    for lock in ("base", "dev"):
        (checkout / "requirements" / f"{lock}.txt").write_text(f"# the lock of {lock}\n")
    spec = importlib.util.spec_from_file_location("dev_of_checkout", checkout / "dev.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def steps(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the steps done; making a .venv makes what tells one, installing needs no network."""
    done: list[str] = []

    def step(title: str, command: Sequence[str]) -> None:
        done.append(title)
        if title == "making .venv":
            version = ".".join(map(str, sys.version_info[:3]))
            (dev.VENV / "pyvenv.cfg").write_text(f"home = x\nversion = {version}\n")
            written(dev.BIN / "python", "#!/bin/sh\n")
            written(dev.VENV / "lib/python3/site-packages/pip/__main__.py", "")

    monkeypatch.setattr(dev, "step", step)
    return done


MADE = ["making .venv", "installing 0 packages from requirements/base.txt", "installing tradelane"]


def test_the_second_start_does_no_work(dev: ModuleType, steps: list[str]) -> None:
    dev.ensure_environment("base")
    assert steps == MADE
    dev.ensure_environment("base")
    assert steps == MADE


def test_tests_add_to_the_demo_s_environment_and_the_demo_lives_in_theirs(
    dev: ModuleType, steps: list[str]
) -> None:
    dev.ensure_environment("base")
    steps.clear()
    dev.ensure_environment("dev")
    assert steps == ["installing 0 packages from requirements/dev.txt", "installing tradelane"]
    steps.clear()
    dev.ensure_environment("base")
    assert steps == []


@pytest.mark.parametrize("changed", ["requirements/base.txt", "pyproject.toml"])
def test_a_changed_lock_is_installed_into_the_same_environment(
    dev: ModuleType, steps: list[str], changed: str
) -> None:
    dev.ensure_environment("base")
    steps.clear()
    with (dev.ROOT / changed).open("a") as file:
        file.write("# changed\n")
    dev.ensure_environment("base")
    assert steps == MADE[1:]


def test_an_interrupted_installation_is_made_again(
    dev: ModuleType, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(lock: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(dev, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            dev.ensure_environment("base")
    assert not dev.is_current("base")
    (dev.VENV / "half").touch()
    steps.clear()
    dev.ensure_environment("base")
    assert steps == MADE
    assert not (dev.VENV / "half").exists()


def test_an_environment_of_another_python_is_made_again(dev: ModuleType, steps: list[str]) -> None:
    dev.ensure_environment("base")
    steps.clear()
    (dev.VENV / "pyvenv.cfg").write_text("version = 3.1.4\n")
    dev.STAMP.unlink()
    dev.ensure_environment("base")
    assert steps == MADE


def test_a_moved_checkout_is_made_again(dev: ModuleType, steps: list[str]) -> None:
    dev.ensure_environment("base")
    steps.clear()
    dev.STAMP.write_text(dev.STAMP.read_text().replace(str(dev.ROOT), "/elsewhere"))
    dev.ensure_environment("base")
    assert steps == MADE


def test_an_environment_made_by_hand_is_kept(dev: ModuleType, steps: list[str]) -> None:
    dev.ensure_environment("base")
    steps.clear()
    dev.STAMP.unlink()
    dev.ensure_environment("base")
    assert steps == MADE[1:]


def test_without_ensurepip_another_pip_installs_into_the_environment(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(dev, "find_pip_outside", lambda: ["pip3"])
    commands: list[Sequence[str]] = []
    monkeypatch.setattr(dev, "step", lambda title, command: commands.append(command))
    dev.ensure_environment("base")
    assert "--without-pip" in commands[0]
    assert list(commands[1][:4]) == ["pip3", "--python", str(dev.BIN / "python"), "install"]
    assert "--require-hashes" in commands[1]


@pytest.mark.parametrize(
    ("answer", "is_good_enough"),
    [
        ("pip 23.0.1 from /usr", True),
        ("pip 22.3 from /usr", True),
        ("pip 20.3.4 from /usr", False),
        ("", False),
    ],
)
def test_only_a_pip_that_installs_elsewhere_will_do(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_good_enough: bool
) -> None:
    written(tmp_path / "bin/pip3", f"#!/bin/sh\necho '{answer}'\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "executable", "/no/python")
    if is_good_enough:
        assert dev.find_pip_outside() == ["pip3"]
    else:
        with pytest.raises(SystemExit, match="apt-get install python3-venv"):
            dev.find_pip_outside()


def test_pip_sees_nothing_of_what_would_lead_it_astray(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/robot")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_CERT", "/etc/ssl/own.pem")
    quiet = dev.quiet_environment()
    assert "PYTHONPATH" not in quiet and "PIP_USER" not in quiet
    assert quiet["PIP_CERT"] == "/etc/ssl/own.pem"


def test_a_step_that_fails_shows_its_output_and_ends(
    dev: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"(?s)no such wheel.*exit code 3"):
        dev.step("installing", ["sh", "-c", "echo no such wheel >&2; exit 3"])
    assert "no such wheel" not in capfd.readouterr().out


def test_an_old_python_is_told_what_to_do(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        dev.require_python()


@pytest.mark.parametrize("code", [0, 1, 5])
def test_the_exit_code_of_the_command_is_ours(dev: ModuleType, code: int) -> None:
    assert dev.run(["sh", "-c", f"exit {code}"]) == code


def test_a_command_killed_by_a_signal_has_the_shell_s_exit_code(dev: ModuleType) -> None:
    assert dev.run(["sh", "-c", "kill -KILL $$"]) == 128 + signal.SIGKILL


ANSWERS = """
import signal, sys, time
signal.signal(int(sys.argv[1]), lambda *_: sys.exit(7))
time.sleep(0.2)
print(1, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_and_its_answer_is_ours(dev: ModuleType, number: int) -> None:
    runs = f"import dev; dev.run({[sys.executable, '-c', ANSWERS, str(int(number))]!r}); print('went on')"
    started = subprocess.Popen(
        [sys.executable, "-c", runs], cwd=dev.ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert started.stdout
    assert started.stdout.readline() == "1\n"
    started.send_signal(number)
    rest, _ = started.communicate(timeout=60)
    assert (started.returncode, rest) == (7, "")


def pretend_installed(dev: ModuleType, lock: str, programs: dict[str, str]) -> None:
    written(dev.BIN / "python", "#!/bin/sh\necho python: $*\n")
    for name, script in programs.items():
        written(dev.BIN / name, script)
    dev.write_stamp(dev.fingerprint(lock))


def start(dev: ModuleType, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(dev.ROOT / "dev.py"), *arguments]
    surroundings: Any = os.environ | {"TRADELANE_NO_APT": "1"} | environment
    return subprocess.run(command, env=surroundings, capture_output=True, text=True)


def test_the_demo_gets_its_arguments_untouched(dev: ModuleType) -> None:
    pretend_installed(dev, "base", {"tradelane": '#!/bin/sh\nprintf "%s|" "$@"\nexit 3\n'})
    answer = start(dev, "demo", "--intervals", "4", "--help", "two words")
    assert (answer.stdout, answer.returncode) == ("demo|--intervals|4|--help|two words|", 3)


CHECKS = ("ruff", "mypy", "lint-imports")


def test_a_narrowed_test_run_is_pytest_alone(dev: ModuleType) -> None:
    pretend_installed(dev, "dev", dict.fromkeys(CHECKS, "#!/bin/sh\necho checked\n"))
    answer = start(dev, "test", "-k", "ledger")
    assert answer.stdout.splitlines()[-1] == f"python: -m pytest {' '.join(dev.PARALLEL)} -k ledger"
    assert "checked" not in answer.stdout


def test_the_debugger_gets_a_process_of_its_own(dev: ModuleType) -> None:
    pretend_installed(dev, "dev", {})
    assert start(dev, "test", "--pdb").stdout.splitlines()[-1] == "python: -m pytest --pdb"


@pytest.mark.parametrize(("failing", "code"), [(None, 0), *((name, 1) for name in CHECKS)])
def test_all_checks_run_and_any_failure_counts(dev: ModuleType, failing: str | None, code: int) -> None:
    programs = {name: f"#!/bin/sh\necho {name} ran\nexit {int(name == failing)}\n" for name in CHECKS}
    pretend_installed(dev, "dev", programs)
    for command in ("check", "test"):
        answer = start(dev, command)
        assert answer.returncode == code
        assert all(f"{name} ran" in answer.stdout for name in CHECKS)
        assert ("python: -m pytest" in answer.stdout) is (command == "test")


def test_what_is_missing_on_the_machine_is_said_aloud(dev: ModuleType) -> None:
    pretend_installed(dev, "dev", {})
    path = dev.ROOT / "dev.py"
    path.write_text(path.read_text().replace('"mbpoll": (', '"no-such-program": ('))
    answer = start(dev, "test", "-k", "x")
    assert "SKIPPED for want of no-such-program" in answer.stdout
    assert "apt-get install mbpoll" in answer.stdout


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["check", "tradelane"]])
def test_a_wrong_command_line_is_refused(dev: ModuleType, arguments: list[str]) -> None:
    answer = start(dev, *arguments)
    assert answer.returncode != 0
    assert "dev.py" in answer.stderr and "Traceback" not in answer.stderr


APT_GET = """#!/bin/sh
case "$*" in *install*) cat "$POLICY" > "$SEEN"; exit $APT_CODE;; esac
"""


@pytest.mark.parametrize("apt_code", [0, 100])
@pytest.mark.parametrize("existing", [None, "#!/bin/sh\n# the machine's own\nexit 0\n"])
def test_services_stay_stopped_and_the_machine_s_policy_stays_its_own(
    dev: ModuleType, tmp_path: Path, existing: str | None, apt_code: int
) -> None:
    policy, seen = tmp_path / "policy-rc.d", tmp_path / "seen"
    if existing:
        policy.write_text(existing)
    written(tmp_path / "bin/apt-get", APT_GET)
    script = dev.APT_SCRIPT.replace("/usr/sbin/policy-rc.d", str(policy))
    surroundings = os.environ | {"POLICY": str(policy), "SEEN": str(seen), "APT_CODE": str(apt_code)}
    surroundings["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    answer = subprocess.run(["sh", "-c", script, "sh", "mosquitto"], env=surroundings)
    assert answer.returncode == apt_code
    if existing:
        assert seen.read_text() == policy.read_text() == existing
    else:
        assert "exit 101" in seen.read_text()
        assert not policy.exists()


def test_ci_runs_what_people_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec python3 dev.py test"
