"""Heads of meters' chains, kept where whoever cuts a chain does not cut them too: in a file beside the
database, by the zone, or wherever the owner keeps a copy.

Always true: the file is replaced whole after commits, at each or once a second: it never names a record that
is not on disk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradelane.meter.seal import Head, SealedRecord

FORMAT = "tradelane.heads/1"
NAME = "heads.json"


class BadHeads(Exception):
    """A file of heads that cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with its record's signature."""

    meter: str
    head: Head
    signature: bytes

    @classmethod
    def of(cls, meter: str, record: SealedRecord) -> SignedHead:
        return cls(meter, record.head, record.signature)

    def to_json(self) -> dict[str, Any]:
        return {
            "meter": self.meter,
            "seq": self.head.seq,
            "hash": self.head.hash.hex(),
            "signature": self.signature.hex(),
        }


def beside(database: Path) -> Path:
    """Where an edge keeps the heads of the chains in ``database``."""
    return database.with_name(NAME)


def write(path: Path, heads: Mapping[str, SignedHead]) -> None:
    """Replace the file, durably."""
    write_all(path, [heads[meter] for meter in sorted(heads)])


def write_all(path: Path, heads: Iterable[SignedHead]) -> None:
    """The same of heads in this order, which may be several of a meter."""
    body = {"format": FORMAT, "items": [one.to_json() for one in heads]}
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(body, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read(path: Path) -> list[SignedHead]:
    """The heads in a file, or in a zone's answer that was saved. BadHeads when it is neither."""
    try:
        body = json.loads(path.read_text("utf-8"))
        return [
            SignedHead(
                str(one["meter"]),
                Head(int(one["seq"]), bytes.fromhex(one["hash"])),
                bytes.fromhex(one["signature"]),
            )
            for one in body["items"]
        ]
    except OSError as error:
        raise BadHeads(f"{path}: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise BadHeads(f"{path}: not a file of heads ({type(error).__name__}: {error})") from None
