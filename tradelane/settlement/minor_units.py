"""How many decimals banks move of a currency (ISO 4217)."""

from __future__ import annotations

from tradelane.market.units import Money

_USUAL = 2
_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_OTHERS = {currency: decimals for decimals, names in _BY_DECIMALS.items() for currency in names.split()}


def payable(amount: Money) -> Money:
    """The whole minor units in an amount that is not below zero; the rest cannot be paid by a bank."""
    step: int = 10 ** (9 - _OTHERS.get(amount.currency, _USUAL))
    return Money(amount.nano - amount.nano % step, amount.currency)
