"""XML that others send: UTF-8, of a bounded size, without DTD or entities; nothing is fetched."""

from __future__ import annotations

from typing import Any

from tradelane.settlement.problem import Problem


def root(body: bytes, largest: int) -> Any:
    """lxml's root element. Raises Problem 413 beyond ``largest`` bytes, and ValueError for the rest."""
    from lxml import etree

    if len(body) > largest:
        raise Problem.field(413, "content-too-large", "body", f"at most {largest} bytes")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it may have no DTD and no entities")
    # The encoding is given, or a declared one could hide a DTD from the check above.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not XML: {error.msg}") from None
