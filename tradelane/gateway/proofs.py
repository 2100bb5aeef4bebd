"""A period of a meter's readings as a file that anyone can prove, and the proof.

The file is JSON, one value a line: a heading, then the chain's links in order: a record is its body and,
where it has one, its signature; what was thinned out is its digest. Records' hashes are not written down:
they are worked out. One record before the period and one after it belong to it, where there are any: they
show that nothing at its ends is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, func, select

from tradelane.gateway import chains
from tradelane.gateway.heads import SignedHead
from tradelane.gateway.tables import readings
from tradelane.market.units import instant, iso
from tradelane.meter.seal import (
    GENESIS,
    Broken,
    Fault,
    Link,
    SealedRecord,
    Thinned,
    link,
    signs,
    verify_chain,
)

FORMAT = "tradelane.readings/1"


class BadProof(Exception):
    """A file that is not of this form; the text names the line."""


@dataclass(frozen=True, slots=True)
class Period:
    """Readings from ``since`` until ``until`` (Unix ms); None is the chain's beginning, and its end."""

    since: int | None = None
    until: int | None = None


@dataclass(slots=True)
class Seen:
    """What went by in a proof: records and thinned ones, and the first and last record's number and time."""

    records: int = 0
    thinned: int = 0
    first: tuple[int, int | None] = (0, None)
    last: tuple[int, int | None] = (0, None)
    foreign: int | None = field(default=None)


def links_of(conn: Connection, meter: str, period: Period) -> Iterator[Link]:
    """The part of a chain that tells of ``period``, with the record before and the one after it."""
    r = readings.c
    after, until = 0, None
    if period.since is not None:
        before = select(func.max(r.seq)).where(r.meter == meter, r.at <= period.since)
        after = (conn.execute(before).scalar() or 1) - 1
    if period.until is not None:
        behind = select(func.min(r.seq)).where(r.meter == meter, r.at >= period.until)
        until = conn.execute(behind).scalar()
        if until is not None:  # and on to the signature that stands for it
            signed = select(func.min(r.seq)).where(
                r.meter == meter, r.seq >= until, func.length(r.signature) > 0
            )
            until = conn.execute(signed).scalar()
    yield from chains.links(conn, meter, after, until)


def written(meter: str, period: Period, links: Iterable[Link]) -> Iterator[str]:
    """The lines of a file."""
    times = {
        name: None if at is None else iso(at) for name, at in (("from", period.since), ("to", period.until))
    }
    yield json.dumps({"format": FORMAT, "meter": meter, **times})
    first = True
    for one in links:
        body: dict[str, Any] = {"prev": one.prev.hex()} if first or isinstance(one, Thinned) else {}
        if isinstance(one, Thinned):
            body |= {"first": one.first, "last": one.last, "hash": one.hash.hex()}
        else:
            body |= {"seq": one.seq, "body": one.body.decode()}
        if one.signature:
            body["signature"] = one.signature.hex()
        yield json.dumps(body, ensure_ascii=False)
        first = False


def read(path: Path) -> tuple[str, Period, list[Link]]:
    """Meter, period and links of a file. BadProof when it is not one."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadProof(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    number = 1
    try:
        heading = json.loads(lines[0])
        if heading["format"] != FORMAT:
            raise ValueError(f"format: expected {FORMAT}")
        since, until = (None if heading[name] is None else instant(heading[name]) for name in ("from", "to"))
        links: list[Link] = []
        prev = b""
        for line in lines[1:]:
            number += 1
            links.append(_link(json.loads(line), prev))
            prev = links[-1].head.hash
        return str(heading["meter"]), Period(since, until), links
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise BadProof(f"{path}: line {number}: {type(error).__name__}: {error}") from None


def _link(body: dict[str, Any], prev: bytes) -> Link:
    prev = bytes.fromhex(body["prev"]) if "prev" in body else prev
    signature = bytes.fromhex(body.get("signature", ""))
    if "first" in body:
        return Thinned(int(body["first"]), int(body["last"]), prev, bytes.fromhex(body["hash"]), signature)
    seq, data = int(body["seq"]), str(body["body"]).encode()
    return SealedRecord(seq, data, prev, link(seq, prev, data), signature)


def prove(
    links: Iterable[Link], meter: str, key: Ed25519PublicKey, period: Period, known: Iterable[SignedHead]
) -> tuple[Seen, str | None]:
    """What the links tell, and the first reason why they do not prove ``period``, None when they do."""
    seen, later = Seen(), [one for one in known if one.meter == meter]
    for one in later:
        if not signs(key, one.signature, one.head.hash):
            return seen, f"the head of record {one.head.seq} that is kept elsewhere is not signed by this key"
    start = GENESIS if period.since is None else None
    broken = verify_chain(_watched(links, meter, seen), key, start, [one.head for one in later])
    if broken == Broken(seen.last[0] + 1, Fault.TAIL) and _reaches(seen, period):
        broken = None  # that head lies behind the period
    if seen.foreign is not None and (broken is None or broken.seq >= seen.foreign):
        broken = Broken(seen.foreign, Fault.METER)
    if broken is not None:
        return seen, str(broken)
    return seen, _open_end(seen, period, [one.head.seq for one in later])


def _watched(links: Iterable[Link], meter: str, seen: Seen) -> Iterator[Link]:
    for one in links:
        time = _time(one, meter)
        if isinstance(one, Thinned):
            seen.thinned += one.last - one.first + 1
        else:
            seen.records += 1
            if time is None and seen.foreign is None:
                seen.foreign = one.seq
        if seen.first[0] == 0:
            seen.first = one.seq, time
        seen.last = one.head.seq, time
        yield one


def _time(one: Link, meter: str) -> int | None:
    """When the reading was taken (Unix ms); None when it is thinned, or not a reading of ``meter``."""
    if isinstance(one, Thinned):
        return None
    try:
        body = json.loads(one.body)
        return instant(body["gateway_time"]) if body["meter"] == meter else None
    except (ValueError, TypeError, KeyError):
        return None


def _reaches(seen: Seen, period: Period) -> bool:
    return period.until is not None and seen.last[1] is not None and seen.last[1] >= period.until


def _open_end(seen: Seen, period: Period, known: list[int]) -> str | None:
    first, last = seen.first, seen.last
    if period.since is not None and first[0] > 1 and (first[1] is None or first[1] > period.since):
        return f"record {first[0]}: the period begins before it, and what came before is not here"
    if _reaches(seen, period) or last[0] in known:
        return None
    return f"record {last[0] + 1}: nothing shows that there is none; give a head of the chain kept elsewhere"
