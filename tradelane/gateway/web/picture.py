"""Where zones and lanes lie on the map: geometry only, drawn by ``templates/map.html``.

Zones stand on an ellipse in the order given, the first at the top, clockwise; the canvas grows with their
number so that cards never overlap. A lane bows to its own right, so that the two directions between two
zones run side by side. Units are SVG user units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin

from tradelane.gateway.overview import LaneView, Overview, ZoneView

CARD_WIDTH, CARD_HEIGHT = 116.0, 68.0
MARGIN = 6.0
LABEL_ROOM = 24.0
"""Room above and below for the label of a lane that bows past the cards."""
NARROWEST, WIDEST = 3.5, 14.0
"""Stroke width of a lane with almost no flow, and of the one with the most."""
MOST_LABELS = 8
"""With more flows than this, only full lanes carry a label; the table has the rest."""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ZoneCard:
    """A zone's card by its centre."""

    zone: ZoneView
    at: Point

    @property
    def left(self) -> float:
        return round(self.at.x - CARD_WIDTH / 2, 1)

    @property
    def top(self) -> float:
        return round(self.at.y - CARD_HEIGHT / 2, 1)


@dataclass(frozen=True, slots=True)
class LaneArrow:
    """A lane's path and head. ``use`` is in per cent of capacity; ``width`` follows the energy sent."""

    lane: LaneView
    path: str
    head: str
    gate: str
    label: Point | None
    width: float
    use: float
    full: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole map, ``width`` × ``height``."""

    width: float
    height: float
    zones: list[ZoneCard]
    lanes: list[LaneArrow]


def is_full(lane: LaneView) -> bool:
    """Congested: the lane carries all it can."""
    return lane["sent_wh"] >= lane["capacity_wh"] > 0


def draw(overview: Overview) -> Picture:
    """Lay out any number of zones; a lane to a zone that is not in the overview is left out."""
    width, height, cards = _place(overview["zones"])
    places = {card.zone["id"]: card.at for card in cards}
    lanes = [
        lane
        for lane in overview["lanes"]
        if lane["source"] != lane["target"] and lane["source"] in places and lane["target"] in places
    ]
    most = max((lane["sent_wh"] for lane in lanes), default=0)
    crowded = sum(lane["sent_wh"] > 0 for lane in lanes) > MOST_LABELS
    arrows = [_arrow(lane, places[lane["source"]], places[lane["target"]], most, crowded) for lane in lanes]
    return Picture(width, height, cards, sorted(arrows, key=lambda arrow: arrow.lane["sent_wh"]))


def _place(zones: Sequence[ZoneView]) -> tuple[float, float, list[ZoneCard]]:
    count = len(zones)
    if count < 3:
        points = [Point(index * 270.0, 0.0) for index in range(count)]
    else:
        across = max(136.0, count * (CARD_WIDTH + 18) / (2 * pi))
        down = max(124.0, count * (CARD_HEIGHT + 30) / (2 * pi))
        turns = [2 * pi * index / count - pi / 2 for index in range(count)]
        points = [Point(across * cos(turn), down * sin(turn)) for turn in turns]
    beside, above = CARD_WIDTH / 2 + MARGIN, CARD_HEIGHT / 2 + (LABEL_ROOM if count > 1 else MARGIN)
    left = min((p.x for p in points), default=0.0) - beside
    top = min((p.y for p in points), default=0.0) - above
    width = max((p.x for p in points), default=0.0) + beside - left
    height = max((p.y for p in points), default=0.0) + above - top
    cards = [
        ZoneCard(zone, Point(round(p.x - left, 1), round(p.y - top, 1)))
        for zone, p in zip(zones, points, strict=True)
    ]
    return round(width, 1), round(height, 1), cards


def _arrow(lane: LaneView, source: Point, target: Point, most: int, crowded: bool) -> LaneArrow:
    length = hypot(target.x - source.x, target.y - source.y)
    along = Point((target.x - source.x) / length, (target.y - source.y) / length)
    right = Point(-along.y, along.x)
    bow = 4 + length * 0.08
    start = _shift(source, along, _edge(along) + 5, right, 9)
    flowing = lane["sent_wh"] > 0
    width = NARROWEST + (WIDEST - NARROWEST) * lane["sent_wh"] / most if flowing else NARROWEST
    reach = 7 + width * 0.9 if flowing else 8.0
    tip = _shift(target, along, -_edge(along) - 4, right, 9)
    middle = Point((start.x + tip.x) / 2 + right.x * bow, (start.y + tip.y) / 2 + right.y * bow)
    arriving = _unit(middle, tip)
    end = Point(tip.x - arriving.x * reach, tip.y - arriving.y * reach)
    half = reach * 0.72 if flowing else 4.5
    across = Point(-arriving.y, arriving.x)
    head = " ".join(
        _xy(p)
        for p in (
            tip,
            Point(end.x + across.x * half, end.y + across.y * half),
            Point(end.x - across.x * half, end.y - across.y * half),
        )
    )
    full = is_full(lane)
    crest = Point((start.x + end.x) / 4 + middle.x / 2, (start.y + end.y) / 4 + middle.y / 2)
    label = _shift(crest, right, 11 + width / 2 + 24 * abs(right.x), along, 0) if flowing and (full or not crowded) else None
    return LaneArrow(
        lane=lane,
        path=f"M{_xy(start)} Q{_xy(middle)} {_xy(end)}",
        head=head,
        gate=_bars(end, arriving, across, half),
        label=label,
        width=round(width, 1),
        use=round(min(100.0, 100 * lane["sent_wh"] / lane["capacity_wh"]), 1) if lane["capacity_wh"] else 0.0,
        full=full,
    )


def _bars(end: Point, arriving: Point, across: Point, half: float) -> str:
    """Two bars across the lane before its head: the sign of a full lane, seen without colour."""
    bars = []
    for back in (5.0, 10.0):
        x, y = end.x - arriving.x * back, end.y - arriving.y * back
        one = Point(x + across.x * half, y + across.y * half)
        two = Point(x - across.x * half, y - across.y * half)
        bars.append(f"M{_xy(one)} L{_xy(two)}")
    return " ".join(bars)


def _edge(along: Point) -> float:
    """Distance from a card's centre to its border in direction ``along``."""
    over_x = CARD_WIDTH / 2 / abs(along.x) if along.x else float("inf")
    over_y = CARD_HEIGHT / 2 / abs(along.y) if along.y else float("inf")
    return min(over_x, over_y)


def _unit(one: Point, two: Point) -> Point:
    length = hypot(two.x - one.x, two.y - one.y) or 1.0
    return Point((two.x - one.x) / length, (two.y - one.y) / length)


def _shift(start: Point, one: Point, by: float, two: Point, also: float) -> Point:
    return Point(
        round(start.x + one.x * by + two.x * also, 1), round(start.y + one.y * by + two.y * also, 1)
    )


def _xy(point: Point) -> str:
    return f"{point.x:.1f},{point.y:.1f}"
