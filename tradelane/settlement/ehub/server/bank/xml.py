"""Writing ISO 20022 messages: elements by path, exact amounts, and only characters XML can hold."""

from __future__ import annotations

import hashlib
import re
from typing import Any, TypeAlias

from tradelane.market.units import Money, iso

Element: TypeAlias = Any
"""Of lxml, which has no types."""
MEDIA_TYPE = "application/xml"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(message: str) -> Element:
    """The root of a message such as ``pain.001.001.12``."""
    from lxml import etree

    space = NAMESPACE + message
    return etree.Element(f"{{{space}}}Document", nsmap={None: space})


def add(parent: Element, path: str, text: str | None = None) -> Element:
    """New elements, each within the one before; the last holds ``text``."""
    from lxml import etree

    space = etree.QName(parent).namespace
    for name in path.split("/"):
        parent = etree.SubElement(parent, f"{{{space}}}{name}")
    if text is not None:
        parent.text = _IMPOSSIBLE.sub("\ufffd", text)
    return parent


def add_amount(parent: Element, path: str, amount: Money) -> None:
    add(parent, path, str(amount)).set("Ccy", amount.currency)


def moment(at: int) -> str:
    """An instant (Unix ms) with its seconds, as XML Schema asks."""
    text = iso(at)
    return text if text.count(":") == 2 else text.replace("Z", ":00Z")


def short(name: str, most: int) -> str:
    """A name as an identifier of at most ``most`` characters: itself, or its SHA-256 where it is longer."""
    return name if len(name) <= most else hashlib.sha256(name.encode()).hexdigest()[:most]


def written(root: Element) -> bytes:
    from lxml import etree

    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
