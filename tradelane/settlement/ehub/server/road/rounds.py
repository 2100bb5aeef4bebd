"""The road's own work, again and again: look peers up, deliver what is due, and do what time asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row

from tradelane.settlement.ehub.server.delivering import Rounds, attempt
from tradelane.settlement.ehub.server.road import channel, copies, payments, peers, settling, windows
from tradelane.settlement.ehub.server.road.channel import Parcel, Told
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_road_messages import Receipt

if TYPE_CHECKING:
    import httpx2

MESSAGES = "/api/v1/road/messages"
LARGEST_RECEIPT = 262_144
JSON = {"content-type": "application/json", "accept": "application/json"}


class RoadRounds:
    """One hub's rounds; ``now`` is market time in ms."""

    def __init__(
        self,
        road: Road,
        transact: Transact,
        read: Transact,
        now: Callable[[], int],
        client: httpx2.AsyncClient,
    ) -> None:
        self._road, self._now, self._client = road, now, client
        self._transact, self._read = transact, read
        self._signer = Signer(road.fingerprint, road.key, now)
        self._look = Rounds(transact, read, now, peers.expected, self._document, self._discovered)
        self._post = Rounds(transact, read, now, channel.due, self._deliver, channel.record)

    async def prepare(self) -> None:
        """Once at the start: expect the peers of the configuration."""
        at = self._now()
        for peer in self._road.peers:
            await self._transact(partial(peers.expect, asked=peer, at=at))

    async def round(self) -> int:
        """Everything that is due, once; how much there was."""
        at = self._now()
        done = await self._transact(lambda conn: on_time(conn, self._road, at))
        changed = await self._read(copies.changed)
        if changed:
            done += await self._transact(lambda conn: copies.tell(conn, changed, at))
        return done + await self._look.round() + await self._post.round()

    async def _document(self, peer: Row[Any]) -> bytes | None:
        url = peer.url + peers.WELL_KNOWN
        answer = await attempt(
            self._client,
            "GET",
            url,
            {"accept": "application/json"},
            None,
            private=self._road.private,
            most=peers.LARGEST_DOCUMENT,
        )
        return None if answer is None or answer.status >= 400 else answer.body

    def _discovered(self, conn: Connection, peer: Row[Any], body: bytes | None, at: int) -> None:
        peers.discovered(conn, self._road, peer, body, at)

    async def _deliver(self, parcel: Parcel) -> Told:
        url, body = parcel.url + MESSAGES, parcel.envelope(self._road)
        answer = await attempt(
            self._client,
            "POST",
            url,
            JSON | self._signer.headers("POST", url, body),
            body,
            private=self._road.private,
            most=LARGEST_RECEIPT,
        )
        return Told() if answer is None else read_answer(answer.status, answer.body)


def on_time(conn: Connection, road: Road, at: int) -> int:
    """What time asks for, in one transaction; how much there was."""
    return (
        payments.expire(conn, at)
        + payments.ask_overdue(conn, at)
        + windows.close_due(conn, road, at)
        + windows.report_due(conn, road, at)
        + settling.settle_due(conn, road, at)
    )


def read_answer(status: int, body: bytes) -> Told:
    """What a peer's answer means: 409 is for good, all else that is no receipt is asked again later."""
    if status == 409:
        return Told(broken="it says that a number was used for another message")
    try:
        return Told(Receipt.model_validate_json(body)) if status == 200 else Told()
    except ValidationError:
        return Told()
