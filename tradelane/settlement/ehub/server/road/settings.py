"""What a hub is on the e-road: its name and key, what it asks for payments, and its windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tradelane.market.units import MINUTE
from tradelane.settlement.ehub.server.road import signing
from tradelane.settlement.ehub.wire_road import AddPeer
from tradelane.settlement.road import Prices

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True)
class Road:
    """``url`` is this hub's root for others. All spans in ms: of a window, of a quote's life, and
    ``margin_ms`` by which the payee's hub ends a payment before the payer's asks. ``private`` allows peers
    at addresses that are not of the open Internet; ``group`` nets among all its hubs, this one too."""

    name: str
    key: Ed25519PrivateKey
    url: str
    currencies: tuple[str, ...]
    prices: Prices = field(default_factory=lambda: Prices({}))
    window_ms: int = 60 * MINUTE
    margin_ms: int = 30_000
    quote_ms: int = MINUTE
    private: bool = False
    group: tuple[str, ...] = ()
    peers: tuple[AddPeer, ...] = ()

    @cached_property
    def public(self) -> str:
        return signing.public_text(self.key)

    @cached_property
    def fingerprint(self) -> str:
        return signing.fingerprint(self.public)

    def partners(self, peer: str) -> frozenset[str]:
        """The hubs this one nets with when it settles with ``peer``: the whole group, or just the two."""
        return frozenset(self.group if peer in self.group else (self.name, peer))
