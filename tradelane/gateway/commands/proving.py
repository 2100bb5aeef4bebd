"""``verify readings``: a period of a meter's readings, proven from the public key alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tradelane.gateway import chains, cut_chains, heads, keys, proofs
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json
from tradelane.gateway.proofs import Period, Seen
from tradelane.gateway.roles import one_line
from tradelane.gateway.store import open_engine
from tradelane.market.units import instant, iso


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be proven: ``file`` or an edge's ``db``, by the public ``key``; instants as text."""

    file: Path | None
    db: Path | None
    key: str | None
    head: Path | None
    meter: str | None
    since: str | None
    until: str | None


def verify_readings(question: Question, as_json: bool) -> None:
    """CommandFailed with NOT_PROVEN, naming the first bad record, when they are not proven."""
    if (question.file is None) == (question.db is None):
        raise CommandFailed(ExitCode.USAGE, "verify readings: give a FILE, or --db")
    if question.key is None:
        raise CommandFailed(ExitCode.USAGE, "verify readings: give --key, the meter's public key")
    key, period = public_key(question.key), period_of(question.since, question.until)
    known = [] if question.head is None else _heads(question.head)
    if question.db is not None:
        known += _beside(question.db)
        meter, seen, problem = _of_database(question.db, question.meter, key, period, known)
    else:
        assert question.file is not None
        meter, seen, problem = _of_file(question.file, question.meter, key, period, known)
    _tell(meter, seen, problem, as_json)
    if problem is not None:
        raise CommandFailed(
            ExitCode.NOT_PROVEN, f"{question.db or question.file}: {meter}: not proven: {problem}"
        )


def public_key(text: str) -> Ed25519PublicKey:
    """From 43 characters of base64url, or from a PEM file that holds it."""
    path = Path(text)
    try:
        if path.is_file():
            pem = path.read_bytes()
            if b"PRIVATE KEY" in pem:
                public = keys.public_key_text(keys.load_key(path))
                raise CommandFailed(ExitCode.USAGE, f"--key: {text} is a private key: give --key {public}")
            key = load_pem_public_key(pem)
            if isinstance(key, Ed25519PublicKey):
                return key
            raise ValueError
        return Ed25519PublicKey.from_public_bytes(keys.public_bytes(text))
    except keys.KeyFileError as error:
        raise CommandFailed(ExitCode.USAGE, f"--key: {error}") from None
    except (OSError, ValueError):
        raise CommandFailed(ExitCode.USAGE, f"--key: {text}: not an Ed25519 public key") from None


def period_of(since: str | None, until: str | None) -> Period:
    """Instants from text; CommandFailed names the option."""
    found = []
    for option, text in (("--from", since), ("--to", until)):
        try:
            found.append(None if text is None else instant(text))
        except (ValueError, OverflowError):
            raise CommandFailed(ExitCode.USAGE, f"{option}: {text!r} is not an instant") from None
    return Period(*found)


def _heads(path: Path) -> list[heads.SignedHead]:
    try:
        return heads.read(path)
    except heads.BadHeads as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None


def _beside(database: Path) -> list[heads.SignedHead]:
    try:
        return cut_chains.known(database)
    except heads.BadHeads as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None


def _of_file(
    path: Path, meter: str | None, key: Ed25519PublicKey, asked: Period, known: list[heads.SignedHead]
) -> tuple[str, Seen, str | None]:
    try:
        named, period, links = proofs.read(path)
    except proofs.BadProof as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    if meter is not None and meter != named:
        raise CommandFailed(ExitCode.USAGE, f"{path}: holds readings of {named}, not of {meter}")
    since = period.since if asked.since is None else asked.since
    until = period.until if asked.until is None else asked.until
    return named, *proofs.prove(links, named, key, Period(since, until), known)


def _of_database(
    path: Path, meter: str | None, key: Ed25519PublicKey, period: Period, known: list[heads.SignedHead]
) -> tuple[str, Seen, str | None]:
    try:
        with _reading(path) as conn:
            found = chains.meters(conn) + [one.meter for one in known]
            named = one_meter(path, meter, sorted(set(found)))
            links = proofs.links_of(conn, named, period)
            return named, *proofs.prove(links, named, key, period, known)
    except SQLAlchemyError as error:
        raise CommandFailed(ExitCode.FAILURE, f"{path}: {one_line(error)}") from None


def one_meter(path: Path, asked: str | None, found: list[str]) -> str:
    """The meter that is meant; CommandFailed when that cannot be told."""
    if asked is None and len(found) != 1:
        names = ", ".join(found) or "no meter"
        raise CommandFailed(ExitCode.USAGE, f"{path}: has {names}: say which with --meter")
    named = asked or found[0]
    if named not in found:
        raise CommandFailed(ExitCode.USAGE, f"{path}: has no readings of {named}")
    return named


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    if not path.is_file():
        raise CommandFailed(ExitCode.USAGE, f"{path}: no such file")
    engine = open_engine(path, "BEGIN", readonly=True)
    try:
        with closing(engine.connect()) as conn:
            yield conn
    finally:
        engine.dispose()


def _tell(meter: str, seen: Seen, problem: str | None, as_json: bool) -> None:
    first, last = seen.first, seen.last
    if as_json:
        ends = {
            name: {"seq": seq, "time": None if time is None else iso(time)}
            for name, (seq, time) in (("first", first), ("last", last))
        }
        body = {"proven": problem is None, "problem": problem, "meter": meter}
        print_json(body | {"readings": seen.records, "thinned": seen.thinned} | ends)
    elif problem is None:
        thinned = f", {seen.thinned} more thinned out" if seen.thinned else ""
        typer.echo(f"proven: {meter}: records {first[0]} to {last[0]}, {seen.records} readings{thinned}")
