"""Prices and lots over lanes with the formulas as written, in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tradelane.market.product import Lane, Product, Zone


class NaiveLanes:
    def __init__(self, product: Product, zones: list[Zone], lanes: list[Lane]) -> None:
        self.product = product
        self.zones = {z.id: z for z in zones}
        self.lanes = {lane.id: lane for lane in lanes}
        self.sent = dict.fromkeys(self.lanes, 0)

    def landed(self, lane: Lane, price: int) -> int:
        tick = Fraction(self.product.tick)
        source, target = Fraction(self.zones[lane.source].fx), Fraction(self.zones[lane.target].fx)
        cost = price * tick * source * (1 + Fraction(lane.duty_ppm, 10**6)) + Fraction(lane.tariff)
        return ceil(cost / (1 - Fraction(lane.loss_ppm, 10**6)) / target / tick)

    def netback(self, lane: Lane, price: int) -> int:
        tick = Fraction(self.product.tick)
        source, target = Fraction(self.zones[lane.source].fx), Fraction(self.zones[lane.target].fx)
        worth = price * tick * target * (1 - Fraction(lane.loss_ppm, 10**6)) - Fraction(lane.tariff)
        return floor(worth / (1 + Fraction(lane.duty_ppm, 10**6)) / source / tick)

    def load(self, lane: Lane | None, offered: int, wanted: int) -> tuple[int, int]:
        if lane is None:
            return min(offered, wanted), min(offered, wanted)
        offered = min(offered, max(0, lane.capacity - self.sent[lane.id]))
        if lane.received(offered) <= wanted:
            return offered, lane.received(offered)
        return next(s for s in range(offered + 1) if lane.received(s) == wanted), wanted
