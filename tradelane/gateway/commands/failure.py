"""How a command fails: one line for the person, one number for the script."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's exit code; the same for every command."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIG = 3
    UNREACHABLE = 4
    NOT_PROVEN = 5


MEANINGS = {
    ExitCode.OK: "ok",
    ExitCode.FAILURE: "failure",
    ExitCode.USAGE: "usage or malformed input",
    ExitCode.CONFIG: "configuration",
    ExitCode.UNREACHABLE: "device unreachable",
    ExitCode.NOT_PROVEN: "not proven",
}


class CommandFailed(Exception):
    """Ends the command with ``code``; the text is what the person reads."""

    def __init__(self, code: ExitCode, text: str) -> None:
        super().__init__(text)
        self.code = code
