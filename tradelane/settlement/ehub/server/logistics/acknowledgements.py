"""Reading an operator's Acknowledgement_MarketDocument (IEC 62325-451-1).

Taken are the answers to a whole revision; what it says of single series stands in the text.
"""

from __future__ import annotations

import re

from pydantic import ValidationError

from tradelane.settlement.ehub.server import untrusted_xml
from tradelane.settlement.ehub.server.bank.xml import Element
from tradelane.settlement.ehub.wire_nominations import Acknowledge
from tradelane.settlement.problem import Problem

LARGEST = 256 * 1024
"""Bytes of one document."""
LONGEST_TEXT = 500
_ROOT = re.compile(
    r"\{(?P<space>urn:iec62325\.351:tc57wg16:451-1:acknowledgementdocument:[0-9]+:[0-9]+)\}"
    r"Acknowledgement_MarketDocument"
)


def read(body: bytes, nomination: str) -> Acknowledge:
    """The answer in a document about ``nomination``. Raises Problem."""
    try:
        root = untrusted_xml.root(body, LARGEST)
    except ValueError as error:
        raise _wrong("body", str(error)) from None
    match = _ROOT.fullmatch(root.tag) if isinstance(root.tag, str) else None
    if match is None:
        raise _wrong("body", "not an Acknowledgement_MarketDocument of IEC 62325-451-1")
    space = match["space"]
    received = f"{{{space}}}received_MarketDocument"
    if _text(root, f"{received}.mRID") != nomination:
        raise _wrong("received_MarketDocument.mRID", "is about another document")
    reasons = root.findall(f"{{{space}}}Reason")
    if not reasons:
        raise _wrong("Reason", "the answer's code is missing")
    told = [_text(reason, f"{{{space}}}text") for reason in root.iter(f"{{{space}}}Reason")]
    revision = _text(root, f"{received}.revisionNumber")
    try:
        return Acknowledge(
            revision=int(revision) if re.fullmatch("[0-9]{1,3}", revision) else 0,
            code=_text(reasons[0], f"{{{space}}}code"),
            text="; ".join(filter(None, told))[:LONGEST_TEXT],
        )
    except ValidationError as error:
        field = _FIELDS[str(error.errors()[0]["loc"][0])]
        raise _wrong(field, str(error.errors()[0]["msg"])) from error


def _text(place: Element, name: str) -> str:
    return " ".join((place.findtext(name) or "").split())


def _wrong(field: str, reason: str) -> Problem:
    return Problem.field(422, "wrong-acknowledgement", field, reason)


_FIELDS = {
    "revision": "received_MarketDocument.revisionNumber",
    "code": "Reason.code",
    "text": "Reason.text",
}
