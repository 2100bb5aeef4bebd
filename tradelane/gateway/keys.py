"""Ed25519 keys in files, and signatures over canonical JSON.

A key file is PEM PKCS8, readable by its owner only. It appears whole or not at all, also when the process
is killed while making it.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tradelane.gateway.canonical import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

FORBIDDEN_MODE = 0o077
TOKEN_BYTES = 32


class KeyFileError(Exception):
    """A key or token file that cannot be used; the text names the file."""


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The private key in ``path``, made (with its folders) when there is none. KeyFileError otherwise."""
    return _key(path, _load_or_create(path, _new_key))


def load_or_create_rsa_key(path: Path) -> RSAPrivateKey:
    """The same of RSA with 2048 bits, for payment systems that know no younger kind."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = load_pem_private_key(_load_or_create(path, _new_rsa_key), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise KeyFileError(f"{path}: not an RSA key")
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private key in ``path``; KeyFileError when there is none, or it is not one."""
    return _key(path, _load(path))


def _key(path: Path, pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise KeyFileError(f"{path}: not an unencrypted PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: not an Ed25519 key")
    return key


def load_or_create_token(path: Path) -> str:
    """The secret text in ``path``, made when there is none. KeyFileError when empty or not ASCII."""
    return _token(path, _load_or_create(path, _new_token))


def load_token(path: Path) -> str:
    """The secret text in ``path``; KeyFileError when there is none, or it is not one."""
    return _token(path, _load(path))


def _token(path: Path, data: bytes) -> str:
    text = data.decode("ascii", "replace").strip()
    if not text or not text.isascii() or not text.isprintable():
        raise KeyFileError(f"{path}: not a token")
    return text


def public_key_text(key: Ed25519PrivateKey) -> str:
    """The public half as 43 characters of unpadded base64url."""
    return _text(key.public_key().public_bytes_raw())


def sign(key: Ed25519PrivateKey, body: Mapping[str, Any]) -> str:
    """Signature of the canonical JSON of ``body``, unpadded base64url."""
    return _text(key.sign(canonical(body)))


def verify(public_text: str, body: Mapping[str, Any], signature: str) -> bool:
    """Whether ``signature`` is this key's over ``body``; False for anything malformed."""
    try:
        public = Ed25519PublicKey.from_public_bytes(_bytes(public_text))
        public.verify(_bytes(signature), canonical(body))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _new_key() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _new_rsa_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(65_537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _new_token() -> bytes:
    return secrets.token_urlsafe(TOKEN_BYTES).encode() + b"\n"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_bytes(text: str) -> bytes:
    """The 32 bytes of a public key's text; ValueError when it is not one."""
    return _bytes(text)


def _bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
    if _text(data) != text:
        raise ValueError("not canonical base64url")
    return data


def _load_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, make())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror or error}") from None
    return _load(path)


def _load(path: Path) -> bytes:
    try:
        if path.stat().st_mode & FORBIDDEN_MODE:
            raise KeyFileError(f"{path}: others may read it; run: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror or error}") from None


def _write_once(path: Path, data: bytes) -> None:
    """Write ``path`` whole; when another process was first, its file stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
