"""``[hub.fspiop]`` of a configuration: this e-hub as a switch between payment systems."""

from __future__ import annotations

from pathlib import Path

from tradelane.gateway.section_types import Section


class FspiopSection(Section):
    """FSPIOP under ``/fspiop``. The hub signs its own callbacks with the RSA key in ``key_file``, made when
    there is none. ``allow_private``: participants' callback addresses may be in private networks."""

    key_file: Path | None = None
    allow_private: bool = False
