"""A signed hash chain of readings: what was recorded can be neither altered nor left out unnoticed.

Record n: hash = SHA-256(label ‖ n as 8 bytes, big-endian ‖ hash of record n−1 ‖ body); the body is canonical
JSON; the chain begins at GENESIS with record 1. The last record of each batch carries an Ed25519 signature
over its hash, and with it over all before it. Old records may be thinned out: a run of them leaves its first
and last number, the hash before it and its last hash, signed by the same key.

Known limit: a chain that was cut at its tail is itself a whole chain. Only who knows a later head, from a
receipt or from another copy, can tell: pass it as one of ``known``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LABEL = b"tradelane.reading/1\n"
THINNED_LABEL = b"tradelane.thinned/1\n"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: how many records it has, and the hash of the last."""

    seq: int
    hash: bytes


GENESIS = Head(0, bytes(32))


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """One link: ``seq`` counts from 1, ``prev`` is the hash of the record before. ``signature`` is empty
    where that of a later record stands for it."""

    seq: int
    body: bytes
    prev: bytes
    hash: bytes
    signature: bytes

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class Thinned:
    """Records ``first`` to ``last`` are gone; ``prev`` is the hash before them, ``hash`` their last one."""

    first: int
    last: int
    prev: bytes
    hash: bytes
    signature: bytes

    @property
    def seq(self) -> int:
        return self.first

    @property
    def head(self) -> Head:
        return Head(self.last, self.hash)

    @property
    def digest(self) -> bytes:
        """What is signed."""
        numbers = self.first.to_bytes(8, "big") + self.last.to_bytes(8, "big")
        return hashlib.sha256(THINNED_LABEL + numbers + self.prev + self.hash).digest()


Link = SealedRecord | Thinned


class Fault(StrEnum):
    """Why a chain is not whole."""

    ORDER = "not the next in order: a record is missing, repeated or out of place"
    LINK = "not linked to the record before it"
    BODY = "its body or hash was altered"
    SIGNATURE = "its signature is not by this key"
    UNSIGNED = "no signature stands for it"
    METER = "it is no reading of this meter"
    TAIL = "the chain ends before or beside a head that is known"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that does not hold: ``seq`` is the number it should have."""

    seq: int
    fault: Fault

    def __str__(self) -> str:
        return f"record {self.seq}: {self.fault.value}"


def canonical(body: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8; ValueError for NaN and infinities."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def link(seq: int, prev: bytes, body: bytes) -> bytes:
    """The hash of a record."""
    return hashlib.sha256(LABEL + seq.to_bytes(8, "big") + prev + body).digest()


def seal(key: Ed25519PrivateKey, head: Head, bodies: Sequence[bytes]) -> list[SealedRecord]:
    """The records that follow ``head``, under one signature."""
    records: list[SealedRecord] = []
    for body in bodies:
        digest = link(head.seq + 1, head.hash, body)
        records.append(SealedRecord(head.seq + 1, body, head.hash, digest, b""))
        head = records[-1].head
    if records:
        records[-1] = signed(key, records[-1])
    return records


def signed(key: Ed25519PrivateKey, record: SealedRecord) -> SealedRecord:
    """The record with a signature of its own."""
    return record if record.signature else replace(record, signature=key.sign(record.hash))


def verify_chain(
    links: Iterable[Link],
    public_key: Ed25519PublicKey,
    head: Head | None = GENESIS,
    known: Iterable[Head] = (),
) -> Broken | None:
    """The first flaw; None when ``links`` follow ``head`` whole and go at least to each ``known`` head.

    Without a ``head`` the chain may begin anywhere.
    """
    wanted: dict[int, set[bytes]] = {}
    for one in known:
        wanted.setdefault(one.seq, set()).add(one.hash)
    doubtful: int | None = None
    for item in links:
        head = Head(item.seq - 1, item.prev) if head is None else head
        fault = _fault(item, head)
        if fault is not None:
            return Broken(head.seq + 1, fault)
        covered = item.digest if isinstance(item, Thinned) else item.hash
        if item.signature and not signs(public_key, item.signature, covered):
            return Broken(doubtful or item.seq, Fault.SIGNATURE)
        doubtful = None if item.signature else doubtful or item.seq
        head = item.head
        if wanted.pop(head.seq, {head.hash}) != {head.hash}:
            return Broken(head.seq, Fault.TAIL)
    if doubtful is not None:
        return Broken(doubtful, Fault.UNSIGNED)
    end = 0 if head is None else head.seq
    return Broken(end + 1, Fault.TAIL) if any(seq > end for seq in wanted) else None


def _fault(one: Link, head: Head) -> Fault | None:
    if one.seq != head.seq + 1:
        return Fault.ORDER
    if one.prev != head.hash:
        return Fault.LINK
    if isinstance(one, Thinned):
        if one.last < one.first:
            return Fault.ORDER
        return None if one.signature else Fault.UNSIGNED
    return None if link(one.seq, one.prev, one.body) == one.hash else Fault.BODY


def signs(public_key: Ed25519PublicKey, signature: bytes, digest: bytes) -> bool:
    """Whether ``signature`` is this key's over ``digest``."""
    try:
        public_key.verify(signature, digest)
    except InvalidSignature:
        return False
    return True


def thin(key: Ed25519PrivateKey, links: Iterable[Link], kept: Iterable[int]) -> list[Link]:
    """The same chain without the records that are not in ``kept``: each run of them, and of what was thinned
    before, becomes one link. Every record kept is signed."""
    wanted, found = set(kept), list[Link]()
    run: list[Link] = []
    for one in links:
        if isinstance(one, SealedRecord) and one.seq in wanted:
            found += _gone(key, run)
            run = []
            found.append(signed(key, one))
        else:
            run.append(one)
    return found + _gone(key, run)


def _gone(key: Ed25519PrivateKey, run: Sequence[Link]) -> list[Link]:
    if not run:
        return []
    if len(run) == 1 and isinstance(run[0], Thinned):
        return [run[0]]
    bare = Thinned(run[0].seq, run[-1].head.seq, run[0].prev, run[-1].head.hash, b"")
    return [replace(bare, signature=key.sign(bare.digest))]
