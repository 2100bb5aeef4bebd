"""The documents as data: links, code, routes, commands, problem codes.

``python -m tests.docs`` writes the OpenAPI descriptions of the real applications to docs/openapi.
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import typer
from sqlalchemy import Connection

from tests.shared import ROOT
from tradelane.gateway.app import create_app
from tradelane.gateway.cli import app as command_line
from tradelane.gateway.config import load
from tradelane.settlement.ehub.server.fspiop.routes import create_app as fspiop_app

T = TypeVar("T")
OPENAPI = ROOT / "docs/openapi"
EXAMPLE_OF = {"gateway": "zone.toml", "hub": "hub.toml", "edge": "rooftop.toml"}
"""Description → the example configuration whose application it describes."""
METHODS = ("get", "post", "put", "patch", "delete")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"""\]\(([^)\s]+)\)|<img src="([^"]+)""")


def documents() -> list[Path]:
    """Every document for people."""
    return [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]


def code(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for name, body in FENCE.findall(text) if name == language]


def anchors(text: str) -> set[str]:
    """The names GitHub gives a document's headings."""
    titles = re.findall(r"^#+ +(.+)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(path: Path, text: str) -> Iterator[str]:
    """Links of a document that lead to no file or heading of this repository; the web's are not asked."""
    for target in ("".join(groups) for groups in LINK.findall(FENCE.sub("", text))):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            yield f"{path.name}: {target}: no such file"
        elif anchor and anchor not in anchors(text if not name else file.read_text()):
            yield f"{path.name}: {target}: no such heading"


@cache
def description(name: str) -> dict[str, Any]:
    """The OpenAPI description of the application that ``tradelane run`` makes of an example."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "site.toml"
        config.write_text((ROOT / "examples" / EXAMPLE_OF[name]).read_text())
        return dict(create_app(load(config)).openapi())


def description_text(name: str) -> str:
    return json.dumps(description(name), indent=1, ensure_ascii=False) + "\n"


def fspiop_text() -> str:
    """The OpenAPI description of the e-hub's FSPIOP side, which has a root of its own."""

    async def nowhere(work: Callable[[Connection], T]) -> T:
        raise AssertionError("describing writes nothing")

    described = fspiop_app(nowhere, lambda: 0).openapi()
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def routes(openapi: dict[str, Any]) -> set[str]:
    """``POST /api/v1/orders`` …"""
    return {
        f"{method.upper()} {path}"
        for path, operations in openapi["paths"].items()
        for method in METHODS
        if method in operations
    }


def commands() -> dict[str, set[str]]:
    """Every command of the command line with its long options, but for --help."""
    return dict(_commands(typer.main.get_command(command_line), ""))


def _commands(command: Any, prefix: str) -> Iterator[tuple[str, set[str]]]:
    for name, sub in getattr(command, "commands", {}).items():
        if getattr(sub, "commands", None):
            yield from _commands(sub, f"{prefix}{name} ")
        else:
            options = {option for parameter in sub.params for option in parameter.opts}
            yield f"{prefix}{name}", {option for option in options if option.startswith("--")} - {"--help"}


def problem_codes() -> set[str]:
    """Every code a problem may carry, read from the sources: literals, and enums of refusals."""
    found: set[str] = set()
    for path in (ROOT / "tradelane").rglob("*.py"):
        tree = ast.parse(path.read_text())
        found |= set(_literal_codes(tree))
    return found | set(_refusal_codes())


def _literal_codes(tree: ast.Module) -> Iterator[str]:
    """The second argument of ``Problem(status, code, …)`` and ``Problem.field(status, code, …)``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or len(node.args) < 2:
            continue
        called = ast.unparse(node.func).removeprefix("problem.")
        value = node.args[1]
        if called in ("Problem", "Problem.field") and isinstance(value, ast.Constant):
            yield str(value.value)


def _refusal_codes() -> Iterator[str]:
    from tradelane.market.order import Refusal
    from tradelane.settlement import (
        approval,
        certificate,
        epcis,
        freight,
        landed,
        ledger,
        logistics,
        nomination,
    )

    yield from (refusal.name.lower().replace("_", "-") for refusal in Refusal)
    yield from (refusal.code for refusal in ledger.Refusal)
    yield from (why.value[0] for why in landed.Why)
    for room in (approval, certificate, logistics, epcis, freight, nomination):
        yield from (refusal.code for refusal in room.Refusal)


def main() -> None:
    OPENAPI.mkdir(parents=True, exist_ok=True)
    for name in EXAMPLE_OF:
        (OPENAPI / f"{name}.json").write_text(description_text(name))
    (OPENAPI / "fspiop.json").write_text(fspiop_text())


if __name__ == "__main__":
    main()
