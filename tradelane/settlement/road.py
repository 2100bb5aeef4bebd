"""The e-road's rules, pure: the life of a payment between two hubs, and what it costs.

Always true: only the payee's hub decides how a payment ends, and it decides once; the payer's hub holds the
money until it knows. Nothing at the payer's hub ends by its own clock, so there is no half payment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tradelane.market.units import PPM, Money
from tradelane.settlement import accounts
from tradelane.settlement.fspiop_states import TRANSFER, TransferEvent, TransferState

PAYEE_HUB = TRANSFER
"""FSPIOP's own table: the payee's hub reserves, then commits or aborts, also by time."""
PAYER_HUB: Mapping[tuple[TransferState, TransferEvent], TransferState] = {
    step: state for step, state in TRANSFER.items() if step[1] is not TransferEvent.EXPIRE
}
"""The same without expiry: past its time the payer's hub asks, and goes on holding."""
FINAL = frozenset({TransferState.COMMITTED, TransferState.ABORTED})


class QuoteState(StrEnum):
    """Asked → quoted → used by one payment; or refused."""

    ASKED = "asked"
    QUOTED = "quoted"
    REFUSED = "refused"
    USED = "used"


QUOTE: Mapping[QuoteState, frozenset[QuoteState]] = {
    QuoteState.ASKED: frozenset({QuoteState.QUOTED, QuoteState.REFUSED}),
    QuoteState.QUOTED: frozenset({QuoteState.USED}),
    QuoteState.REFUSED: frozenset(),
    QuoteState.USED: frozenset(),
}


class AmountType(StrEnum):
    """FSPIOP's: what the payer sends is fixed, or what the payee receives."""

    SEND = "SEND"
    RECEIVE = "RECEIVE"


class Release(StrEnum):
    """When the payee's hub fulfils: once it holds the money, or when it is told to (goods delivered)."""

    AT_ONCE = "at_once"
    ON_ORDER = "on_order"


@dataclass(frozen=True, slots=True)
class Prices:
    """What a hub asks of payments to its members. ``rates``: nano-units of a common numeraire for one unit
    of each currency it exchanges; both in millionths."""

    rates: Mapping[str, int]
    spread_ppm: int = 0
    fee_ppm: int = 0


class Terms(NamedTuple):
    """``send`` leaves the payer, ``fee`` (in its currency) is part of it, ``receive`` comes to the payee."""

    send: Money
    fee: Money
    receive: Money


def terms(amount: Money, kind: AmountType, payer: str, payee: str, prices: Prices) -> Terms | None:
    """What a payment from currency ``payer`` to currency ``payee`` costs; None where there is no rate, or
    nothing would arrive. Rounded so that the desk never loses: what is paid up, what arrives down."""
    if payer == payee:
        numerator, denominator = PPM, PPM
    elif payer in prices.rates and payee in prices.rates:
        numerator = prices.rates[payee] * (PPM + prices.spread_ppm)
        denominator = prices.rates[payer] * PPM
    else:
        return None
    if kind is AmountType.RECEIVE:
        arrives = amount.nano
        base = _up(arrives * numerator, denominator)
        send = base + _up(base * prices.fee_ppm, PPM)
    else:
        send = amount.nano
        base = send * PPM // (PPM + prices.fee_ppm)
        arrives = base * denominator // numerator
    if arrives <= 0:
        return None
    return Terms(Money(send, payer), Money(send - base, payer), Money(arrives, payee))


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


class Leg(NamedTuple):
    source: str
    target: str
    amount: Money
    kind: str


def payer_leg(account: str, peer: str, agreed: Terms) -> Leg:
    """At the payer's hub: the payer pays, the hub owes the peer."""
    return Leg(account, accounts.road(peer, agreed.send.currency), agreed.send, "road-payment")


def payee_legs(account: str, peer: str, agreed: Terms) -> list[Leg]:
    """At the payee's hub: the peer owes, the payee has it; two currencies meet at the desk."""
    send, fee, receive = agreed
    owes = accounts.road(peer, send.currency)
    base = Money(send.nano - fee.nano, send.currency)
    if send.currency == receive.currency:
        legs = [Leg(owes, account, base, "road-payment")]
    else:
        legs = [
            Leg(owes, accounts.fx(send.currency), base, "road-exchange"),
            Leg(accounts.fx(receive.currency), account, receive, "road-payment"),
        ]
    if fee.nano:
        legs.append(Leg(owes, accounts.road_fees(send.currency), fee, "road-fee"))
    return legs
