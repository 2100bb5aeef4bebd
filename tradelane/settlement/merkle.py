"""Merkle trees over SHA-256 as RFC 6962 section 2.1 has them: roots, proofs, and the checks of both. Pure.

Leaves are given by their hashes. Places count from 0. Who holds two roots and a consistency proof knows that
the older tree is the beginning of the younger; the checks follow RFC 9162 sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"
"""What is hashed before a leaf, and before two nodes: neither can be taken for the other."""
EMPTY = hashlib.sha256().digest()
"""The root of a tree without leaves."""


class Outside(ValueError):
    """``field`` has a value that no tree of this size has."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()


class Tree:
    """Of these leaves; each hash inside is made once, when it is first needed."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._made: dict[tuple[int, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._leaves)

    def __getitem__(self, index: int) -> bytes:
        return self._leaves[index]

    def root(self, size: int | None = None) -> bytes:
        """Of the first ``size`` leaves, or all. Outside when there are not so many."""
        size = len(self) if size is None else size
        self._inside("size", size, len(self))
        return self._hash(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The path from a leaf to the root of the first ``size``. Outside when it is not among them."""
        self._inside("size", size, len(self))
        self._inside("index", index, size - 1)
        start, end, path = 0, size, []
        while end - start > 1:
            middle = start + _left(end - start)
            if index < middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, first: int, second: int) -> list[bytes]:
        """That the first ``first`` leaves are the beginning of the first ``second``. Outside."""
        self._inside("second", second, len(self))
        self._inside("first", first, second)
        if first in (0, second):
            return []
        start, end, path = 0, second, []
        while end != first:
            middle = start + _left(end - start)
            if first <= middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        if start:  # else the older root itself, which whoever checks has
            path.append(self._hash(start, end))
        return path[::-1]

    def _hash(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self._leaves[start]
        made = self._made.get((start, end))
        if made is None:
            middle = start + _left(end - start)
            made = node_hash(self._hash(start, middle), self._hash(middle, end))
            self._made[start, end] = made
        return made

    def _inside(self, name: str, value: int, greatest: int) -> None:
        if not 0 <= value <= greatest:
            raise Outside(name, f"must be 0 to {greatest}, not {value}")


def includes(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the leaf stands at ``index`` of the tree with this root."""
    if not 0 <= index < size:
        return False
    here, last, made = index, size - 1, leaf
    for one in path:
        if not last:
            return False
        if here & 1 or here == last:
            made = node_hash(one, made)
            here, last = _up_to_right(here, last)
        else:
            made = node_hash(made, one)
        here, last = here >> 1, last >> 1
    return last == 0 and made == root


def extends(first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the tree of ``second`` leaves begins with that of ``first``."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    if not first:
        return not path and first_root == EMPTY
    whole = first & (first - 1) == 0
    if not path and not whole:
        return False
    start, *rest = (first_root, *path) if whole else path
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    older = younger = start
    for one in rest:
        if not last:
            return False
        if here & 1 or here == last:
            older, younger = node_hash(one, older), node_hash(one, younger)
            here, last = _up_to_right(here, last)
        else:
            younger = node_hash(younger, one)
        here, last = here >> 1, last >> 1
    return last == 0 and older == first_root and younger == second_root


def _left(width: int) -> int:
    """How many of ``width`` leaves stand under the left child: the greatest power of two below it."""
    return 1 << (width - 1).bit_length() - 1


def _up_to_right(here: int, last: int) -> tuple[int, int]:
    """Up past the levels at which the node has no sibling on its left."""
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last
