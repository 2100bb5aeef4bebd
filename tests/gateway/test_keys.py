"""Key files that exist once and for their owner only; signatures that only fit what was signed."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from tradelane.gateway.canonical import canonical
from tradelane.gateway.keys import (
    KeyFileError,
    load_or_create_key,
    load_or_create_token,
    public_key_text,
    sign,
    verify,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | TEXT
BODIES = st.dictionaries(TEXT, SCALARS | st.lists(SCALARS, max_size=3), max_size=5)
NO_KEY = b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"


def test_a_key_is_made_once_with_its_folders_and_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "rosa.pem"
    first = load_or_create_key(path)
    assert public_key_text(load_or_create_key(path)) == public_key_text(first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert [p.name for p in path.parent.iterdir()] == ["rosa.pem"]


def test_many_starting_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "shared.pem"
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.append(public_key_text(load_or_create_key(path))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8 and len(set(seen)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["shared.pem"]


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rosa.pem"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match=r"rosa\.pem: others may read it"):
        load_or_create_key(path)


@pytest.mark.parametrize("content", [b"", b"not a key", NO_KEY])
def test_a_spoilt_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rosa.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"rosa\.pem: not an unencrypted PEM private key"):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    pem = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        load_or_create_key(path)


def test_a_folder_in_place_of_a_key_is_a_key_file_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(KeyFileError, match=str(tmp_path)):
        load_or_create_key(tmp_path)


def test_a_token_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "hub.token"
    token = load_or_create_token(path)
    assert len(token) == 43 and load_or_create_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", " \n", "naïve", "two\nlines"])
def test_a_spoilt_token_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hub.token"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a token"):
        load_or_create_token(path)


@given(BODIES)
def test_a_signature_fits_its_body_in_any_order_of_keys(body: dict[str, object]) -> None:
    signature = sign(KEY, body)
    public = public_key_text(KEY)
    assert verify(public, body, signature)
    assert verify(public, dict(reversed(list(body.items()))), signature)
    assert verify(public, json.loads(canonical(body)), signature)


@given(BODIES, BODIES)
def test_a_signature_fits_nothing_else(body: dict[str, object], other: dict[str, object]) -> None:
    same = canonical(body) == canonical(other)
    assert verify(public_key_text(KEY), other, sign(KEY, body)) is same


@given(st.text(max_size=90))
def test_malformed_keys_and_signatures_are_just_wrong(text: str) -> None:
    body = {"a": 1}
    assert not verify(text, body, sign(KEY, body))
    assert not verify(public_key_text(KEY), body, text)


def test_each_signature_has_one_spelling() -> None:
    body = {"a": 1}
    signature = sign(KEY, body)
    assert not verify(public_key_text(KEY), body, signature + "=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twisted = signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]
    assert not verify(public_key_text(KEY), body, twisted)


def test_a_body_that_is_not_json_cannot_be_signed_or_verified() -> None:
    with pytest.raises(ValueError, match="JSON"):
        sign(KEY, {"price": float("nan")})
    assert not verify(public_key_text(KEY), {"price": float("nan")}, "A" * 86)


def test_known_answers() -> None:
    """The first key pair of RFC 8032, section 7.1, and one canonical body spelt out."""
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    text = public_key_text(Ed25519PrivateKey.from_private_bytes(secret))
    assert base64.urlsafe_b64decode(text + "=") == public
    assert canonical({"b": "é", "a": [1, None, True]}) == '{"a":[1,null,true],"b":"é"}'.encode()


def test_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_or_create_key(tmp_path / "k.pem")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
