"""``clear`` and ``verify``: case files in, results and proofs out."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from tradelane.gateway.casefile import fills_parts, load_case, load_result, result_parts
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import STDOUT, print_json, print_table, writing
from tradelane.gateway.progress import Told, progress_bar
from tradelane.market.case import CaseError
from tradelane.market.proof import verify
from tradelane.market.result import clear_tables


def clear_command(case: Path, out: str, fills: str | None, as_json: bool) -> None:
    """Clear ``case`` into ``out``; the fills go into the table ``fills`` beside it when given."""
    if fills is not None:
        _check_fills_name(out, fills)
    with progress_bar() as told, without_collector():
        try:
            result = clear_tables(load_case(case, told), lambda step: told(step, None))
        except CaseError as error:
            raise malformed(case, error) from None
        if fills is not None:
            _write(str(Path(out).parent / fills), fills_parts(result["fills"]), told)
            result = {**result, "fills": fills}
        _write(out, result_parts(result), told)
    if out != STDOUT:
        _summary(result, as_json)


def verify_command(case: Path, result: Path, as_json: bool) -> None:
    """Prove ``result``; CommandFailed with NOT_PROVEN after the problems were printed."""
    with progress_bar() as told, without_collector():
        try:
            opened = load_case(case, told)
        except CaseError as error:
            raise malformed(case, error) from None
        try:
            stated = load_result(result, told)
            told("proving", None)
            problems = verify(opened, stated)
        except CaseError as error:
            raise malformed(result, error) from None
    if as_json:
        print_json({"proven": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            typer.echo(problem)
    else:
        typer.echo("proven")
    if problems:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        raise CommandFailed(ExitCode.NOT_PROVEN, f"{result}: not proven: {count}, first {problems[0]}")


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing here lives in circles, and looking for some in millions of texts takes as long as the work."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _write(out: str, parts: Iterable[str], told: Told) -> None:
    told("writing" if out == STDOUT else f"writing {Path(out).name}", None)
    with writing(out) as file:
        for part in parts:
            file.write(part)


def malformed(path: Path, error: CaseError) -> CommandFailed:
    text = str(error)
    return CommandFailed(ExitCode.USAGE, text if text.startswith(str(path)) else f"{path}: {text}")


def _check_fills_name(out: str, fills: str) -> None:
    if out == STDOUT:
        raise CommandFailed(ExitCode.USAGE, "--fills needs --out: the table stands beside the result")
    if Path(fills).name != fills or not fills.endswith(".csv") or fills == Path(out).name:
        raise CommandFailed(ExitCode.USAGE, "--fills: a plain file name ending in .csv, beside the result")


def _summary(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        keys = ["case_digest", "result_digest", "prices", "money", "certificate"]
        keys += [key for key in ("blocks_gap", "paradoxically_rejected") if key in result]
        counts = {"trades": len(result["trades"]), "blocks": len(result["blocks"])}
        print_json({key: result[key] for key in keys} | counts)
        return
    rows = [(p["product"], p["zone"], p["price"], p["low"], p["high"]) for p in result["prices"]]
    print_table(("product", "zone", "price", "low", "high"), rows)
    typer.echo(f"{len(result['trades'])} trades, welfare {result['certificate']['welfare']}")
    if "blocks_gap" in result:
        typer.echo(blocks_line(result))
    typer.echo(result["result_digest"])


def blocks_line(result: Mapping[str, Any]) -> str:
    """How many blocks were accepted, and how far the welfare can be from that of the best choice."""
    accepted, rejected = len(result["blocks"]), len(result["paradoxically_rejected"])
    gap = Decimal(result["blocks_gap"]) + Decimal(result["certificate"]["gap"])
    welfare = Decimal(result["certificate"]["welfare"])
    relative = f", {gap / welfare:.2e} of welfare" if welfare > 0 else ""
    return f"{accepted} blocks accepted, {rejected} paradoxically rejected, gap {gap:f}{relative}"
