"""``hub hs`` and ``hub landed``: HS codes by a word, and what a good costs at its buyer's door.

``app`` is the group of all that begins with ``hub``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.help import group
from tradelane.gateway.commands.options import AsJson, ConfigFile
from tradelane.gateway.commands.output import print_json, print_table

app = group("An e-hub: HS codes and landed prices by its tables, and proof of its audit log.")


@dataclass(frozen=True, slots=True)
class Parcel:
    """As typed: ``value`` and ``freight`` in ``currency``, the destination's own."""

    hs_code: str
    origin: str
    destination: str
    value: str
    freight: str
    currency: str
    incoterm: str
    on: str
    preference: bool


def hs_command(word: str, lang: str | None, full_list: Path | None, limit: int, as_json: bool) -> None:
    from tradelane.settlement import hs

    if lang not in (None, *hs.LANGUAGES):
        raise CommandFailed(ExitCode.USAGE, f"--lang: {lang!r} is none of {', '.join(hs.LANGUAGES)}")
    try:
        entries = [*hs.goods(), *(hs.official(full_list) if full_list else ())]
    except (OSError, ValueError) as error:
        raise CommandFailed(ExitCode.USAGE, f"{full_list}: {error}") from None
    found = hs.Index(entries).search(word, lang, limit)
    rows = [(one.code, one.name, one.lang) for one in found]
    if as_json:
        print_json([dict(zip(("hs_code", "name", "lang"), row, strict=True)) for row in rows])
    else:
        print_table(("HS code", "good", "language"), rows)


def landed_command(asked: Parcel, as_json: bool) -> None:
    from tradelane.market.units import Money
    from tradelane.settlement.landed import Consignment, Incoterm, Unassessable, landed

    try:
        one = Consignment(
            asked.hs_code.replace(".", ""), asked.origin, asked.destination,
            Money.parse(asked.value, asked.currency), Money.parse(asked.freight, asked.currency),
            Incoterm(asked.incoterm), date.fromisoformat(asked.on), preference=asked.preference,
        )  # fmt: skip
        found = landed(one)
    except ValueError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    except Unassessable as refused:
        raise CommandFailed(ExitCode.FAILURE, str(refused)) from None
    rows = [("price", str(found.price), ""), ("freight", str(found.freight), "")]
    rows += [(line.kind, str(line.amount), line.rule.name) for line in found.lines]
    rows.append(("total", str(found.total), ""))
    if as_json:
        lines = [dict(zip(("line", "amount", "rule"), row, strict=True)) for row in rows]
        print_json({"currency": found.price.currency, "lines": lines})
    else:
        print_table(("line", found.price.currency, "rule"), rows)


@app.command("hs")
def hub_hs(
    word: Annotated[str, typer.Argument(help="A good's name, or the beginning of a code.")],
    lang: Annotated[str | None, typer.Option(help="en, nl, de, no, zh, es. Default: all.")] = None,
    full_list: Annotated[Path | None, typer.Option("--list", help="An official list too, CSV.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """Find a good's HS code by a word."""
    hs_command(word, lang, full_list, limit, as_json)


@app.command("landed")
def hub_landed(
    hs_code: str,
    origin: Annotated[str, typer.Argument(help="Country, ISO 3166: GB")],
    destination: str,
    value: str,
    currency: Annotated[str, typer.Option(help="The destination's.")],
    on: Annotated[str, typer.Option(help="The day, 2026-09-01.")],
    freight: Annotated[str, typer.Option()] = "0",
    incoterm: Annotated[str, typer.Option()] = "FCA",
    preference: Annotated[bool, typer.Option("--preference", help="A proof of origin is held.")] = False,
    as_json: AsJson = False,
) -> None:
    """Price, freight, duty and import tax at the buyer's door."""
    asked = Parcel(hs_code, origin, destination, value, freight, currency, incoterm, on, preference)
    landed_command(asked, as_json)


@app.command("import-hs")
def hub_import_hs(
    full_list: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: hscode, description.")],
    config: ConfigFile,
    as_json: AsJson = False,
) -> None:
    """Load a full official list of HS codes into the e-hub's database."""
    from tradelane.gateway.commands.importing import import_hs_command

    import_hs_command(config, full_list, as_json)
