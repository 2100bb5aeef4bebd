"""Chains that end before, or beside, a head that was kept: readings that were on disk are not there any more.

Whoever cuts a chain's tail, or puts an older database back, leaves a chain that is whole in itself. An edge
finds it at its start, goes on from what there is, and keeps the heads that are missing in a file beside the
database: as long as they stand there the doctor fails, and so does the proof of these readings.

Always true: a head in that file is never overwritten by the edge; only its owner takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog
from sqlalchemy import Connection

from tradelane.gateway import chains, heads
from tradelane.gateway.heads import BadHeads, SignedHead
from tradelane.meter.history import Told

NAME = "heads.lost.json"
WHAT, CUT = "chain", "cut"

log = structlog.get_logger(__name__)


def beside(database: Path) -> Path:
    """Where an edge keeps the heads that are missing in ``database``."""
    return database.with_name(NAME)


def known(database: Path) -> list[SignedHead]:
    """All heads that stand beside ``database``, the missing ones first. Raises BadHeads."""
    files = (beside(database), heads.beside(database))
    return [one for path in files if path.exists() for one in heads.read(path)]


def missing(conn: Connection, kept: Iterable[SignedHead]) -> list[SignedHead]:
    """Those of ``kept`` that their chains do not hold."""
    return [one for one in kept if not chains.holds(conn, one.meter, one.head)]


def found(conn: Connection, database: Path) -> dict[str, SignedHead]:
    """The kept head of each meter whose chain does not hold it; told, and kept as missing, before anything is
    written over it. A file that cannot be read is put aside and stands for a head that is missing."""
    path = heads.beside(database)
    try:
        kept = heads.read(path) if path.exists() else []
    except BadHeads as error:
        aside = beside(database)
        if not aside.exists():
            path.replace(aside)
        log.error("the heads that were kept cannot be read", reason=str(error), kept_as=str(aside))
        return {}
    lost = missing(conn, kept)
    for one in lost:
        end = chains.head(conn, one.meter).seq
        log.error(
            "readings are missing: the chain does not hold the head that was kept",
            meter=one.meter, kept=one.head.seq, found=end, evidence=str(beside(database)),
        )  # fmt: skip
    if lost:
        _keep(beside(database), lost)
    return {one.meter: one for one in lost}


def _keep(path: Path, lost: Sequence[SignedHead]) -> None:
    try:
        before = heads.read(path) if path.exists() else []
    except BadHeads as error:
        log.error("the heads that are missing cannot be read", reason=str(error))
        return
    heads.write_all(path, [*before, *(one for one in lost if one not in before)])


def told(at: int) -> Told:
    """The event of the first reading after a cut, taken at ``at`` (ms)."""
    return Told(WHAT, CUT, at, 0)
