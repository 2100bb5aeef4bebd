"""``doctor``: findings as a table or JSON. A bad one is exit code 1; of a profile, malformed input, 2."""

from __future__ import annotations

from pathlib import Path

import typer

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.gateway.commands.running import configured
from tradelane.gateway.doctor import Finding, examine
from tradelane.gateway.profile_check import examine_profile

WORDS = {True: "ok", False: "BAD", None: "not looked at"}


def doctor_command(config: Path | None, profile: Path | None, as_json: bool) -> None:
    findings = _findings(config, profile)
    bad = [finding for finding in findings if finding.ok is False]
    if as_json:
        rows = [{"check": f.check, "ok": f.ok, "text": f.text} for f in findings]
        print_json({"ok": not bad, "findings": rows}, indent=2)
    elif bad and profile is not None:
        for finding in bad:
            typer.echo(finding.text)
    else:
        print_table(("check", "", "finding"), ((f.check, WORDS[f.ok], f.text) for f in findings))
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        code = ExitCode.FAILURE if profile is None else ExitCode.USAGE
        raise CommandFailed(code, f"{bad[0].check}: {bad[0].text}{more}")


def _findings(config: Path | None, profile: Path | None) -> list[Finding]:
    if profile is not None:
        return examine_profile(profile)
    if config is None:
        raise CommandFailed(ExitCode.USAGE, "give --config FILE, or --profile FILE")
    return examine(configured(config))
