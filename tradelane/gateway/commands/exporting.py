"""``export``: rows as CSV with a header line, or as a JSON list with one row a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from sqlalchemy.exc import SQLAlchemyError

from tradelane.gateway import chains, exports, proofs
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import writing
from tradelane.gateway.commands.proving import one_meter, period_of
from tradelane.gateway.commands.running import configured
from tradelane.gateway.config import Config
from tradelane.gateway.doctor import Examination, NotThere
from tradelane.gateway.roles import one_line

KINDS: dict[str, tuple[str, exports.Rows, Sequence[str]]] = {
    "trades": ("zone", exports.trades, exports.TRADE_COLUMNS),
    "prices": ("zone", exports.clearing_prices, exports.PRICE_COLUMNS),
    "readings": ("edge", exports.meter_readings, exports.READING_COLUMNS),
    "intervals": ("edge", exports.metered_intervals, exports.INTERVAL_COLUMNS),
    "events": ("edge", exports.counter_events, exports.EVENT_COLUMNS),
    "journal": ("zone", exports.journal, exports.JOURNAL_COLUMNS),
}
"""What → the role whose file holds it, how its rows are read, and their columns."""


def export_command(path: Path, what: str, form: str, out: str) -> None:
    config = configured(path)
    role, rows, columns = KINDS[what]
    file = _file_of(config, role, path)
    try:
        with Examination(config).reading(file) as conn, writing(out) as text:
            write = _csv if form == "csv" else _json
            write(text, rows(conn, config), columns)
    except NotThere as absent:
        raise CommandFailed(ExitCode.FAILURE, str(absent)) from None
    except (SQLAlchemyError, ValueError) as error:
        raise CommandFailed(ExitCode.FAILURE, f"{file}: {one_line(error)}") from None


def export_proof(path: Path, out: str, meter: str | None, since: str | None, until: str | None) -> None:
    """A period of one meter's sealed readings, for ``verify readings``."""
    config = configured(path)
    file, period = _file_of(config, "edge", path), period_of(since, until)
    try:
        with Examination(config).reading(file) as conn, writing(out) as text:
            named = one_meter(file, meter, chains.meters(conn))
            for line in proofs.written(named, period, proofs.links_of(conn, named, period)):
                text.write(line + "\n")
    except NotThere as absent:
        raise CommandFailed(ExitCode.FAILURE, str(absent)) from None
    except (SQLAlchemyError, ValueError) as error:
        raise CommandFailed(ExitCode.FAILURE, f"{file}: {one_line(error)}") from None


def _file_of(config: Config, role: str, path: Path) -> Path:
    if getattr(config, role) is None:
        raise CommandFailed(
            ExitCode.CONFIG, f"{path}: {role}: missing: what is asked for is kept by this role"
        )
    return config.zone_db if role == "zone" else config.edge_db


def _csv(text: TextIO, rows: Iterable[exports.Row], columns: Sequence[str]) -> None:
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


def _json(text: TextIO, rows: Iterable[exports.Row], _columns: Sequence[str]) -> None:
    text.write("[")
    for number, row in enumerate(rows):
        text.write(("," if number else "") + "\n" + json.dumps(row, ensure_ascii=False))
    text.write("\n]\n")
