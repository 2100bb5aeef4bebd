"""Numbers, money and time as people read them, by locale.

Always true: nothing is shown as minus zero; instants are UTC here and become local in the browser only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from babel.core import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal

from tradelane.gateway.overview import Amount
from tradelane.gateway.web.words import LOCALES, words
from tradelane.market.units import MILLI, MINUTE, instant

CODE_BEFORE_NUMBER = re.compile(r"(?<=[A-Z])(?=\d)")
"""Where CLDR wants a space and Babel puts none: ``NOK 1.25``."""
DATES = {"en": "en_GB"}
"""Whose dates a language takes: those of the world, not of one country."""


class Formats:
    """Every number and instant on the page goes through here, in one locale."""

    def __init__(self, locale: str = LOCALES[0]) -> None:
        self.locale = Locale.parse(locale)
        self._dates = Locale.parse(DATES.get(locale, locale))
        self.words = words(locale)

    def money(self, amount: Amount) -> str:
        """``€1.25``; below one unit of the currency with four decimals, ``€0.0512``."""
        value = Decimal(amount["value"])
        return self._currency(value, 2 if abs(value) >= 1 or not value else 4, amount["currency"])

    def price(self, value: str, currency: str) -> str:
        """A price per MWh to a hundredth; the unit is the caller's to write."""
        return self._currency(Decimal(value), 2, currency)

    def each(self, value: Decimal | str, currency: str) -> str:
        """A price per kWh to a hundredth of a hundredth: ``€0.0512``."""
        return self._currency(Decimal(value), 4, currency)

    def energy(self, wh: int) -> str:
        """Watt-hours to three significant digits in kWh, MWh, GWh or TWh: ``0.64 kWh``, ``3.4 kWh``."""
        value, unit = Decimal(wh) / 1000, "kWh"
        for larger in ("MWh", "GWh", "TWh"):
            if abs(value) < 10_000:
                break
            value, unit = value / 1000, larger
        return f"{self.number(value)}\u00a0{unit}"

    def power(self, watts: Decimal) -> str:
        """``640 W``; from 1000 on in kW to three significant digits."""
        if abs(watts) < 1000:
            return f"{self.number(watts.quantize(Decimal(1)))}\u00a0W"
        return f"{self.number(watts / 1000)}\u00a0kW"

    def number(self, value: Decimal | int) -> str:
        """Three significant digits, but never less than whole ones."""
        value = Decimal(value)
        if value and abs(value) < 1000:
            step = Decimal(1).scaleb(max(value.adjusted() - 2, -3))
            value = value.quantize(step, ROUND_HALF_EVEN)
        else:
            value = value.quantize(Decimal(1), ROUND_HALF_EVEN)
        return str(format_decimal(_no_minus_zero(value), locale=self.locale))

    def quantity(self, text: str, unit: str) -> str:
        """A traded quantity to a thousandth of its unit."""
        value = Decimal(text).quantize(Decimal("0.001"), ROUND_HALF_EVEN)
        return f"{format_decimal(_no_minus_zero(value), locale=self.locale)}\u00a0{unit}"

    def share(self, part: int, whole: int) -> str:
        """A percentage that says 100 only when it is all, and 0 only when it is nothing."""
        if part <= 0 or whole <= 0:
            return "0\u00a0%"
        if part >= whole:
            return "100\u00a0%"
        percent = part * 100 // whole
        return f"{percent}\u00a0%" if percent else "<1\u00a0%"

    def duration(self, ms: int | float) -> str:
        """``43 ms``, ``0.6 s``, ``12 s``, ``3 min``."""
        if ms < 100:
            return f"{round(ms)}\u00a0ms"
        if ms < 9_950:
            return f"{format_decimal(Decimal(round(ms / 100)) / 10, format='0.0', locale=self.locale)}\u00a0s"
        if ms < 2 * MINUTE:
            return f"{round(ms / MILLI)}\u00a0s"
        return f"{round(ms / MINUTE)}\u00a0min"

    def wait(self, ms: int) -> str:
        """A countdown: ``in 8 s``, ``in 11 min 53 s``; the page's script counts on in the same words."""
        seconds = -(-ms // MILLI)
        say = self.words.gettext
        if seconds <= 0:
            return say("now")
        if seconds < 120:
            return say("in %(time)s", time=f"{seconds}\u00a0s")
        return say("in %(time)s", time=f"{seconds // 60}\u00a0min {seconds % 60}\u00a0s")

    def clock(self, iso: str) -> str:
        """``14:03`` in UTC."""
        return format_datetime(_moment(iso), "HH:mm", locale=self.locale)

    def moment(self, iso: str) -> str:
        """A day and a time in UTC, short."""
        return format_datetime(_moment(iso), "short", locale=self._dates)

    def day(self, iso: str) -> str:
        """``Sunday 21 June 2026`` in UTC."""
        return format_date(_moment(iso).date(), "full", locale=self._dates)

    def listing(self, words: list[str]) -> str:
        """``NL, GB and NO2``."""
        return str(format_list(words, locale=self.locale)).replace(", and ", " and ")

    def _currency(self, value: Decimal, decimals: int, currency: str) -> str:
        value = _no_minus_zero(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))
        pattern = self.locale.currency_formats["standard"].pattern.replace(".00", "." + "0" * decimals)
        text = str(format_currency(value, currency, pattern, self.locale, currency_digits=False))
        return CODE_BEFORE_NUMBER.sub("\u00a0", text)


def _no_minus_zero(value: Decimal) -> Decimal:
    return value if value else abs(value)


def _moment(iso: str) -> datetime:
    return datetime.fromtimestamp(instant(iso) / MILLI, UTC)
