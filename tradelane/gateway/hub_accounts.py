"""The accounts a gateway needs at its e-hub, opened once and under keys that make repeating harmless."""

from __future__ import annotations

import asyncio

from tradelane.gateway.catalogue import Catalogue
from tradelane.market.units import Money
from tradelane.settlement import accounts
from tradelane.settlement.ehub.client import HubClient


async def open_member_account(hub: HubClient, member: str, name: str, currency: str) -> str:
    """The member's account in its zone's currency; returns its name. Raises HubError."""
    account = accounts.member(member, currency)
    await hub.open_account(
        f"{account}/open",
        account=account,
        owner=name,
        currency=currency,
        limit=accounts.member_limit(currency),
    )
    return account


async def open_lane_accounts(hub: HubClient, catalogue: Catalogue) -> None:
    """Tariff and rent accounts of every lane in every currency of the market. Raises HubError."""
    section = catalogue.section
    lanes = sorted({lane.id for lane in section.lanes} | {lane.id for lane in section.goods_lanes})
    places = [(lane, currency) for lane in lanes for currency in catalogue.currencies]
    await asyncio.gather(*(_open_of_lane(hub, lane, currency) for lane, currency in places))


async def _open_of_lane(hub: HubClient, lane: str, currency: str) -> None:
    for account in (accounts.lane_tariff(lane, currency), accounts.lane_rent(lane, currency)):
        await hub.open_account(
            f"{account}/open",
            account=account,
            owner=lane,
            currency=currency,
            limit=Money(0, currency),
        )
