"""What a payment costs and what arrives, in one currency or from one to another. Pure, in whole nano-units.

Always true, of every conversion: ``debit = fee + sold`` and ``bought = receive + rounding``; the desk gives
``bought``, which is what ``sold`` is worth at the rate, rounded down. So each currency's legs take exactly
what they give, and a fraction of a nano-unit is never anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradelane.market.units import NANO, PPM, Money
from tradelane.settlement import accounts
from tradelane.settlement.ledger import GREATEST, Transfer

MOST_SPREAD_PPM = 500_000
GREATEST_MID_NANO = 10**6 * NANO


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of ``sell`` is ``mid_nano`` · 10⁻⁹ of ``buy``; the desk keeps ``spread_ppm`` of it."""

    sell: str
    buy: str
    mid_nano: int
    spread_ppm: int

    def bought(self, sold: int) -> int:
        """Nano-units given for ``sold``, rounded down."""
        return sold * self.mid_nano * (PPM - self.spread_ppm) // (NANO * PPM)

    def sold(self, bought: int) -> int:
        """The fewest nano-units for which at least ``bought`` are given."""
        return -(-bought * NANO * PPM // (self.mid_nano * (PPM - self.spread_ppm)))

    def at_mid(self, sold: int) -> int:
        """What there would be without a spread, rounded down."""
        return sold * self.mid_nano // NANO


def par(currency: str) -> Rate:
    """A currency for itself."""
    return Rate(currency, currency, NANO, 0)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Nano-units: ``debit``, ``fee`` and ``sold`` of the rate's ``sell``; ``bought``, ``receive`` and
    ``rounding`` of its ``buy``."""

    rate: Rate
    debit: int
    fee: int
    receive: int

    @property
    def sold(self) -> int:
        return self.debit - self.fee

    @property
    def bought(self) -> int:
        return self.rate.bought(self.sold)

    @property
    def rounding(self) -> int:
        return self.bought - self.receive

    @property
    def spread(self) -> int:
        """What the spread costs, of ``buy``."""
        return self.rate.at_mid(self.sold) - self.bought

    @property
    def possible(self) -> bool:
        """Whether something arrives and every amount can be kept."""
        return self.receive > 0 and max(self.debit, self.bought) <= GREATEST // 4


def of_debit(debit: int, rate: Rate, fee_ppm: int) -> Conversion:
    """All of ``debit`` is spent; the fee is its share, rounded down."""
    fee = debit * fee_ppm // PPM
    return Conversion(rate, debit, fee, rate.bought(debit - fee))


def of_receive(receive: int, rate: Rate, fee_ppm: int) -> Conversion:
    """Exactly ``receive`` arrives, for the least debit; what the desk gives beyond it is rounding."""
    sold = rate.sold(receive)
    debit = (sold - 1) * PPM // (PPM - fee_ppm) + 1  # the least that leaves sold after a fee rounded down
    return Conversion(rate, debit, debit - sold, receive)


def transfers(made: Conversion, payment: str, payer: str, payee: str, memo: str) -> list[Transfer]:
    """The payment's legs, to be made together or not at all."""
    sell, buy = made.rate.sell, made.rate.buy
    if sell == buy:
        moves = [(payer, payee, made.receive, buy, "payment")]
    else:
        moves = [
            (payer, accounts.fx(sell), made.sold, sell, "payment"),
            (accounts.fx(buy), payee, made.receive, buy, "payment"),
            (accounts.fx(buy), accounts.rounding(buy), made.rounding, buy, "rounding"),
        ]
    moves.append((payer, accounts.platform(sell), made.fee, sell, "fee"))
    wanted = [move for move in moves if move[2]]
    return [
        Transfer(f"{payment}/{n}", source, target, Money(nano, currency), kind, memo)
        for n, (source, target, nano, currency, kind) in enumerate(wanted)
    ]
