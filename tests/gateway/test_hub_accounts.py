"""The accounts a market needs at its e-hub: opened once, however often it starts."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.marketplace import ANNA, BETH, Marketplace, in_market
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.hub_accounts import open_lane_accounts, open_member_account

LANES = ("NL>GB", "GB>NL", "NL>GB.road")


def test_every_lane_has_its_accounts_in_every_currency_once(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> list[str]:
        assert market.config.zone is not None
        for _ in range(2):
            await open_lane_accounts(market.hub, Catalogue(market.config.zone))
        page = await market.hub.accounts(limit=1000)
        limits = {account.account: account.limit for account in page.items}
        for lane in LANES:
            for kind in ("tariff", "rent"):
                for currency in ("EUR", "GBP"):
                    assert limits[f"lane:{lane}:{kind}:{currency}"] == "0"
        assert await market.books_balance()
        return sorted(limits)

    assert in_market(tmp_path, use) == in_market(tmp_path, use)


def test_a_member_has_an_account_in_its_zones_currency_with_a_little_credit(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BETH)
        for _ in range(2):
            name = await open_member_account(market.hub, "anna", "Anna", "EUR")
        assert name == ANNA.account
        for who, currency in ((ANNA, "EUR"), (BETH, "GBP")):
            account = await market.hub.account(who.account)
            assert (account.currency, account.limit) == (currency, "-50")

    in_market(tmp_path, use)
