"""The e-hub's part that tells members what happened, in this process: rings for who waits, calls webhooks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tradelane.gateway.store import StoreError
from tradelane.settlement.ehub.server.openpayments.bell import Bell
from tradelane.settlement.ehub.server.openpayments.telling import Teller

EVERY_S = 1.0
"""Of wall time, for what other routes than the facade's did, and for who is asked again."""


async def run(bell: Bell, teller: Teller) -> None:
    """Until cancelled; a database that is away is asked again the next time."""
    try:
        while True:
            heard = bell.next(None)
            with suppress(StoreError):
                await bell.ring()
                while await teller.round():
                    pass
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await heard.wait()
    finally:
        await teller.close()
