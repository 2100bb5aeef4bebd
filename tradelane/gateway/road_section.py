"""``[hub.road]`` of a configuration: this e-hub among others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from tradelane.gateway.section_types import Currency, Id, NotNegative, Positive, Ppm, Section, Url, shaped

HubId = Annotated[str, shaped(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", "a hub's name (32 letters, digits, . _ -)")]
Fingerprint = Annotated[
    str, shaped(r"[A-Za-z0-9_-]{43}", "a key's fingerprint (43 characters, shown by tradelane run)")
]


class RoadPeer(Section):
    """Another hub: its address and its key's fingerprint, as its operator gave them. It may owe at most
    ``limits`` here; declarations for ``places`` go to it."""

    name: HubId
    url: Url
    fingerprint: Fingerprint
    limits: dict[Currency, NotNegative] = Field(default_factory=dict)
    places: tuple[Id, ...] = ()


class RoadSection(Section):
    """This hub on the e-road, under ``name``; others reach it at ``public_url``.

    ``rates``: what one unit of each currency it exchanges is worth, in any one currency; to that come
    ``spread_ppm`` and ``fee_ppm``. Windows of ``window_minutes`` must be the same at all peers. A payment's
    time ends ``margin_seconds`` earlier at the payee's hub; a quote holds ``quote_seconds``. ``netting``:
    all hubs that net together, this one too. ``allow_private``: peers may be in private networks."""

    name: HubId
    key_file: Path | None = None
    rates: dict[Currency, Positive] = Field(default_factory=dict)
    spread_ppm: Ppm = 0
    fee_ppm: Ppm = 0
    window_minutes: int = Field(default=60, ge=1, le=44_640)
    margin_seconds: int = Field(default=30, ge=1, le=3600)
    quote_seconds: int = Field(default=60, ge=1, le=86_400)
    netting: tuple[HubId, ...] = ()
    allow_private: bool = False
    peers: tuple[RoadPeer, ...] = ()
