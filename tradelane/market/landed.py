"""A lane's arithmetic for one product: prices seen from the other end, and lots sent against received.

Exact: prices are whole ticks of their own zone, the rest are rationals, and rounding is always away from
the taker's advantage, so that at ``landed`` and ``netback`` prices the buyer covers the seller, the duty
and the freight, and no limit is broken: ``landed(p) ≤ b`` exactly when ``p ≤ netback(b)``.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tradelane.market.product import Lane, Zone
from tradelane.market.units import PPM


class Landed:
    """``landed(p) = ⌈(p·fx_s·(1+duty) + freight) / (1−loss) / fx_t⌉``, and its inverse ``netback``; the
    freight with the duty on it, where there is one.

    s is the lane's source and t its target; ``fx`` is the numeraire per unit of a zone's currency, freight
    the lane's tariff in numeraire per unit sent, turned into ticks by ``tick`` (currency per unit).
    ValueError for a lane that loses everything or a currency without worth.
    """

    __slots__ = ("_loss_ppm", "_offset", "_scale", "_slope", "loses")

    def __init__(self, lane: Lane, source: Zone, target: Zone, tick: Decimal) -> None:
        if not 0 <= lane.loss_ppm < PPM:
            raise ValueError(f"lane {lane.id}: loss_ppm is at least 0 and below {PPM}")
        if lane.duty_ppm < 0:
            raise ValueError(f"lane {lane.id}: duty_ppm is at least 0")
        if source.fx <= 0 or target.fx <= 0:
            raise ValueError(f"lane {lane.id}: fx of {source.id} and {target.id} is greater than 0")
        worth = Fraction(PPM - lane.loss_ppm, PPM) * Fraction(target.fx)
        slope = Fraction(source.fx) * Fraction(PPM + lane.duty_ppm, PPM) / worth
        freight = Fraction(lane.tariff) * Fraction(PPM + lane.duty_on_tariff_ppm, PPM)
        offset = freight / Fraction(tick) / worth
        scale = slope.denominator * offset.denominator
        self._slope, self._offset, self._scale = int(slope * scale), int(offset * scale), scale
        self._loss_ppm = lane.loss_ppm
        self.loses = lane.loss_ppm > 0

    def landed(self, price: int) -> int:
        """The source's price in the target's ticks, up to the next whole tick: what a buyer there pays."""
        return -((-price * self._slope - self._offset) // self._scale)

    def netback(self, price: int) -> int:
        """The target's price in the source's ticks, down to a whole tick: what a seller there gets."""
        return (price * self._scale - self._offset) // self._slope

    def received(self, sent: int) -> int:
        """Lots that arrive; the loss is rounded up, as by ``Lane.received``."""
        return sent - -(-sent * self._loss_ppm // PPM)

    def load(self, offered: int, wanted: int) -> tuple[int, int]:
        """Lots ``(sent, received)`` when a seller offers and a buyer wants so many.

        The buyer never receives more than is wanted. A seller who cannot fill the buyer sends all of it;
        otherwise the fewest lots that arrive as ``wanted``. ``received`` is 0 when nothing would arrive.
        """
        received = self.received(offered)
        if received <= wanted:
            return offered, received
        return -(-wanted * PPM // (PPM - self._loss_ppm)), wanted
