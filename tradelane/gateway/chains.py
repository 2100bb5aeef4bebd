"""Meters' sealed chains as they stand in an edge's file: records, and the digests of those thinned out."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from sqlalchemy import Connection, Row, delete, func, insert, select, union_all, update

from tradelane.gateway.tables import readings, thinned
from tradelane.meter.seal import GENESIS, Head, Link, SealedRecord, Thinned

PAGE = 1_000
ROWS = 500
"""Rows in one statement; SQLite takes 32,766 values."""


def links(conn: Connection, meter: str, after: int = 0, until: int | None = None) -> Iterator[Link]:
    """A meter's chain in order: what is numbered above ``after`` and begins at most at ``until``."""
    kept = select(readings).where(readings.c.meter == meter, readings.c.seq > after)
    gone = select(thinned).where(thinned.c.meter == meter, thinned.c.first > after)
    if until is not None:
        kept, gone = kept.where(readings.c.seq <= until), gone.where(thinned.c.first <= until)
    stream = {"yield_per": PAGE}
    records = conn.execute(kept.order_by(readings.c.seq).execution_options(**stream))
    digests = conn.execute(gone.order_by(thinned.c.first).execution_options(**stream))
    both: tuple[Iterable[Link], Iterable[Link]] = map(_record, records), map(_thinned, digests)
    yield from heapq.merge(*both, key=attrgetter("seq"))


def meters(conn: Connection) -> list[str]:
    """Those that have a chain."""
    both = union_all(select(readings.c.meter), select(thinned.c.meter)).subquery()
    return sorted(conn.execute(select(both.c.meter).distinct()).scalars())


def head(conn: Connection, meter: str) -> Head:
    """Where the meter's chain ends."""
    record = conn.execute(
        select(readings.c.seq, readings.c.hash).where(readings.c.meter == meter)
        .order_by(readings.c.seq.desc()).limit(1)
    ).first()  # fmt: skip
    digest = conn.execute(
        select(thinned.c.last, thinned.c.hash).where(thinned.c.meter == meter)
        .order_by(thinned.c.last.desc()).limit(1)
    ).first()  # fmt: skip
    return max((Head(*row) for row in (record, digest) if row), key=lambda one: one.seq, default=GENESIS)


def holds(conn: Connection, meter: str, head: Head) -> bool:
    """Whether the meter's chain goes through ``head``; where it was thinned out, its number has to do."""
    own = select(readings.c.hash).where(readings.c.meter == meter, readings.c.seq == head.seq)
    record = conn.execute(own).scalar()
    if record is not None:
        return bool(record == head.hash)
    covers = (thinned.c.meter == meter, thinned.c.first <= head.seq, thinned.c.last >= head.seq)
    digest = conn.execute(select(thinned.c.last, thinned.c.hash).where(*covers)).first()
    return digest is not None and (digest.last > head.seq or digest.hash == head.hash)


def newest(conn: Connection, meter: str) -> int | None:
    """When the newest reading that is kept was taken (Unix ms)."""
    return conn.execute(select(func.max(readings.c.at)).where(readings.c.meter == meter)).scalar()


def count(conn: Connection, meter: str) -> int:
    """Readings that are kept."""
    query = select(func.count()).select_from(readings).where(readings.c.meter == meter)
    return int(conn.execute(query).scalar_one())


def row_of(meter: str, at: int, record: SealedRecord) -> dict[str, object]:
    """A record as a row; ``at`` is when its reading was taken (Unix ms)."""
    return {
        "meter": meter,
        "seq": record.seq,
        "at": at,
        "body": record.body,
        "prev": record.prev,
        "hash": record.hash,
        "signature": record.signature,
    }


def add(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Store rows of ``row_of``, many to a statement.

    With a statement a row, SQLite's thread and the one that reads the meters would hand the interpreter to
    each other at every row, and a thousand meters would wait for the store.
    """
    columns = readings.c.keys()
    one = f"({', '.join('?' * len(columns))})"
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        statement = f"INSERT INTO readings ({', '.join(columns)}) VALUES {', '.join([one] * len(part))}"
        conn.exec_driver_sql(statement, tuple(row[column] for row in part for column in columns))


def replace_links(conn: Connection, meter: str, old: list[Link], new: list[Link]) -> None:
    """Put ``new`` where ``old`` stood, in the caller's transaction; records in both keep their time."""
    kept = {one.seq: one for one in new if isinstance(one, SealedRecord)}
    gone = [one.seq for one in old if isinstance(one, SealedRecord) and one.seq not in kept]
    for start in range(0, len(gone), PAGE):
        page = gone[start : start + PAGE]
        conn.execute(delete(readings).where(readings.c.meter == meter, readings.c.seq.in_(page)))
    for one in old:
        if isinstance(one, SealedRecord) and one.seq in kept and one.signature != kept[one.seq].signature:
            row = (readings.c.meter == meter, readings.c.seq == one.seq)
            conn.execute(update(readings).where(*row).values(signature=kept[one.seq].signature))
        elif isinstance(one, Thinned):
            conn.execute(delete(thinned).where(thinned.c.meter == meter, thinned.c.first == one.first))
    rows = [
        {"meter": meter, "first": one.first, "last": one.last, "prev": one.prev, "hash": one.hash,
         "signature": one.signature}
        for one in new if isinstance(one, Thinned)
    ]  # fmt: skip
    if rows:
        conn.execute(insert(thinned), rows)


def _record(row: Row[tuple[object, ...]]) -> SealedRecord:
    return SealedRecord(row.seq, *map(_bytes, (row.body, row.prev, row.hash, row.signature)))


def _thinned(row: Row[tuple[object, ...]]) -> Thinned:
    return Thinned(row.first, row.last, *map(_bytes, (row.prev, row.hash, row.signature)))


def _bytes(value: object) -> bytes:
    """SQLite lets a tampered column be of any type; what is not bytes fits no hash."""
    return value if isinstance(value, bytes) else b"?"
