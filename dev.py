#!/usr/bin/env python3
"""One way in for people and for CI: `python3 dev.py demo` and `python3 dev.py test` on a fresh clone.

Uses the standard library only. The environment in `.venv` is made once from the hash-locked requirements and
stamped; a start that finds the stamp current does no work. The stamp is written last, so an install that was
interrupted is thrown away and made again.
"""

from __future__ import annotations  # a Python that refuses this line is too old: 3.11 or newer is needed

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMP = VENV / "tradelane.stamp"
UNFINISHED = "unfinished"
OLDEST_PYTHON = (3, 11)
OLDEST_PIP = (22, 3)  # the first that knows --python
PARALLEL = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")  # two cores and one that waits
DEBIAN_TOOLS = {
    "mosquitto": ("mosquitto", "tests against a real MQTT broker"),
    "mosquitto_pub": ("mosquitto-clients", "tests with another MQTT client than ours"),
    "mbpoll": ("mbpoll", "tests with another Modbus client than ours"),
    "postgres": ("postgresql", "tests of an e-hub on PostgreSQL"),
    "curl": ("curl", "the worked examples of the pages"),
    "chromium": ("chromium", "tests of the page in a browser"),
}
"""Program → the Debian package that holds it, and what cannot be tested without it."""

APT_SCRIPT = """
set -e
policy=/usr/sbin/policy-rc.d
mark='placed by tradelane dev.py while it installs'
if [ ! -e $policy ] || grep -qs "$mark" $policy; then
    trap 'rm -f $policy' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\\n# %s\\nexit 101\\n' "$mark" > $policy
    chmod 755 $policy
fi
apt-get -qq -o DPkg::Lock::Timeout=120 update
apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"
"""
"""A broker that a package starts would listen on this machine for good: the policy keeps services stopped."""


def fail(reason: str) -> NoReturn:
    """End with one line on stderr and exit code 1."""
    sys.exit("dev.py: " + reason)


def say(line: str) -> None:
    print(line, flush=True)


def fingerprint(lock: str) -> str:
    """What the environment for ``lock`` ("base" or "dev") was made from, as one line of text."""
    digest = hashlib.sha256()
    for name in ("requirements/base.in", f"requirements/{lock}.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return f"{lock} {sys.version_info[0]}.{sys.version_info[1]} {ROOT} {digest.hexdigest()}"


def ensure_environment(lock: str) -> None:
    """Make `.venv` hold the packages of ``lock`` and the project itself; no work when it already does."""
    if is_current(lock):
        return
    with one_at_a_time():
        if is_current(lock):
            return
        if not is_sound():
            make_venv()
        write_stamp(UNFINISHED)
        install(lock)
        write_stamp(fingerprint(lock))


def is_current(lock: str) -> bool:
    """Whether the stamp names this lock, or the developers' lock, which holds all that the demo needs."""
    return (BIN / "python").exists() and read_stamp() in (fingerprint(lock), fingerprint("dev"))


def read_stamp() -> str:
    return STAMP.read_text().strip() if STAMP.exists() else ""


def write_stamp(text: str) -> None:
    draft = STAMP.with_suffix(".draft")
    draft.write_text(text + "\n")
    draft.replace(STAMP)


def is_sound() -> bool:
    """Whether the `.venv` on disk can be installed into: finished, of this Python, and not moved here."""
    settings, stamp = VENV / "pyvenv.cfg", read_stamp()
    if not (BIN / "python").exists() or not settings.exists() or stamp == UNFINISHED:
        return False
    version = rf"^version(_info)? *= *{sys.version_info[0]}\.{sys.version_info[1]}\b"
    same_python = re.search(version, settings.read_text(), re.MULTILINE) is not None
    return same_python and (not stamp or f" {ROOT} " in stamp)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock on this file. Steps inherit it, so that one that outlives a killed dev.py is waited for."""
    with Path(__file__).open("rb") as door:
        os.set_inheritable(door.fileno(), True)
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  waiting for another installation to end …")
            fcntl.flock(door, fcntl.LOCK_EX)
        yield


def make_venv() -> None:
    """A fresh `.venv`; without pip inside when this Python cannot bring one (Debian without python3-venv)."""
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    write_stamp(UNFINISHED)
    command = [sys.executable, "-m", "venv"]
    if importlib.util.find_spec("ensurepip") is None:
        find_pip_outside()
        command.append("--without-pip")
    step("making .venv", [*command, str(VENV)])


def find_pip() -> list[str]:
    """The command that installs into `.venv`: its own pip, or any other."""
    if any(VENV.glob("lib/python*/site-packages/pip/__main__.py")):
        return [str(BIN / "python"), "-m", "pip"]
    return [*find_pip_outside(), "--python", str(BIN / "python")]


def find_pip_outside() -> list[str]:
    """The first pip on this machine that can install into another environment."""
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        if shutil.which(command[0]) is None:
            continue
        answer = subprocess.run([*command, "--version"], capture_output=True, text=True).stdout
        version = re.match(r"pip (\d+)\.(\d+)", answer)
        if version and (int(version[1]), int(version[2])) >= OLDEST_PIP:
            return command
    fail(f"Python {sys.version.split()[0]} has neither ensurepip nor pip; try apt-get install python3-venv")


def install(lock: str) -> None:
    pip = [*find_pip(), "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    locked = f"requirements/{lock}.txt"
    count = len(re.findall(r"^[\w.-]+==", (ROOT / locked).read_text(), re.MULTILINE))
    few = ["--no-compile"] if lock == "dev" else []  # of these, what is used is compiled as it is
    step(f"installing {count} packages from {locked}", [*pip, *few, "--require-hashes", "-r", locked])
    step("installing tradelane", [*pip, "--no-deps", "--no-build-isolation", "--editable", "."])


def step(title: str, command: Sequence[str]) -> None:
    """Run one step of the installation, its output shown only when it fails."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as log:
        streams = {"stdout": log, "stderr": log, "env": quiet_environment()}
        code = run(command, lambda child: wait_showing(title, child), **streams)
        log.seek(0)
        output = log.read().decode(errors="replace").rstrip()
    if code:
        fail(f"{output}\n{title} failed (exit code {code}) after {time.monotonic() - started:.1f} s")
    say(f"  {title}: {time.monotonic() - started:.1f} s")


def quiet_environment() -> dict[str, str]:
    """Ours without what would make pip install elsewhere or see foreign packages as already there."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    return {name: value for name, value in os.environ.items() if name not in foreign}


def wait_showing(title: str, child: subprocess.Popen[bytes]) -> int:
    """Wait for ``child``; on a terminal, with a line that counts the seconds."""
    if not sys.stdout.isatty():
        say(f"  {title} …")
        return child.wait()
    started = time.monotonic()
    while child.poll() is None:
        print(f"\r  {title} … {time.monotonic() - started:.0f} s", end="", flush=True)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=0.5)
    print("\r\x1b[K", end="", flush=True)
    return child.returncode


def ensure_debian_tools() -> None:
    """Install the servers and clients that tests use, or say what will be skipped without them."""
    missing = missing_tools()
    root = root_command() if missing else None
    if root is not None:
        packages = sorted({DEBIAN_TOOLS[tool][0] for tool in missing})
        say(f"  apt-get install {' '.join(packages)} (TRADELANE_NO_APT=1 leaves the machine as it is)")
        script = ["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", APT_SCRIPT, "sh", *packages]
        run([*root, *script])
        missing = missing_tools()
    for tool in missing:
        package, purpose = DEBIAN_TOOLS[tool]
        say(f"  SKIPPED for want of {tool}: {purpose}; to run them: apt-get install {package}")


def missing_tools() -> list[str]:
    """Daemons live in sbin, PostgreSQL's in a folder for each version: not on everyone's PATH."""
    homes = [*Path("/usr/lib/postgresql").glob("*/bin"), "/usr/local/sbin", "/usr/sbin"]
    places = os.pathsep.join(map(str, [os.environ.get("PATH", os.defpath), *homes]))
    return [tool for tool in DEBIAN_TOOLS if shutil.which(tool, path=places) is None]


def root_command() -> list[str] | None:
    """What to put before a command to run it as root without a question; None when there is no way."""
    if os.environ.get("TRADELANE_NO_APT") or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    may = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    return ["sudo", "-n"] if may else None


def demo(arguments: Sequence[str]) -> NoReturn:
    """Start the whole way, from rooftop to payment, on this machine."""
    ensure_environment("base")
    become([str(BIN / "tradelane"), "demo", *arguments])


def test(arguments: Sequence[str]) -> int:
    """Run the checks and every test; with arguments, only pytest with them (try: test -k ledger)."""
    ensure_environment("dev")
    ensure_debian_tools()
    alone = {"--pdb", "--trace"} & set(arguments)
    pytest = [str(BIN / "python"), "-m", "pytest", *(() if alone else PARALLEL), *arguments]
    checked = 0 if arguments else run_checks()
    return run(pytest) or checked


def check(arguments: Sequence[str]) -> int:
    """Run the linter, the formatter's check, the type checker and the import rules."""
    if arguments:
        fail(f"check takes no arguments, got {' '.join(arguments)}")
    ensure_environment("dev")
    return run_checks()


def bench(arguments: Sequence[str]) -> NoReturn:
    """Measure against floors taken in the same run (try: bench --only start)."""
    ensure_environment("dev")
    ensure_debian_tools()
    os.chdir(ROOT)
    become([str(BIN / "python"), "-m", "tests.bench", *arguments])


def run_checks() -> int:
    """All of them, also after one has failed; 1 when any has."""
    failed = []
    for title in ("ruff check", "ruff format --check", "mypy", "lint-imports --no-logo"):
        say(f"== {title}")
        name, *options = title.split()
        if run([str(BIN / name), *options]):
            failed.append(title)
    say(f"checks failed: {', '.join(failed)}" if failed else "checks passed")
    return 1 if failed else 0


def become(command: Sequence[str]) -> NoReturn:
    """Replace this process, so that signals reach the command directly."""
    os.execv(command[0], list(command))


def run(
    command: Sequence[str],
    wait: Callable[[subprocess.Popen[bytes]], int] = subprocess.Popen.wait,
    **options: Any,
) -> int:
    """The command's exit code. A signal to this process reaches it, and then its answer ends us too."""
    child = subprocess.Popen(command, cwd=ROOT, close_fds=False, **options)
    stopped = []

    def hand_on(number: int, _: object) -> None:
        stopped.append(number)
        if not from_terminal(number):
            child.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    code = code if (code := wait(child)) >= 0 else 128 - code
    for number, handler in before.items():
        signal.signal(number, handler)
    if stopped:
        sys.exit(code or 1)
    return code


def from_terminal(number: int) -> bool:
    """Whether the terminal has sent this Ctrl-C to the child too: twice would cut its clean-up short."""
    if number != signal.SIGINT:
        return False
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    each.__name__: each for each in (demo, test, check, bench)
}


def require_python() -> None:
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return
    newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
    way = f"try: {newer[0]} dev.py" if newer else "Debian 12 and later have it: apt-get install python3-venv"
    fail(f"Tradelane needs Python 3.11 or newer, this is {sys.version.split()[0]}; {way}")


def main(argv: Sequence[str]) -> int:
    require_python()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of many processes would compile all of it again
    lines = [f"  {name:6} {command.__doc__}" for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        usage="dev.py demo|test|check|bench [options of the command: dev.py demo --help]",
        description="Makes .venv when needed, then runs:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=list(COMMANDS), help=argparse.SUPPRESS)
    try:
        return COMMANDS[parser.parse_args(argv[:1]).command](argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
