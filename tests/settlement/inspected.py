"""A hub whose members sign, for tests of its inspection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from tests.settlement.facade import Facade, running_facade
from tests.settlement.hubs import Hub
from tests.settlement.signed import KEYS
from tradelane.market.units import MINUTE, iso

QUARTER = 15 * MINUTE
OPERATOR = ""
"""Who asks by the hub's token."""


class Inspected:
    """``who`` asks: ana, ben or cem, or the operator."""

    def __init__(self, facade: Facade) -> None:
        self.facade, self.numbers = facade, count()

    @property
    def hub(self) -> Hub:
        return self.facade.hub

    def client(self, who: str) -> httpx2.Client:
        return self.facade.members[who] if who else self.facade.operator

    def post(self, who: str, path: str, body: Any, key: str | None = None) -> httpx2.Response:
        """Under a key of its own, unless one is given."""
        headers = {"Idempotency-Key": key or f"key-{next(self.numbers)}"}
        return self.client(who).post(f"{self.hub.url}/api/v1{path}", json=body, headers=headers)

    def ok(self, who: str, path: str, body: Any, status: int = 201) -> Any:
        answer = self.post(who, path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, who: str, path: str, **query: Any) -> Any:
        answer = self.client(who).get(f"{self.hub.url}/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def running_inspection(template: Path, folder: Path) -> Iterator[Inspected]:
    """Ana has 100 EUR; she, Ben and Cem have keys."""
    with running_facade(template, folder) as facade:
        yield Inspected(facade)


def device(name: str, member: str = "ana", capacity_w: int = 8_000) -> dict[str, Any]:
    return {
        "device_id": name,
        "account_id": member,
        "energy_source": "solar",
        "capacity_w": capacity_w,
        "country": "ES",
    }


def production(
    name: str, start: int, wh: int, member: str = "ana", head_seq: int = 1, **changes: Any
) -> dict[str, Any]:
    """A quarter of an hour that begins at ``start`` (ms), with a head sealed by the member's key."""
    head = head_seq.to_bytes(32, "big")
    return {
        "device_id": name,
        "production_starting_interval": iso(start),
        "production_ending_interval": iso(start + QUARTER),
        "quantity": wh,
        "quality": "measured",
        "head": head.hex(),
        "head_seq": head_seq,
        "head_signature": KEYS[member].sign(head).hex(),
        **changes,
    }


def wanted(issuance: str, first: int, last: int, **more: Any) -> dict[str, Any]:
    return {"issuance_id": issuance, "bundle_id_range_start": first, "bundle_id_range_end": last, **more}
