"""A signed hash chain of readings: what was recorded can be neither altered nor left out unnoticed.

Record n: hash = SHA-256(label ‖ n as 8 bytes, big-endian ‖ hash of record n−1 ‖ body), signature = Ed25519
over that hash. The body is canonical JSON. The chain begins at GENESIS with record 1.

Known limit: a chain that was cut at its tail is itself a whole chain. Only who knows a later head, from a
receipt or from another copy, can tell: pass it as ``expected_head``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LABEL = b"tradelane.reading/1\n"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: how many records it has, and the hash of the last."""

    seq: int
    hash: bytes


GENESIS = Head(0, bytes(32))


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """One link: ``seq`` counts from 1, ``prev`` is the hash of the record before."""

    seq: int
    body: bytes
    prev: bytes
    hash: bytes
    signature: bytes

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)


class Fault(StrEnum):
    """Why a chain is not whole."""

    ORDER = "not the next in order: a record is missing, repeated or out of place"
    LINK = "not linked to the record before it"
    BODY = "its body or hash was altered"
    SIGNATURE = "its signature is not by this key"
    TAIL = "the chain ends before or beside the head that is known"


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


def sealed(key: Ed25519PrivateKey, head: Head, body: bytes) -> SealedRecord:
    """The record that follows ``head``."""
    seq = head.seq + 1
    digest = link(seq, head.hash, body)
    return SealedRecord(seq, body, head.hash, digest, key.sign(digest))


class Seal:
    """Appends to one chain. ``head`` moves with each record: store the record before asking for the next,
    and set ``head`` back if storing failed."""

    def __init__(self, key: Ed25519PrivateKey, head: Head = GENESIS) -> None:
        self._key = key
        self.head = head

    def append(self, body: bytes) -> SealedRecord:
        record = sealed(self._key, self.head, body)
        self.head = record.head
        return record


def verify_chain(
    records: Iterable[SealedRecord],
    public_key: Ed25519PublicKey,
    head: Head = GENESIS,
    expected_head: Head | None = None,
) -> Broken | None:
    """The first flaw; None when ``records`` follow ``head`` whole (and end at ``expected_head``)."""
    for record in records:
        fault = _fault(record, head, public_key)
        if fault is not None:
            return Broken(head.seq + 1, fault)
        head = record.head
    if expected_head is not None and head != expected_head:
        return Broken(head.seq + 1, Fault.TAIL)
    return None


def _fault(record: SealedRecord, head: Head, public_key: Ed25519PublicKey) -> Fault | None:
    if record.seq != head.seq + 1:
        return Fault.ORDER
    if record.prev != head.hash:
        return Fault.LINK
    if link(record.seq, record.prev, record.body) != record.hash:
        return Fault.BODY
    try:
        public_key.verify(record.signature, record.hash)
    except InvalidSignature:
        return Fault.SIGNATURE
    return None
