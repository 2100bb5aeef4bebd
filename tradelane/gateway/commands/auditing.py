"""``hub verify-audit``: an e-hub's audit log, checked by who does not trust the hub.

Proven is: the root is signed by the hub's key; each entry stands in it; where the operator's token shows what
entries say, each is what was hashed; and the log only grew since the root that was kept.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

import typer

from tradelane.gateway import keys
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, write_text
from tradelane.settlement import merkle
from tradelane.settlement.ehub.asking import HubRefused, HubUnreachable
from tradelane.settlement.ehub.client_audit import AuditClient
from tradelane.settlement.ehub.wire_supervision import AuditEntry, AuditRoot


class NotProven(Exception):
    """What does not fit, for a person."""


class Proven(NamedTuple):
    """``since`` is the size of the root that was kept, 0 when there was none; ``read`` how many entries
    were shown with what they say."""

    root: AuditRoot
    since: int
    read: int


def verify_audit_command(
    url: str, file: Path | None, key: str | None, token_file: Path | None, as_json: bool
) -> None:
    """``file`` keeps the root from one time to the next, ``key`` is the hub's."""
    kept = None if file is None or not file.exists() else read_root(file)
    token = None if token_file is None else _token(token_file)
    proven = verified(url, AuditClient(url, token), kept, key)
    if file is not None:
        write_text(str(file), proven.root.model_dump_json() + "\n")
    _tell(proven, as_json)


def verified(url: str, client: AuditClient, kept: AuditRoot | None, key: str | None) -> Proven:
    """CommandFailed with NOT_PROVEN when anything does not fit, FAILURE when the hub does not answer."""
    try:
        return asyncio.run(_closing(client, kept, key))
    except NotProven as why:
        raise CommandFailed(ExitCode.NOT_PROVEN, f"{url}: not proven: {why}") from None
    except (HubRefused, HubUnreachable) as error:
        raise CommandFailed(ExitCode.FAILURE, f"{url}: {error}") from None


def read_root(path: Path) -> AuditRoot:
    """A root that was kept; CommandFailed."""
    try:
        return AuditRoot.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CommandFailed(ExitCode.USAGE, f"{path}: {error.strerror or error}") from None
    except ValueError:
        raise CommandFailed(ExitCode.USAGE, f"{path}: not a root that verify-audit has kept") from None


async def _closing(client: AuditClient, kept: AuditRoot | None, key: str | None) -> Proven:
    try:
        return await prove(client, kept, key)
    finally:
        await client.close()


async def prove(client: AuditClient, kept: AuditRoot | None, key: str | None) -> Proven:
    """Raises NotProven, HubRefused, HubUnreachable."""
    root = await client.root()
    _check_signature(root, key or (root.public_key if kept is None else kept.public_key))
    if kept is not None:
        await _check_extends(client, kept, root)
    seen = read = 0
    while seen < root.size:
        page = await client.entries(after=seen, size=root.size)
        if not page.items:
            raise NotProven(f"entry {seen + 1} of {root.size} is not shown")
        for entry in page.items:
            seen += 1
            _check_entry(entry, seen, root)
            read += entry.leaf is not None
    return Proven(root, 0 if kept is None else kept.size, read)


def _check_signature(root: AuditRoot, key: str) -> None:
    if root.public_key != key:
        raise NotProven(f"the root is signed by {root.public_key}, not by {key}")
    if not keys.verify(key, root.document(), root.signature):
        raise NotProven("the root's signature does not fit")


async def _check_extends(client: AuditClient, kept: AuditRoot, root: AuditRoot) -> None:
    if root.size < kept.size:
        raise NotProven(f"the log had {kept.size} entries on {kept.at}, now it has {root.size}")
    proof = await client.consistency(kept.size, root.size)
    path = [bytes.fromhex(one) for one in proof.path]
    old, new = bytes.fromhex(kept.root), bytes.fromhex(root.root)
    if not merkle.extends(kept.size, old, root.size, new, path):
        raise NotProven(f"its first {kept.size} entries are not those of {kept.at}")


def _check_entry(entry: AuditEntry, number: int, root: AuditRoot) -> None:
    if entry.seq != number:
        raise NotProven(f"entry {number} is missing, {entry.seq} stands there")
    path = [bytes.fromhex(one) for one in entry.path or ()]
    leaf = bytes.fromhex(entry.leaf_hash)
    if not merkle.includes(bytes.fromhex(root.root), root.size, number - 1, leaf, path):
        raise NotProven(f"entry {number} is not in the root")
    if entry.leaf is not None and merkle.leaf_hash(entry.leaf.encode()) != leaf:
        raise NotProven(f"entry {number} says something else than what was hashed")


def _token(path: Path) -> str:
    try:
        return keys.load_token(path)
    except keys.KeyFileError as error:
        raise CommandFailed(ExitCode.USAGE, f"--token-file: {error}") from None


def _tell(proven: Proven, as_json: bool) -> None:
    root = proven.root
    if as_json:
        body = {"proven": True, "size": root.size, "root": root.root, "at": root.at}
        print_json(body | {"public_key": root.public_key, "since": proven.since, "read": proven.read})
        return
    grown = f", {root.size - proven.since} since the last time" if proven.since else ""
    typer.echo(f"proven: {root.size} entries{grown}, root {root.root}, by {root.public_key}")
