"""The audit log as a Merkle tree: the leaves are the entries' own, there is no second store.

Each question hashes the leaves it is about, in time that grows with the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Row, select

from tradelane.market.units import iso
from tradelane.settlement import merkle
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.road.signing import public_text, sign_document
from tradelane.settlement.ehub.server.supervision.tables import audit_entries as t
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_supervision import (
    AuditEntry,
    AuditRoot,
    ConsistencyProof,
    InclusionProof,
)
from tradelane.settlement.problem import Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

T = TypeVar("T")


def root(conn: Connection, key: Ed25519PrivateKey, at: int) -> AuditRoot:
    """Of all there is, signed; ``at`` in ms."""
    tree = _tree(conn, None)
    unsigned = AuditRoot(
        size=len(tree), root=tree.root().hex(), at=iso(at), public_key=public_text(key), signature=""
    )
    return unsigned.model_copy(update={"signature": sign_document(key, unsigned.document())})


def entries(conn: Connection, after: int, limit: int, size: int | None, *, whole: bool) -> Page[AuditEntry]:
    """Of the first ``size``, each with its path; of all without paths when it is None. ``whole``: with what
    they say. Problem 422 when there are not so many."""
    query = select(t).where(t.c.seq > after).order_by(t.c.seq).limit(limit + 1)
    rows = conn.execute(query if size is None else query.where(t.c.seq <= size)).all()
    paths = [None] * limit if size is None else _paths(conn, rows[:limit], size)
    items = [_entry(row, path, whole) for row, path in zip(rows[:limit], paths, strict=False)]
    return Page(items=items, next=str(items[-1].seq) if len(rows) > limit else None)


def inclusion(conn: Connection, index: int, size: int) -> InclusionProof:
    """Problem 422 when the first ``size`` have no such entry."""
    tree = _tree(conn, size)
    path = _inside(lambda: tree.inclusion(index, size))
    return InclusionProof(index=index, size=size, leaf_hash=tree[index].hex(), path=_hex(path))


def consistency(conn: Connection, first: int, second: int) -> ConsistencyProof:
    """Problem 422 when there are not so many entries."""
    path = _inside(lambda: _tree(conn, second).consistency(first, second))
    return ConsistencyProof(first=first, second=second, path=_hex(path))


def _tree(conn: Connection, size: int | None) -> merkle.Tree:
    query = _LEAVES if size is None else _LEAVES.limit(size)
    return merkle.Tree(conn.execute(query).scalars().all())


def _paths(conn: Connection, rows: Sequence[Row[Any]], size: int) -> list[list[str] | None]:
    tree = _tree(conn, size)
    _inside(lambda: tree.root(size))
    return [_hex(tree.inclusion(row.seq - 1, size)) for row in rows]


def _inside(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except merkle.Outside as error:
        raise Problem.field(422, "not-in-the-log", error.field, error.reason) from error


def _entry(row: Row[Any], path: list[str] | None, whole: bool) -> AuditEntry:
    leaf = audit.leaf(row._asdict()) if whole else None
    return AuditEntry(seq=row.seq, leaf_hash=row.leaf_hash.hex(), leaf=leaf, path=path)


def _hex(path: Sequence[bytes]) -> list[str]:
    return [one.hex() for one in path]


_LEAVES = select(t.c.leaf_hash).order_by(t.c.seq)
