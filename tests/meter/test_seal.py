"""The seal against tampering: one bit, a record removed, two swapped, the tail cut; the same once thinned."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.servers import NOW
from tradelane.meter.reading import Quality, Reading, Role
from tradelane.meter.seal import (
    GENESIS,
    Broken,
    Fault,
    Head,
    Link,
    SealedRecord,
    Thinned,
    canonical,
    link,
    seal,
    signed,
    signs,
    thin,
    verify_chain,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def chain(*batches: int) -> list[SealedRecord]:
    records: list[SealedRecord] = []
    for size in batches:
        head = records[-1].head if records else GENESIS
        records += seal(KEY, head, [canonical({"n": head.seq + k}) for k in range(size)])
    return records


CHAIN = chain(1, 3, 2, 1, 1)
END = CHAIN[-1].head
THIN = thin(KEY, CHAIN, {1, 4, 8})
CHAINS: list[list[Link]] = [list(CHAIN), THIN]
whole = st.sampled_from(CHAINS)


def flip(value: bytes | int, bit: int) -> bytes | int:
    if isinstance(value, int):
        return value ^ 1 << bit % 40
    bit %= 8 * len(value)
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_one_signature_stands_for_a_batch() -> None:
    assert [bool(record.signature) for record in CHAIN] == [True, False, False, True, False, True, True, True]
    assert seal(KEY, END, []) == []


@given(whole)
def test_a_whole_chain_verifies_from_any_head_on(links: list[Link]) -> None:
    assert verify_chain(links, PUBLIC, known=[END, CHAIN[0].head, CHAIN[3].head]) is None
    assert verify_chain(links[2:], PUBLIC, head=links[1].head) is None
    assert verify_chain(links[2:], PUBLIC, head=None) is None
    assert verify_chain([], PUBLIC) is None
    assert verify_chain([], PUBLIC, head=None, known=[END]) == Broken(1, Fault.TAIL)


@given(whole, st.data(), st.integers(0, 10_000))
def test_one_bit_anywhere_is_found(links: list[Link], data: st.DataObject, bit: int) -> None:
    """At its record, or at the first of those that its signature stands for."""
    index = data.draw(st.integers(0, len(links) - 1))
    names = [field.name for field in fields(links[index]) if getattr(links[index], field.name) != b""]
    part = data.draw(st.sampled_from(names))
    bad = list(links)
    changed: dict[str, Any] = {part: flip(getattr(bad[index], part), bit)}
    bad[index] = replace(bad[index], **changed)
    broken = verify_chain(bad, PUBLIC, known=[END])
    assert broken is not None
    batch = {seq: first for first, seqs in ((2, (2, 3, 4)), (5, (5, 6))) for seq in seqs}
    seq = links[index].seq
    assert broken.seq in (seq, seq + 1, batch.get(seq, seq)), broken


@given(whole, st.data())
def test_a_removed_record_is_found(links: list[Link], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(links) - 2))
    broken = verify_chain(links[:index] + links[index + 1 :], PUBLIC, known=[END])
    assert broken == Broken(links[index].seq, Fault.ORDER)


@given(st.integers(0, 6))
def test_a_removed_record_is_found_even_when_the_rest_is_renumbered(index: int) -> None:
    rest = [replace(record, seq=record.seq - 1) for record in CHAIN[index + 1 :]]
    assert verify_chain(CHAIN[:index] + rest, PUBLIC) == Broken(index + 1, Fault.LINK)


@given(whole, st.data())
def test_swapped_records_are_found(links: list[Link], data: st.DataObject) -> None:
    places = st.integers(0, len(links) - 1)
    one, other = data.draw(places), data.draw(places)
    swapped = list(links)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    broken = verify_chain(swapped, PUBLIC)
    assert broken == (None if one == other else Broken(links[min(one, other)].seq, Fault.ORDER))


@given(whole, st.data())
def test_a_cut_tail_is_found_by_any_later_head_that_is_known(links: list[Link], data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(links) - 1))
    cut = links[:length]
    end = cut[-1].head.seq if cut else 0
    known = data.draw(st.sampled_from([record.head for record in CHAIN[end:]]))
    broken = verify_chain(cut, PUBLIC, known=[known])
    assert broken is not None
    assert broken.fault in (Fault.TAIL, Fault.UNSIGNED)


def test_a_chain_cut_within_a_batch_needs_no_known_head() -> None:
    assert verify_chain(CHAIN[:3], PUBLIC) == Broken(2, Fault.UNSIGNED)
    assert verify_chain(CHAIN[:4], PUBLIC) is None, "at its end it does"


def test_a_chain_beside_the_known_head_is_found() -> None:
    assert verify_chain(CHAIN, PUBLIC, known=[Head(3, bytes(32))]) == Broken(3, Fault.TAIL)


def test_a_record_rewritten_by_another_key_is_found() -> None:
    (forged,) = seal(OTHER, CHAIN[3].head, [b"{}"])
    assert verify_chain([*CHAIN[:4], forged], PUBLIC) == Broken(5, Fault.SIGNATURE)


def test_a_batch_rewritten_with_all_its_hashes_made_right_is_found() -> None:
    rewritten = seal(OTHER, CHAIN[0].head, [canonical({"n": 99}), *(record.body for record in CHAIN[2:4])])
    assert verify_chain([CHAIN[0], *rewritten], PUBLIC) == Broken(2, Fault.SIGNATURE)
    assert verify_chain([CHAIN[0], *(replace(one, signature=b"") for one in rewritten)], PUBLIC) == Broken(
        2, Fault.UNSIGNED
    )


def test_only_the_key_can_thin() -> None:
    forged = thin(OTHER, CHAIN, {1, 4, 8})
    assert verify_chain(forged, PUBLIC) == Broken(2, Fault.SIGNATURE)
    bare = [replace(one, signature=b"") if isinstance(one, Thinned) else one for one in THIN]
    assert verify_chain(bare, PUBLIC) == Broken(2, Fault.UNSIGNED)
    backwards = Thinned(2, 1, CHAIN[0].hash, CHAIN[0].hash, b"")
    turned = replace(backwards, signature=KEY.sign(backwards.digest))
    assert verify_chain([CHAIN[0], turned], PUBLIC) == Broken(2, Fault.ORDER)


@given(st.sets(st.integers(1, 8)), st.sets(st.integers(1, 8)), st.integers(0, 8))
def test_thinning_again_and_in_parts_is_thinning_once(first: set[int], more: set[int], at: int) -> None:
    once = thin(KEY, CHAIN, first & more)
    assert thin(KEY, thin(KEY, CHAIN, first), more) == once
    assert thin(KEY, [*thin(KEY, CHAIN[:at], first), *CHAIN[at:]], first & more) == once
    assert [one.seq for one in once if isinstance(one, SealedRecord)] == sorted(first & more)
    assert verify_chain(once, PUBLIC, known=[END]) is None


def test_a_signature_is_given_once() -> None:
    assert signed(KEY, CHAIN[0]) is CHAIN[0]
    assert signs(PUBLIC, signed(KEY, CHAIN[1]).signature, CHAIN[1].hash)
    assert not signs(PUBLIC, b"short", CHAIN[1].hash)


def test_a_rewritten_body_with_its_hash_made_right_is_found() -> None:
    body = canonical({"n": 99})
    rewritten = replace(CHAIN[6], body=body, hash=link(7, CHAIN[6].prev, body))
    assert verify_chain([*CHAIN[:6], rewritten], PUBLIC) == Broken(7, Fault.SIGNATURE)


def test_a_reading_comes_back_from_its_sealed_form() -> None:
    values = {"power_w": -12.5, "import_wh": 3, "export_wh": None}
    for ages in ({}, {"import_wh": 4_500}):
        reading = Reading("m", "json", Role.GRID, NOW, NOW - 1500, Quality.GOOD, values, ages)
        body = canonical(reading.to_json())
        assert Reading.from_json(json.loads(body)) == reading
        assert canonical(json.loads(body)) == body
        assert reading.offset == 1500
        assert reading.time_of("import_wh") == NOW - ages.get("import_wh", 0)


def test_what_is_not_a_number_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"power_w": float("nan")})
