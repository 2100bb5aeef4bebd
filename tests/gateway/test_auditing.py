"""``tradelane hub verify-audit`` against hubs that lie; tests/settlement/test_hub_audit.py has real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradelane.gateway import keys
from tradelane.gateway.cli import run
from tradelane.gateway.commands.auditing import verified
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.settlement.ehub.asking import Backoff
from tradelane.settlement.ehub.client_audit import AuditClient
from tradelane.settlement.ehub.wire_supervision import AuditRoot
from tradelane.settlement.merkle import leaf_hash

KEY = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
ENTRY = {"seq": 1, "leaf_hash": leaf_hash(b"{}").hex(), "leaf": None, "path": []}
AWAY = "http://127.0.0.1:9"


def signed(size: int = 1, root: str = str(ENTRY["leaf_hash"])) -> dict[str, Any]:
    made = AuditRoot(size=size, root=root, at="2026-06-21T00:00Z", public_key="A" * 43, signature="")
    return made.model_dump() | {
        "public_key": keys.public_key_text(KEY),
        "signature": keys.sign(KEY, made.document()),
    }


def proven(root: dict[str, Any], entries: list[dict[str, Any]], key: str | None = None) -> int:
    """The size of the log that a hub with these answers proves."""
    told = {"/api/v1/audit/root": root, "/api/v1/audit/entries": {"items": entries, "next": None}}
    transport = httpx2.MockTransport(lambda asked: httpx2.Response(200, json=told[asked.url.path]))
    return verified("hub", AuditClient("http://hub", transport=transport), None, key).root.size


def test_what_fits_is_proven() -> None:
    assert proven(signed(), [ENTRY], keys.public_key_text(KEY)) == 1


@pytest.mark.parametrize(
    ("root", "entries", "reason"),
    [
        (signed() | {"size": 2}, [ENTRY], "the root's signature does not fit"),
        (signed() | {"signature": "x"}, [ENTRY], "the root's signature does not fit"),
        (signed(), [], "entry 1 of 1 is not shown"),
        (signed(), [ENTRY | {"seq": 2}], "entry 1 is missing, 2 stands there"),
        (signed(), [ENTRY | {"leaf_hash": leaf_hash(b"[]").hex()}], "entry 1 is not in the root"),
        (signed(2), [ENTRY], "entry 1 is not in the root"),
        (signed(), [ENTRY | {"leaf": "[]"}], "entry 1 says something else than what was hashed"),
        (signed(), [ENTRY, ENTRY | {"seq": 2}], "entry 2 is not in the root"),
    ],
)
def test_a_lie_is_named(root: dict[str, Any], entries: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(CommandFailed, match=f"hub: not proven: {reason}") as failed:
        proven(root, entries)
    assert failed.value.code == ExitCode.NOT_PROVEN


def test_another_s_key_proves_nothing() -> None:
    with pytest.raises(CommandFailed, match="not by BBBB"):
        proven(signed(), [ENTRY], "B" * 43)


def test_wrong_files_and_a_hub_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kept.json"
    file.write_text("{}")
    assert run(["hub", "verify-audit", AWAY, "--root", str(file)]) == ExitCode.USAGE
    assert "kept.json: not a root that verify-audit has kept" in capsys.readouterr().err
    assert run(["hub", "verify-audit", AWAY, "--root", str(tmp_path)]) == ExitCode.USAGE
    token = str(tmp_path / "no.token")
    assert run(["hub", "verify-audit", AWAY, "--token-file", token]) == ExitCode.USAGE
    assert "--token-file: " in capsys.readouterr().err
    with pytest.raises(CommandFailed) as failed:
        verified(AWAY, AuditClient(AWAY, backoff=Backoff(1)), None, None)
    assert failed.value.code == ExitCode.FAILURE
