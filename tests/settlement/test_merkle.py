"""Merkle trees against RFC 6962's own words and pymerkle, which shares no code with ours."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # it has no types

from tradelane.settlement.merkle import EMPTY, Outside, Tree, extends, includes, leaf_hash

DATA = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def tree_of(data: list[bytes]) -> Tree:
    return Tree([leaf_hash(one) for one in data])


def twin_of(data: list[bytes]) -> InmemoryTree:
    twin = InmemoryTree(algorithm="sha256")
    for one in data:
        twin.append_entry(one)
    return twin


def test_leaves_and_nodes_are_hashed_with_a_prefix_of_their_own() -> None:
    left, right = sha256(b"\x00a").digest(), sha256(b"\x00b").digest()
    assert tree_of([b"a", b"b"]).root() == sha256(b"\x01" + left + right).digest()
    assert tree_of([]).root() == EMPTY == sha256(b"").digest()


@given(DATA, st.data())
def test_roots_and_paths_are_those_of_pymerkle(data: list[bytes], draw: st.DataObject) -> None:
    tree, twin = tree_of(data), twin_of(data)
    size = draw.draw(st.integers(1, len(data)))
    index = draw.draw(st.integers(0, size - 1))
    assert tree.root(size) == twin.get_root(size)
    assert tree.inclusion(index, size) == twin.prove_inclusion(index + 1, size).path[1:]


@given(DATA, st.data())
def test_what_stands_in_the_tree_is_proven_and_nothing_else(data: list[bytes], draw: st.DataObject) -> None:
    tree = tree_of(data)
    size = draw.draw(st.integers(1, len(data)))
    index = draw.draw(st.integers(0, size - 1))
    root, leaf, path = tree.root(size), leaf_hash(data[index]), tree.inclusion(index, size)
    assert includes(root, size, index, leaf, path)
    assert not includes(root, size, index, leaf_hash(b"other"), path)
    assert not includes(root, size, index, leaf, [*path, leaf])
    assert not includes(root, size, size, leaf, path)
    if path:
        assert not includes(root, size, index, leaf, path[:-1])
        place = draw.draw(st.integers(0, len(path) - 1))
        assert not includes(root, size, index, leaf, changed(path, place))


@given(DATA, st.data())
def test_a_root_only_ever_extends(data: list[bytes], draw: st.DataObject) -> None:
    tree = tree_of(data)
    second = draw.draw(st.integers(0, len(data)))
    first = draw.draw(st.integers(0, second))
    old, new, path = tree.root(first), tree.root(second), tree.consistency(first, second)
    assert extends(first, old, second, new, path)
    assert not extends(first, old, second, new, [*path, old])
    if first < second:
        assert not extends(second, new, first, old, path)
    if path:
        place = draw.draw(st.integers(0, len(path) - 1))
        assert not extends(first, old, second, new, changed(path, place))
        assert not extends(first, old, second, new, path[1:])


@given(DATA, st.data())
def test_a_rewritten_past_cannot_be_proven(data: list[bytes], draw: st.DataObject) -> None:
    """By whatever path: neither the rewriter's own nor that of the tree as it was."""
    first = draw.draw(st.integers(1, len(data)))
    place = draw.draw(st.integers(0, first - 1))
    rewritten = [*data[:place], data[place] + b"!", *data[place + 1 :]]
    old, new = tree_of(data), tree_of(rewritten)
    for path in (old.consistency(first, len(data)), new.consistency(first, len(data))):
        assert not extends(first, old.root(first), len(data), new.root(), path)


def test_what_is_not_there_cannot_be_asked_for() -> None:
    tree = tree_of([b"a", b"b"])
    for ask in (
        lambda: tree.root(3),
        lambda: tree.inclusion(2, 2),
        lambda: tree.inclusion(0, 0),
        lambda: tree.consistency(2, 1),
        lambda: tree.consistency(-1, 2),
    ):
        with pytest.raises(Outside, match="must be 0 to"):
            ask()


def changed(path: list[bytes], place: int) -> list[bytes]:
    return [*path[:place], sha256(path[place]).digest(), *path[place + 1 :]]
