"""The seal against tampering: one bit, a record removed, two swapped, the tail cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.servers import NOW
from tradelane.meter.reading import Quality, Reading, Role
from tradelane.meter.seal import GENESIS, Broken, Fault, Seal, SealedRecord, canonical, link, verify_chain

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()


def chain(length: int) -> list[SealedRecord]:
    seal = Seal(KEY)
    return [seal.append(canonical({"n": index})) for index in range(length)]


CHAIN = chain(8)


def flip(value: bytes, bit: int) -> bytes:
    bit %= 8 * len(value)
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_whole_chain_verifies_from_any_head_on() -> None:
    assert verify_chain(CHAIN, PUBLIC, expected_head=CHAIN[-1].head) is None
    assert verify_chain(CHAIN[3:], PUBLIC, head=CHAIN[2].head) is None
    assert verify_chain([], PUBLIC) is None


@given(st.integers(0, 7), st.sampled_from(["body", "prev", "hash", "signature"]), st.integers(0, 10_000))
def test_one_bit_anywhere_is_found_at_its_record(index: int, part: str, bit: int) -> None:
    bad = list(CHAIN)
    changed: dict[str, Any] = {part: flip(getattr(bad[index], part), bit)}
    bad[index] = replace(bad[index], **changed)
    broken = verify_chain(bad, PUBLIC)
    assert broken is not None
    assert broken.seq == index + 1


@given(st.integers(0, 6))
def test_a_removed_record_is_found(index: int) -> None:
    assert verify_chain(CHAIN[:index] + CHAIN[index + 1 :], PUBLIC) == Broken(index + 1, Fault.ORDER)


@given(st.integers(0, 6))
def test_a_removed_record_is_found_even_when_the_rest_is_renumbered(index: int) -> None:
    rest = [replace(record, seq=record.seq - 1) for record in CHAIN[index + 1 :]]
    assert verify_chain(CHAIN[:index] + rest, PUBLIC) == Broken(index + 1, Fault.LINK)


@given(st.integers(0, 7), st.integers(0, 7))
def test_swapped_records_are_found(one: int, other: int) -> None:
    swapped = list(CHAIN)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    broken = verify_chain(swapped, PUBLIC)
    assert broken == (None if one == other else Broken(min(one, other) + 1, Fault.ORDER))


@given(st.integers(0, 7))
def test_a_cut_tail_is_found_only_against_a_known_head(length: int) -> None:
    assert verify_chain(CHAIN[:length], PUBLIC) is None
    assert verify_chain(CHAIN[:length], PUBLIC, expected_head=CHAIN[-1].head) == Broken(
        length + 1, Fault.TAIL
    )


def test_a_record_rewritten_by_another_key_is_found() -> None:
    forged = Seal(Ed25519PrivateKey.from_private_bytes(bytes(32)), CHAIN[2].head).append(b"{}")
    assert verify_chain([*CHAIN[:3], forged], PUBLIC) == Broken(4, Fault.SIGNATURE)


def test_a_rewritten_body_with_its_hash_made_right_is_found() -> None:
    body = canonical({"n": 99})
    rewritten = replace(CHAIN[4], body=body, hash=link(5, CHAIN[4].prev, body))
    assert verify_chain([*CHAIN[:4], rewritten], PUBLIC) == Broken(5, Fault.SIGNATURE)


def test_a_reading_comes_back_from_its_sealed_form() -> None:
    values = {"power_w": -12.5, "import_wh": 3, "export_wh": None}
    reading = Reading("m", "json", Role.GRID, NOW, NOW - 1500, Quality.GOOD, values)
    body = canonical(reading.to_json())
    assert Reading.from_json(json.loads(body)) == reading
    assert canonical(json.loads(body)) == body
    assert Seal(KEY).append(body).prev == GENESIS.hash


def test_what_is_not_a_number_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"power_w": float("nan")})
