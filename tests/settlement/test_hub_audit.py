"""The audit log of a hub, proven from outside: whoever kept a root sees whether the past was changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update

from tests.settlement.hubs import NOW, TOKEN, Hub, assert_problem, serving
from tests.settlement.signed import PUBLIC
from tradelane.gateway.cli import run
from tradelane.gateway.commands.auditing import verified
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.store import Store, StoreError, opened
from tradelane.settlement import merkle
from tradelane.settlement.ehub import client_audit
from tradelane.settlement.ehub.client_audit import AuditClient
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.supervision import audit_log, audit_routes
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.supervision.tables import audit_entries
from tradelane.settlement.ehub.wire_supervision import AuditRoot

KEY = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
SECRET = "is on a list that nobody may know of"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    path = tmp_path_factory.mktemp("watched") / "hub.sqlite"
    with opened(path, PLACE, HEAD) as store:
        app = create_app(store, lambda: NOW, TOKEN, store.read, (StoreError,), supervised=Supervision(KEY))
        with serving(app) as url, httpx2.Client(base_url=url) as http:
            http.headers["Authorization"] = f"Bearer {TOKEN}"
            yield Hub(url, store, http)


@pytest.fixture
def hub(watched: Hub) -> Hub:
    """With five acts of supervision in its log, and no more."""
    with watched.store.engine.begin() as conn:
        conn.execute(delete(audit_entries))
        for n in range(5):
            audit.record(conn, NOW + n, "operator", "member-suspended", "ana", {"reason": SECRET})
    return watched


def public(hub: Hub, path: str, **query: Any) -> Any:
    answer = httpx2.get(f"{hub.url}/api/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def root_of(hub: Hub) -> AuditRoot:
    return AuditRoot.model_validate(public(hub, "/audit/root"))


def act(hub: Hub, reason: str = "again") -> None:
    with hub.store.engine.begin() as conn:
        audit.record(conn, NOW + 60_000, "operator", "member-suspended", "ben", {"reason": reason})


def test_everyone_sees_hashes_and_the_operator_what_they_are_of(hub: Hub) -> None:
    shown = public(hub, "/audit/entries", limit=3)
    assert [(one["seq"], one["leaf"], one["path"]) for one in shown["items"]] == [
        (n, None, None) for n in (1, 2, 3)
    ]
    assert shown["next"] == "3"
    whole = hub.get("/audit/entries", after=3)["items"]
    told = json.loads(whole[0]["leaf"])
    assert (told["seq"], told["action"], json.loads(told["detail"])["reason"]) == (
        4, "member-suspended", SECRET,
    )  # fmt: skip
    assert merkle.leaf_hash(whole[0]["leaf"].encode()).hex() == whole[0]["leaf_hash"]
    assert whole[1]["leaf_hash"] == public(hub, "/audit/entries", after=4)["items"][0]["leaf_hash"]
    wrong = httpx2.get(f"{hub.url}/api/v1/audit/entries", headers={"Authorization": "Bearer x"})
    assert_problem(wrong, 401, "unauthorised")


def test_who_knows_all_but_the_salt_cannot_find_an_entry_by_trying(store: Store) -> None:
    """The same act at the same time in two hubs has two hashes."""
    hashes = set()
    with store.engine.begin() as conn:
        for _ in range(2):
            conn.execute(delete(audit_entries))
            audit.record(conn, NOW, "operator", "member-suspended", "ana", {"reason": SECRET})
            hashes.add(audit_log.entries(conn, 0, 1, None, whole=False).items[0].leaf_hash)
    assert len(hashes) == 2


def test_a_member_s_registration_over_http_is_in_the_root(hub: Hub) -> None:
    before = root_of(hub)
    ana = {
        "member": "ana", "name": "Ana", "currency": "EUR",
        "public_key": base64.b64encode(PUBLIC["ana"]).decode(),
    }  # fmt: skip
    assert hub.post("/supervision/members", ana, "ana").status_code == 201
    after = root_of(hub)
    assert (before.size, after.size) == (5, 6)
    path = public(hub, "/audit/proofs/consistency", first=5, second=6)["path"]
    assert extends(before, after, path)
    one = public(hub, "/audit/proofs/inclusion", index=5, size=6)
    leaf, way = bytes.fromhex(one["leaf_hash"]), [bytes.fromhex(step) for step in one["path"]]
    assert merkle.includes(bytes.fromhex(after.root), 6, 5, leaf, way)


def test_every_root_extends_every_earlier_one(store: Store) -> None:
    roots = []
    with store.engine.begin() as conn:
        for n in range(14):
            roots.append(audit_log.root(conn, KEY, NOW))
            audit.record(conn, NOW, "operator", "noted", f"m{n}", {})
        for old in roots:
            for new in roots[old.size :]:
                proof = audit_log.consistency(conn, old.size, new.size)
                assert extends(old, new, proof.path)


def extends(old: AuditRoot, new: AuditRoot, path: list[str]) -> bool:
    roots = bytes.fromhex(old.root), bytes.fromhex(new.root)
    return merkle.extends(old.size, roots[0], new.size, roots[1], [bytes.fromhex(one) for one in path])


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/audit/proofs/inclusion", {"index": 5, "size": 5}, "index"),
        ("/audit/proofs/inclusion", {"index": 0, "size": 6}, "size"),
        ("/audit/proofs/inclusion", {"index": 0, "size": 0}, "index"),
        ("/audit/proofs/consistency", {"first": 3, "second": 2}, "first"),
        ("/audit/proofs/consistency", {"first": 3, "second": 9}, "second"),
        ("/audit/entries", {"size": 6}, "size"),
    ],
)
def test_what_is_not_in_the_log_is_refused_by_name(
    hub: Hub, path: str, query: dict[str, int], field: str
) -> None:
    answer = httpx2.get(f"{hub.url}/api/v1{path}", params=query)
    assert_problem(answer, 422, "not-in-the-log", field)


def test_a_hub_without_a_key_has_no_roots(market: Hub) -> None:
    assert httpx2.get(f"{market.url}/api/v1/audit/root").status_code == 404
    assert audit_routes.router.__doc__


def test_the_command_proves_the_log_and_keeps_its_root(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, token = tmp_path / "root.json", tmp_path / "hub.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    command = ["hub", "verify-audit", hub.url, "--root", str(file), "--json"]
    assert run(command) == ExitCode.OK
    first = json.loads(capsys.readouterr().out)
    assert (first["proven"], first["size"], first["since"], first["read"]) == (True, 5, 0, 0)
    act(hub)
    assert run([*command, "--token-file", str(token)]) == ExitCode.OK
    second = json.loads(capsys.readouterr().out)
    assert (second["size"], second["since"], second["read"]) == (6, 5, 6)
    assert AuditRoot.model_validate_json(file.read_bytes()).root == second["root"] != first["root"]
    assert run(command[:-1]) == ExitCode.OK
    assert "proven: 6 entries, 0 since the last time" in capsys.readouterr().out


def test_more_entries_than_one_answer_holds_are_read_on(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_audit, "MOST_ENTRIES", 2)
    proven = verified(hub.url, AuditClient(hub.url, TOKEN), None, None)
    assert (proven.root.size, proven.read) == (5, 5)


def rewritten(hub: Hub) -> None:
    """The past as a liar would write it: everything fits, but it is another past."""
    with hub.store.engine.begin() as conn:
        conn.execute(delete(audit_entries).where(audit_entries.c.seq >= 3))
        for n in range(3):
            audit.record(conn, NOW + n, "operator", "member-suspended", "ana", {"reason": "he asked to"})


def altered(hub: Hub) -> None:
    """One entry says something else; its hash was left."""
    with hub.store.engine.begin() as conn:
        conn.execute(update(audit_entries).where(audit_entries.c.seq == 2).values(actor="nobody"))


def cut(hub: Hub) -> None:
    with hub.store.engine.begin() as conn:
        conn.execute(delete(audit_entries).where(audit_entries.c.seq == 5))


def holed(hub: Hub) -> None:
    with hub.store.engine.begin() as conn:
        conn.execute(delete(audit_entries).where(audit_entries.c.seq == 2))
    act(hub)


LIES: dict[str, tuple[Callable[[Hub], None], str]] = {
    "another past": (rewritten, "its first 5 entries are not those of"),
    "an entry altered": (altered, "entry 2 says something else than what was hashed"),
    "the end cut off": (cut, "the log had 5 entries on"),
    "an entry taken out": (holed, "its first 5 entries are not those of"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_changed_past_is_not_proven(hub: Hub, lie: str) -> None:
    change, reason = LIES[lie]
    kept = root_of(hub)
    change(hub)
    with pytest.raises(CommandFailed, match=reason) as failed:
        verified(hub.url, AuditClient(hub.url, TOKEN), kept, None)
    assert failed.value.code == ExitCode.NOT_PROVEN


def test_an_entry_taken_out_is_seen_without_an_older_root(hub: Hub) -> None:
    holed(hub)
    with pytest.raises(CommandFailed, match="entry 2 is missing, 3 stands there"):
        verified(hub.url, AuditClient(hub.url), None, None)
