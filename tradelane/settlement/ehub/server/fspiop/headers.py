"""FSPIOP's header fields: who sends to whom, in which version (definition 1.1, sections 3.2.1 and 3.3).

Names of fields are in lower case here, as ASGI gives them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from tradelane.market.units import MILLI
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused

SOURCE, DESTINATION = "fspiop-source", "fspiop-destination"
SIGNATURE, URI, METHOD = "fspiop-signature", "fspiop-uri", "fspiop-http-method"
FX = frozenset({"fxQuotes", "fxTransfers", "services"})
NEWEST_MINOR = {"1": "1", "2": "0"}
SPOKEN = frozenset({"1.0", "1.1", "2.0"})
_MEDIA = re.compile(
    r"application/vnd\.interoperability\.(?P<resource>[A-Za-z]+)\+json"
    r"(?:\s*;\s*(?:version=(?P<version>[0-9]+(?:\.[0-9]+)?)|charset=utf-8))*",
    re.ASCII,
)
_FSP = re.compile(r"[A-Za-z0-9_.:-]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of a request say. ``version`` is the one to answer in; no destination is None."""

    resource: str
    version: str
    source: str
    destination: str | None
    headers: Mapping[str, str]


def media_type(resource: str, version: str) -> str:
    return f"application/vnd.interoperability.{resource}+json;version={version}"


def read(resource: str, headers: Mapping[str, str], *, callback: bool) -> Envelope:
    """The envelope of a request on ``resource``; Refused naming the header at fault.

    A ``callback`` (PUT, PATCH) carries no Accept: it answers in the version it is written in.
    """
    written = _content(resource, _required(headers, "content-type"))
    _date(_required(headers, "date"))
    source = _fsp(SOURCE, _required(headers, SOURCE))
    destination = headers.get(DESTINATION) or None
    if destination is not None:
        _fsp(DESTINATION, destination)
    version = written if callback else accepted(resource, _required(headers, "accept"))
    return Envelope(resource, version, source, destination, headers)


def accepted(resource: str, accept: str) -> str:
    """The first version asked for that the hub speaks; a major version means its newest minor."""
    for part in accept.split(","):
        asked = _parsed("Accept", resource, part)
        version = asked or max(_supported(resource))
        if "." not in version:
            version = f"{version}.{NEWEST_MINOR.get(version, '')}"
        if version in _supported(resource):
            return version
    raise _unacceptable("Accept", resource)


def _content(resource: str, value: str) -> str:
    version = _parsed("Content-Type", resource, value)
    if version is None:
        raise Refused(Fault.SYNTAX, "Content-Type: the version is missing")
    if version not in _supported(resource):
        raise _unacceptable("Content-Type", resource)
    return version


def _parsed(name: str, resource: str, value: str) -> str | None:
    found = _MEDIA.fullmatch(value.strip())
    if found is None or found["resource"].lower() != resource.lower():
        raise Refused(Fault.SYNTAX, f"{name}: not {media_type(resource, '1.1')}")
    return found["version"]


def _supported(resource: str) -> frozenset[str]:
    return frozenset({"2.0"}) if resource in FX else SPOKEN


def _unacceptable(name: str, resource: str) -> Refused:
    majors = {version.split(".")[0] for version in _supported(resource)}
    spoken = [(major, NEWEST_MINOR[major]) for major in sorted(majors)]
    status = Fault.VERSION.status if name == "Accept" else Fault.SYNTAX.status
    return Refused(Fault.VERSION, f"{name}: see the extension list", spoken, status)


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise Refused(Fault.MISSING, f"header {name.title()}")
    return value


def _fsp(name: str, value: str) -> str:
    if not _FSP.fullmatch(value):
        raise Refused(Fault.SYNTAX, f"{name}: not the id of a participant")
    return value


def _date(value: str) -> None:
    try:
        parsedate_to_datetime(value)
    except ValueError:
        raise Refused(Fault.SYNTAX, "Date: not a date of RFC 7231") from None


def http_date(at: int) -> str:
    """Unix milliseconds as ``Tue, 15 Nov 1994 08:12:31 GMT``."""
    return format_datetime(datetime.fromtimestamp(at // MILLI, UTC), usegmt=True)
