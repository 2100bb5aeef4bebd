"""FSPIOP-Signature: a JWS over the body, whose protected header repeats who asks whom for what.

Always true: a signature counts only for the method, the path, the source and the destination it was made
for, with a key and an algorithm that belong together; ``none`` and shared secrets are no algorithms here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradelane.settlement.ehub.server.fspiop import headers
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_FAMILY = re.compile(r"(RS|PS|ES)(256|384|512)", re.ASCII)
LEAST_RSA_BITS = 2048
MUST = {"FSPIOP-URI": headers.URI, "FSPIOP-HTTP-Method": headers.METHOD, "FSPIOP-Source": headers.SOURCE}
MAY = {"FSPIOP-Destination": headers.DESTINATION, "Date": "date"}


def check(keys: str, head: Mapping[str, str], method: str, path: str, body: bytes) -> None:
    """Refused 3105 unless one of the PEM ``keys`` made the signature in ``head`` for just this request."""
    try:
        outer = json.loads(head.get(headers.SIGNATURE, ""))
        coded, signature = outer["protectedHeader"], _bytes(outer["signature"])
        protected = json.loads(_bytes(coded))
        algorithm = protected["alg"]
        for name in MUST:
            if not isinstance(protected[name], str):
                raise TypeError(name)
        found = _FAMILY.fullmatch(algorithm)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(Fault.SIGNATURE, "FSPIOP-Signature: not as the specification has it") from None
    if found is None:
        raise Refused(Fault.SIGNATURE, "FSPIOP-Signature: alg")
    _judge_claims(protected, head, method, path)
    signed = f"{coded}.{_text(body)}".encode()
    if not any(_verifies(pem, algorithm, signature, signed) for pem in _PEM.findall(keys)):
        raise Refused(Fault.SIGNATURE, "the signature is not of this body and key")


def usable(keys: str) -> bool:
    """Whether these are PEM public keys, one at least, each of a kind that signatures are checked with."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    found = _PEM.findall(keys)
    try:
        made = [serialization.load_pem_public_key(pem.encode()) for pem in found]
    except (ValueError, UnsupportedAlgorithm):
        return False
    return bool(made) and all(
        (isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES.values())
        for key in made
    )


def _judge_claims(protected: Mapping[str, Any], head: Mapping[str, str], method: str, path: str) -> None:
    said = {**head, headers.URI: path, headers.METHOD: method}
    for name, field in (MUST | MAY).items():
        claimed = protected.get(name)
        if claimed is not None and claimed != said.get(field):
            raise Refused(Fault.SIGNATURE, f"{name} is not what was signed")
    if head.get(headers.DESTINATION) and "FSPIOP-Destination" not in protected:
        raise Refused(Fault.SIGNATURE, "FSPIOP-Destination is not signed")
    for field in (headers.URI, headers.METHOD):
        if head.get(field, said[field]) != said[field]:
            raise Refused(Fault.SIGNATURE, f"{field} is not that of the request")


def _verifies(pem: str, algorithm: str, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    sha = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]
    try:
        key = serialization.load_pem_public_key(pem.encode())
        if isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS and algorithm[0] != "E":
            pss = padding.PSS(padding.MGF1(sha), padding.PSS.DIGEST_LENGTH)
            key.verify(signature, signed, pss if algorithm[0] == "P" else padding.PKCS1v15(), sha)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == _CURVES.get(algorithm):
            size = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * size:
                return False
            r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
            key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(sha))
            return True
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return False


def signed(
    key: RSAPrivateKey, head: Mapping[str, str], method: str, path: str, body: bytes
) -> dict[str, str]:
    """``head`` with FSPIOP-URI, FSPIOP-HTTP-Method and an RS256 signature of all of it."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    full = {**head, headers.URI: path, headers.METHOD: method}
    protected = {name: full[field] for name, field in (MUST | MAY).items() if field in full}
    coded = _text(json.dumps({"alg": "RS256", **protected}).encode())
    made = key.sign(f"{coded}.{_text(body)}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return full | {headers.SIGNATURE: json.dumps({"signature": _text(made), "protectedHeader": coded})}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
