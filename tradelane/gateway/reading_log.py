"""Readings on their way to the store: sealed in a chain per meter, committed in batches, then counted.

Always true: a reading counts for an interval only after it is sealed and on disk, so the histories can be
rebuilt from the stored ones after a kill, and energy told to the zone is energy that can be proven. A history
is kept with the intervals it has closed; a restart takes it up there and counts the readings that followed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import sqlite

from tradelane.gateway import chains, cut_chains, heads
from tradelane.gateway.heads import SignedHead
from tradelane.gateway.tables import meter_events, meter_states
from tradelane.meter.counter import Rules
from tradelane.meter.history import MeterHistory, Told
from tradelane.meter.reading import Reading
from tradelane.meter.seal import GENESIS, Head, SealedRecord, canonical, seal
from tradelane.meter.snapshot import restored, saved

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tradelane.gateway.file import RoleFile

Work = Callable[[Connection], Any]
PLAIN = Rules()
AT_ONCE = 100
"""Meters sealed before others, who read meters, get a turn."""


class ReadingLog:
    """``keys``: what seals each meter's readings. ``rules``: what is plausible of its counters, by name;
    under "" for all others."""

    def __init__(
        self,
        file: RoleFile,
        keys: Mapping[str, Ed25519PrivateKey],
        rules: Mapping[str, Mapping[str, Rules]] | None = None,
    ) -> None:
        self._file = file
        self._keys = keys
        self._rules = rules or {}
        self.heads: dict[str, Head] = dict.fromkeys(keys, GENESIS)
        self.signed: dict[str, SignedHead] = {}
        """Each meter's newest head, for whoever keeps it elsewhere."""
        self.histories = {meter: self._history(meter, None) for meter in keys}
        self.newest: dict[str, tuple[Reading, int]] = {}
        """Each meter's newest reading, with the wall time (ms) it came."""
        self._cut: dict[str, SignedHead] = {}
        """Heads that were kept and are missing, of meters that no reading has come of since."""
        self._waiting: list[tuple[Reading, int]] = []
        self._events: list[dict[str, Any]] = []

    def _history(self, meter: str, body: dict[str, Any] | None) -> MeterHistory:
        rules = self._rules.get(meter, {})
        rule = rules.get("", PLAIN)
        return MeterHistory(meter, rule, rules) if body is None else restored(meter, body, rule, rules)

    def restore(self, conn: Connection) -> None:
        """Take up the chains and the histories where the last commit left them; a chain that does not hold
        the head that was kept is told of, and goes on from where it ends."""
        self._cut = cut_chains.found(conn, self._file.path)
        kept = {row.meter: row for row in conn.execute(select(meter_states))}
        for meter in self._keys:
            self.heads[meter] = chains.head(conn, meter)
            row = kept.get(meter)
            self.histories[meter] = self._history(meter, None if row is None else json.loads(row.body))
            for record in chains.links(conn, meter, 0 if row is None else row.seq):
                if isinstance(record, SealedRecord):
                    self._count(Reading.from_json(json.loads(record.body)), record.seq)
            self._sign_head(conn, meter)
        if self.signed:
            self._keep_heads()

    def _keep_heads(self) -> None:
        """A missing head stays until the event that tells of it is on disk."""
        heads.write(heads.beside(self._file.path), {**self.signed, **self._cut})

    def _sign_head(self, conn: Connection, meter: str) -> None:
        for record in chains.links(conn, meter, self.heads[meter].seq - 1):
            if isinstance(record, SealedRecord):
                self.signed[meter] = SignedHead.of(meter, record)

    def take(self, reading: Reading, wall: int) -> None:
        """Keep a reading for the next flush; meters that are not ours are dropped."""
        if reading.meter in self._keys:
            self._waiting.append((reading, wall))

    async def flush(self, also: Sequence[Work] = (), *, keep_heads: bool = True) -> list[Reading]:
        """Seal and store what has come since the last flush, with ``also`` in the same commit; then count it.
        Returns the readings that were stored. Without ``keep_heads`` the file of heads stays as it is: who
        commits many times a second need not write it each time."""
        taken, self._waiting = self._waiting, []
        events, self._events = self._events, []
        if not (taken or events or also):
            return []
        batches = await self._sealed([reading for reading, _ in taken])
        for meter in self._cut.keys() & batches.keys():
            reading, record = batches[meter][0]
            events.append(_event(meter, record.seq, cut_chains.told(reading.gateway_time)))

        def store(conn: Connection) -> None:
            rows = [row for batch in batches.values() for row in batch]
            if rows:
                chains.add(conn, [chains.row_of(r.meter, r.gateway_time, s) for r, s in rows])
            add_events(conn, events)
            for work in also:
                work(conn)

        await self._file(store)
        for meter, batch in batches.items():
            self._cut.pop(meter, None)
            self.heads[meter] = batch[-1][1].head
            self.signed[meter] = SignedHead.of(meter, batch[-1][1])
        if batches and keep_heads:
            await asyncio.to_thread(self._keep_heads)
        seqs = {id(reading): record.seq for batch in batches.values() for reading, record in batch}
        for reading, wall in taken:
            self._count(reading, seqs[id(reading)])
            self.newest[reading.meter] = (reading, wall)
        return [reading for reading, _ in taken]

    async def _sealed(self, taken: Sequence[Reading]) -> dict[str, list[tuple[Reading, SealedRecord]]]:
        by_meter: dict[str, list[Reading]] = {}
        for reading in taken:
            by_meter.setdefault(reading.meter, []).append(reading)
        batches: dict[str, list[tuple[Reading, SealedRecord]]] = {}
        for meter, batch in by_meter.items():
            if len(batches) % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            records = seal(self._keys[meter], self.heads[meter], _bodies(batch))
            batches[meter] = list(zip(batch, records, strict=True))
        return batches

    def _count(self, reading: Reading, seq: int) -> None:
        told = self.histories[reading.meter].append(reading)
        self._events += [_event(reading.meter, seq, one) for one in told]

    def tell(self, meter: str, told: Told) -> None:
        """An event that no reading brought: it stands beside the newest one."""
        self._events.append(_event(meter, self.heads[meter].seq, told))

    def state(self, meter: str) -> Work:
        """Work that stores the meter's history as it is now, and what it has told. After it is committed, a
        restart begins here."""
        body = json.dumps(saved(self.histories[meter]), separators=(",", ":"))
        values = {"meter": meter, "seq": self.heads[meter].seq, "body": body}
        events = [event for event in self._events if event["meter"] == meter]

        def store(conn: Connection) -> None:
            add_events(conn, events)
            upsert = sqlite.insert(meter_states).values(values)
            conn.execute(upsert.on_conflict_do_update(index_elements=["meter"], set_=values))

        return store


def add_events(conn: Connection, events: Sequence[dict[str, Any]]) -> None:
    """Once each: what was told before a kill is told again after it."""
    if events:
        conn.execute(sqlite.insert(meter_events).on_conflict_do_nothing(), list(events))


def _bodies(batch: Sequence[Reading]) -> list[bytes]:
    return [canonical(reading.to_json()) for reading in batch]


def _event(meter: str, seq: int, told: Told) -> dict[str, Any]:
    return {"meter": meter, "seq": seq, "what": told.what, "seen": told.seen, "at": told.time, "wh": told.wh}
