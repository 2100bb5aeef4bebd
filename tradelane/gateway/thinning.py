"""Old readings make room: of each stretch of time the first and the last of each role stay, which is what its
intervals were closed from; the others leave a signed digest in their place in the chain.

Always true: what is thinned has been counted, and its intervals closed; the chain stays whole and proven; a
kill in between leaves the one or the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import sqlite

from tradelane.gateway import chains
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.tables import meta, meter_states, readings
from tradelane.market.units import MINUTE
from tradelane.meter.seal import thin

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DAY = 24 * 60 * MINUTE
BOUNDARY_DAYS = 400
"""After so many days only the first and last readings of each day stay."""
AT_ONCE = 4_000
"""Readings looked at in one transaction."""


class Thinning:
    """``keys``: what seals each meter's readings. All readings of the last ``keep_days`` stay."""

    def __init__(
        self, file: RoleFile, keys: Mapping[str, Ed25519PrivateKey], units: MarketUnits, keep_days: int
    ) -> None:
        self._file = file
        self._keys = keys
        self._units = units
        self._keep_days = keep_days

    async def step(self, now: int) -> int:
        """Thin out all that is old enough at ``now`` (ms); how many readings went."""
        gone = 0
        if self._units.finest is None:
            return gone
        old, older = self._keep_days * DAY, max(BOUNDARY_DAYS, self._keep_days) * DAY
        levels = ((self._units.finest, old), (DAY, older))
        for meter, key in self._keys.items():
            for grain, age in levels:
                until = (now - age) // grain * grain
                while went := await self._part(meter, key, grain, until):
                    gone += went[0]
        return gone

    async def _part(self, meter: str, key: Ed25519PrivateKey, grain: int, until: int) -> tuple[int] | None:
        return await self._file(lambda conn: thin_part(conn, meter, key, grain, until))


def thin_part(
    conn: Connection, meter: str, key: Ed25519PrivateKey, grain: int, until: int
) -> tuple[int] | None:
    """Thin the oldest stretches of ``grain`` ms before ``until`` that were not looked at yet; how many
    readings went, None when there is nothing left to look at."""
    mark = f"thinned/{grain}/{meter}"
    since = int(conn.execute(select(meta.c.value).where(meta.c.key == mark)).scalar() or 0)
    counted = conn.execute(select(meter_states.c.seq).where(meter_states.c.meter == meter)).scalar() or 0
    r = readings.c
    old = select(r.seq, r.at, r.body).where(r.meter == meter, r.at >= since, r.at < until, r.seq < counted)
    rows = conn.execute(old.order_by(r.seq).limit(AT_ONCE)).all()
    end = until
    if len(rows) == AT_ONCE and rows[0].at // grain < rows[-1].at // grain:
        end = rows[-1].at // grain * grain
        rows = [row for row in rows if row.at < end]
    if not rows:
        return None
    found = list(chains.links(conn, meter, rows[0].seq - 1, rows[-1].seq))
    chains.replace_links(conn, meter, found, thin(key, found, kept(rows, grain)))
    upsert = sqlite.insert(meta).values(key=mark, value=str(end))
    conn.execute(upsert.on_conflict_do_update(index_elements=["key"], set_={"value": str(end)}))
    return (len(rows) - len(kept(rows, grain)),)


def kept(rows: Sequence[Any], grain: int) -> set[int]:
    """Numbers of the first and last reading of each role in each stretch; ``rows`` are in order."""
    ends: dict[tuple[str, int], tuple[int, int]] = {}
    for row in rows:
        place = str(json.loads(row.body)["role"]), row.at // grain
        ends[place] = (ends.get(place, (row.seq,))[0], row.seq)
    return {seq for pair in ends.values() for seq in pair}
