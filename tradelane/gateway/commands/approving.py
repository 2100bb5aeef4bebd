"""``hub approvals``: what two operators of an e-hub do together, each with a key of their own."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from tradelane.gateway import keys
from tradelane.gateway.clock import system_wall
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.settlement.ehub.asking import HubRefused, HubUnreachable
from tradelane.settlement.ehub.client_approvals import ApprovalsClient
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_supervision import ApprovalState, Propose

PAGE = 100
COLUMNS = ("approval", "kind", "subject", "fields", "state", "proposed_by", "decided_by", "expires_at")


@dataclass(frozen=True, slots=True)
class Deed:
    """One of: ``propose`` a kind about ``subject`` with ``fields`` (``name=value``), ``approve`` or
    ``reject`` a number; none of them lists."""

    propose: str | None = None
    subject: str | None = None
    fields: Sequence[str] = ()
    approve: int | None = None
    reject: int | None = None
    reason: str | None = None


def operator_key_command(file: Path) -> None:
    """Print the public half of the key in ``file``, made when there is none."""
    try:
        typer.echo(keys.public_key_text(keys.load_or_create_key(file)))
    except keys.KeyFileError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None


def approvals_command(url: str, operator: str, key_file: Path, deed: Deed, as_json: bool) -> None:
    """CommandFailed: USAGE for what cannot be asked, FAILURE when the hub refuses or does not answer."""
    try:
        key = keys.load_key(key_file)
    except keys.KeyFileError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    work = _work(deed)
    client = MemberClient(url, Signer(operator, key, system_wall))
    try:
        found = asyncio.run(_closing(client, work))
    except (HubRefused, HubUnreachable) as error:
        raise CommandFailed(ExitCode.FAILURE, f"{url}: {error}") from None
    told = [one.model_dump(mode="json") for one in found]
    if as_json:
        print_json(told)
    else:
        print_table(COLUMNS, [[_cell(one[name]) for name in COLUMNS] for one in told])


Work = Callable[[ApprovalsClient], Awaitable[list[ApprovalState]]]


def _work(deed: Deed) -> Work:
    """CommandFailed with USAGE for more than one deed, or half of one."""
    chosen = [name for name in ("propose", "approve", "reject") if getattr(deed, name) is not None]
    if len(chosen) > 1:
        raise CommandFailed(ExitCode.USAGE, f"--{chosen[0]} and --{chosen[1]}: one at a time")
    once = secrets.token_hex(16)
    if deed.propose is not None:
        question = _question(deed)
        return lambda client: _one(client.propose(once, question))
    if deed.approve is not None:
        number = deed.approve
        return lambda client: _one(client.approve(once, number))
    if deed.reject is not None:
        refused, reason = deed.reject, deed.reason
        if not reason:
            raise CommandFailed(ExitCode.USAGE, "--reason: is missing: why is it rejected?")
        return lambda client: _one(client.reject(once, refused, reason))
    return _all


def _question(deed: Deed) -> Propose:
    if not deed.subject:
        raise CommandFailed(ExitCode.USAGE, "--subject: is missing: what is it about?")
    fields: dict[str, Any] = {}
    for text in deed.fields:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandFailed(ExitCode.USAGE, f"--field {text}: is not name=value")
        fields[name] = _value(value)
    try:
        return Propose(kind=deed.propose or "", subject=deed.subject, fields=fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandFailed(ExitCode.USAGE, f"{place}: {first['msg']}") from None


def _value(text: str) -> Any:
    """JSON where it is some (a number, true, a list), else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


async def _one(asked: Awaitable[ApprovalState]) -> list[ApprovalState]:
    return [await asked]


async def _all(client: ApprovalsClient) -> list[ApprovalState]:
    found: list[ApprovalState] = []
    while True:
        page = await client.listed(found[-1].approval if found else 0, PAGE)
        found += page.items
        if len(page.items) < PAGE:
            return found


async def _closing(client: MemberClient, work: Work) -> list[ApprovalState]:
    try:
        return await work(client.approvals)
    finally:
        await client.close()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
