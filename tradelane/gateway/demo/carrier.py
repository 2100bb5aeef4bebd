"""The carrier, the bank and the office of plant health in the demo: they know only the e-hub's API."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import date

from tradelane.gateway.clock import Clock
from tradelane.gateway.demo.scene import FARMER, deposits
from tradelane.gateway.hub_accounts import open_member_account
from tradelane.market.units import NANO, Money
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.ehub.wire_inspection import FileDocument
from tradelane.settlement.logistics import ShipmentEvent, ShipmentState

STEP_S = 1.0
"""Wall seconds between two events of a shipment."""
NEXT = {
    ShipmentState.BOOKED: ShipmentEvent.PICKED_UP,
    ShipmentState.PICKED_UP: ShipmentEvent.IN_CUSTOMS,
    ShipmentState.IN_CUSTOMS: ShipmentEvent.IN_TRANSIT,
    ShipmentState.IN_TRANSIT: ShipmentEvent.OUT_FOR_DELIVERY,
    ShipmentState.OUT_FOR_DELIVERY: ShipmentEvent.DELIVERED,
}


async def pay_in(hub: HubClient) -> None:
    """Open the buyers' accounts and put test money in them, once."""
    await asyncio.gather(*(_pay_in(hub, *deposit) for deposit in deposits()))


async def _pay_in(hub: HubClient, id: str, name: str, currency: str, units: int) -> None:
    account = await open_member_account(hub, id, name, currency)
    await hub.deposit(f"{account}/deposit", account=account, amount=Money(units * NANO, currency))


async def certify(hub: HubClient) -> None:
    """The farmer's potatoes may go abroad: what their destination asks for is on file, once."""
    held = FileDocument(
        document=f"phytosanitary/{FARMER}",
        kind="phytosanitary certificate",
        number="EU/NL/DEMO/1",
        issuer="plant health office of the demo",
        subject=FARMER,
        valid_from=date.min,
        valid_until=date.max,
        sha256=hashlib.sha256(b"demo").hexdigest(),
    )
    await hub.inspection.file(f"{held.document}/file", held)


async def carry(hub: HubClient, clock: Clock) -> None:
    """Move every shipment on its way, one event at a time. Who is at the door is played here too: it asks the
    e-hub for its code.
    """
    while True:
        await asyncio.sleep(STEP_S)
        with contextlib.suppress(HubUnreachable):  # it may be starting again
            for state, event in NEXT.items():
                for shipment in (await hub.shipments(state=state)).items:
                    with contextlib.suppress(HubRefused):  # it holds up no other
                        await _record(hub, clock, shipment.shipment, event)


async def _record(hub: HubClient, clock: Clock, shipment: str, event: ShipmentEvent) -> None:
    code = await hub.proof_code(shipment) if event is ShipmentEvent.DELIVERED else None
    await hub.record_event(
        f"{shipment}/{event.value}", shipment=shipment, event=event, at=clock.now(), proof_code=code
    )
