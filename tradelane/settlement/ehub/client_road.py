"""The e-hub's client, the e-road. What holds for ``client`` holds here."""

from __future__ import annotations

from urllib.parse import quote

from tradelane.settlement.ehub.asking import Ask, Command
from tradelane.settlement.ehub.wire_road import AskQuote, PaymentState, QuoteAnswer, SendPayment


class RoadClient:
    """The payer's side: what a payment to a member of another hub costs, the payment, and how it ended."""

    def __init__(self, command: Command, ask: Ask) -> None:
        self._command = command
        self._ask = ask

    async def ask_quote(self, key: str, question: AskQuote) -> QuoteAnswer:
        """Asked; the peer's answer is in ``quote``, later."""
        return await self._command("/road/quotes", key, question, QuoteAnswer)

    async def quote(self, quote_: str) -> QuoteAnswer:
        """HubRefused when there is none."""
        return await self._ask(f"/road/quotes/{quote(quote_)}", QuoteAnswer)

    async def send(self, key: str, question: SendPayment) -> PaymentState:
        """Held; how it ends is in ``payment``, later."""
        return await self._command("/road/transfers", key, question, PaymentState)

    async def payment(self, transfer: str) -> PaymentState:
        """HubRefused when there is none."""
        return await self._ask(f"/road/transfers/{quote(transfer)}", PaymentState)
