"""Readings on their way to the store: sealed in a chain per meter, committed in batches, then counted.

Always true: a reading counts for an interval only after it is sealed and on disk, so the histories can be
rebuilt from the stored readings after a kill, and energy told to the zone is energy that can be proven.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, insert, select

from tradelane.gateway.tables import readings
from tradelane.market.units import MINUTE
from tradelane.meter.history import MeterHistory
from tradelane.meter.reading import Reading
from tradelane.meter.seal import GENESIS, Head, SealedRecord, canonical, sealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tradelane.gateway.file import RoleFile


LOOK_BACK = 15 * MINUTE
"""Market ms of readings replayed before the last one that is needed: a meter's roles are read one after the
other, and a reading may not be good, so that the last one alone does not show where each counter stood."""


class ReadingLog:
    """``keys`` holds the key that seals each meter's readings."""

    def __init__(self, file: RoleFile, keys: Mapping[str, Ed25519PrivateKey]) -> None:
        self._file = file
        self._keys = keys
        self.heads: dict[str, Head] = dict.fromkeys(keys, GENESIS)
        self.histories = {meter: MeterHistory(meter) for meter in keys}
        self.newest: dict[str, tuple[Reading, int]] = {}
        """Each meter's newest reading, with the wall time (ms) it came."""
        self._waiting: list[tuple[Reading, int]] = []

    def restore(self, conn: Connection, since: Mapping[str, int]) -> None:
        """Take up the chains, and the histories from the instant (ms) each meter's next interval starts."""
        last = select(readings.c.meter, func.max(readings.c.seq).label("seq")).group_by(readings.c.meter)
        tails = last.subquery()
        heads = select(readings.c.meter, readings.c.seq, readings.c.hash).join(
            tails, (readings.c.meter == tails.c.meter) & (readings.c.seq == tails.c.seq)
        )
        for row in conn.execute(heads):
            self.heads[row.meter] = Head(row.seq, row.hash)
        for meter, history in self.histories.items():
            self._replay(conn, history, since.get(meter, 0))

    def _replay(self, conn: Connection, history: MeterHistory, since: int) -> None:
        before = select(func.max(readings.c.at)).where(
            readings.c.meter == history.meter, readings.c.at <= since
        )
        start = (conn.execute(before).scalar() or 0) - LOOK_BACK
        query = select(readings.c.body).where(readings.c.meter == history.meter, readings.c.at >= start)
        for body in conn.execute(query.order_by(readings.c.seq)).scalars():
            history.append(Reading.from_json(json.loads(body)))

    def take(self, reading: Reading, wall: int) -> None:
        """Keep a reading for the next flush; meters that are not ours are dropped."""
        if reading.meter in self._keys:
            self._waiting.append((reading, wall))

    async def flush(self) -> list[Reading]:
        """Seal and store what has come since the last flush; then count it. Returns what was stored."""
        taken, self._waiting = self._waiting, []
        if not taken:
            return []
        heads = dict(self.heads)
        rows = [self._row(reading, heads) for reading, _ in taken]
        await self._file(lambda conn: conn.execute(insert(readings), rows))
        self.heads = heads
        for reading, wall in taken:
            self.histories[reading.meter].append(reading)
            self.newest[reading.meter] = (reading, wall)
        return [reading for reading, _ in taken]

    def _row(self, reading: Reading, heads: dict[str, Head]) -> dict[str, Any]:
        body = canonical(reading.to_json())
        record = sealed(self._keys[reading.meter], heads[reading.meter], body)
        heads[reading.meter] = record.head
        return {
            "meter": reading.meter,
            "seq": record.seq,
            "at": reading.gateway_time,
            "body": record.body,
            "prev": record.prev,
            "hash": record.hash,
            "signature": record.signature,
        }


def records(conn: Connection, meter: str) -> Sequence[SealedRecord]:
    """A meter's whole chain, for proving it."""
    query = select(readings).where(readings.c.meter == meter).order_by(readings.c.seq)
    return [SealedRecord(r.seq, r.body, r.prev, r.hash, r.signature) for r in conn.execute(query)]


def renamed(reading: Reading, meter: str) -> Reading:
    """The same reading under the name the configuration gives its meter."""
    return replace(reading, meter=meter)
