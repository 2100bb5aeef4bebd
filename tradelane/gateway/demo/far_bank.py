"""The bank of the demo's buyer abroad: an e-hub of its own. It pays over the e-road what is needed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from decimal import Decimal

from tradelane.gateway.clock import Clock
from tradelane.gateway.demo.scene import KITCHEN, KITCHEN_LOW, KITCHEN_NAME, KITCHEN_SENDS, MARKET_HUB
from tradelane.gateway.hub_accounts import open_member_account
from tradelane.market.units import MINUTE, NANO, Money, iso
from tradelane.settlement import accounts
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_members import ChangeLevel, RegisterMember
from tradelane.settlement.ehub.wire_road import AskQuote, PaymentState, QuoteAnswer, SendPayment
from tradelane.settlement.fspiop_states import TransferState
from tradelane.settlement.member import Level
from tradelane.settlement.road import QuoteState

CURRENCY = "NOK"
ACCOUNT = accounts.member(KITCHEN, CURRENCY)
SAVINGS = 20_000_000
"""NOK: the demo may run for days."""
KITCHEN_STAFF = 12
LOOK_S = 0.25
VALID_MS = 120 * MINUTE


async def furnish(home: HubClient, market: HubClient, public_key: bytes) -> None:
    """The customer's accounts at both hubs, and its savings at home. Once. A kitchen buys more in a day than
    a hub lets somebody spend of whom it knows nothing, so the market's hub knows it as a business."""
    for hub in (home, market):
        await open_member_account(hub, KITCHEN, KITCHEN_NAME, CURRENCY)
    await _known_as_business(market, public_key)
    savings = Money(SAVINGS * NANO, CURRENCY)
    await home.deposit(f"{ACCOUNT}/deposit", account=ACCOUNT, amount=savings)


async def _known_as_business(market: HubClient, public_key: bytes) -> None:
    asked = RegisterMember(
        member=KITCHEN,
        public_key=base64.b64encode(public_key).decode(),
        name=KITCHEN_NAME,
        currency=CURRENCY,
        level=Level.BUSINESS,
        employees=KITCHEN_STAFF,
    )
    await market.members.register(f"{KITCHEN}/register", asked)
    await market.members.change_level(f"{KITCHEN}/level", KITCHEN, ChangeLevel(level=Level.BUSINESS))


async def first_cover(home: HubClient, market: HubClient, clock: Clock) -> None:
    """Until the first payment has arrived: nothing is bought before."""
    while Decimal((await market.account(ACCOUNT)).available) < KITCHEN_LOW:
        with contextlib.suppress(HubRefused):  # the two hubs have still to meet
            await cover(home, market, clock)
        await asyncio.sleep(LOOK_S)


async def cover(home: HubClient, market: HubClient, clock: Clock) -> None:
    """Pay once when there is little left at the market's hub; until that has arrived."""
    if Decimal((await market.account(ACCOUNT)).available) >= KITCHEN_LOW:
        return
    payment = f"{KITCHEN}-{clock.now()}"
    quoted = await _quoted(home, payment)
    if quoted.state is QuoteState.QUOTED:
        await _paid(home, payment, clock.now() + VALID_MS)


async def keep_covered(home: HubClient, market: HubClient, clock: Clock) -> None:
    """For as long as the demo goes on."""
    while True:
        with contextlib.suppress(HubUnreachable, HubRefused):  # it may be starting again, or not be known yet
            await cover(home, market, clock)
        await asyncio.sleep(LOOK_S)


async def _quoted(home: HubClient, payment: str) -> QuoteAnswer:
    question = AskQuote(
        quote=payment,
        peer=MARKET_HUB,
        account=ACCOUNT,
        payee=ACCOUNT,
        amount=PositiveAmount(currency=CURRENCY, value=str(KITCHEN_SENDS)),
    )
    quote = await home.road.ask_quote(f"{payment}/quote", question)
    while quote.state is QuoteState.ASKED:
        await asyncio.sleep(LOOK_S)
        quote = await home.road.quote(payment)
    return quote


async def _paid(home: HubClient, payment: str, expires_at: int) -> PaymentState:
    question = SendPayment(
        transfer=payment, quote=payment, expires_at=iso(expires_at), memo="to the market's e-hub"
    )
    paid = await home.road.send(f"{payment}/pay", question)
    while paid.state not in (TransferState.COMMITTED, TransferState.ABORTED):
        await asyncio.sleep(LOOK_S)
        paid = await home.road.payment(payment)
    return paid
