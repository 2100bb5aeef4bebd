"""Where zones and lanes lie on the map: geometry only, drawn by ``templates/market/map.html``.

Zones stand on an ellipse in the order given, the first at the top, clockwise; the canvas grows with their
number so that cards never overlap. A lane bows to its own right, so that the two directions between two
zones run side by side. Units are SVG user units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, cos, hypot, inf, pi, sin

from tradelane.gateway.overview import LaneView, ZoneView

CARD_WIDTH, CARD_HEIGHT = 116.0, 68.0
GAP = 52.0
"""Least distance between two cards, across or down, so that a lane shows between them."""
MARGIN = 6.0
LABEL_ROOM = 24.0
"""Room above and below for the label of a lane that bows past the cards."""
BESIDE = 9.0
"""How far a lane runs to the right of the line between two centres."""
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
    """A lane's path and head. ``bars`` cross a full one; ``use`` is in per cent of capacity."""

    lane: LaneView
    path: str
    head: str
    bars: str
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


def draw(zones: Sequence[ZoneView], lanes: Sequence[LaneView]) -> Picture:
    """Lay out any number of zones; a lane to a zone that is not there is left out."""
    width, height, cards = _place(zones)
    places = {card.zone["id"]: card.at for card in cards}
    drawn = [
        lane
        for lane in lanes
        if lane["source"] != lane["target"] and lane["source"] in places and lane["target"] in places
    ]
    most = max((lane["sent_wh"] for lane in drawn), default=0)
    crowded = sum(lane["sent_wh"] > 0 for lane in drawn) > MOST_LABELS
    arrows = [_arrow(lane, places[lane["source"]], places[lane["target"]], most, crowded) for lane in drawn]
    return Picture(width, height, cards, sorted(arrows, key=lambda arrow: arrow.lane["sent_wh"]))


def _place(zones: Sequence[ZoneView]) -> tuple[float, float, list[ZoneCard]]:
    count = len(zones)
    points = _ring(count) if count > 2 else [Point(index * 270.0, 0.0) for index in range(count)]
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


def _ring(count: int) -> list[Point]:
    """An ellipse just wide enough that neighbours, and neighbours but one, stand GAP apart."""
    turns = [2 * pi * index / count - pi / 2 for index in range(count)]
    across, down = 136.0, 124.0
    while True:
        points = [Point(across * cos(turn), down * sin(turn)) for turn in turns]
        if all(_gap(points[index - step], points[index]) >= GAP for index in range(count) for step in (1, 2)):
            return points
        across, down = across * 1.06, down * 1.06


def _gap(one: Point, other: Point) -> float:
    return max(abs(one.x - other.x) - CARD_WIDTH, abs(one.y - other.y) - CARD_HEIGHT)


def _arrow(lane: LaneView, source: Point, target: Point, most: int, crowded: bool) -> LaneArrow:
    sent, full = lane["sent_wh"], is_full(lane)
    width = NARROWEST + (WIDEST - NARROWEST) * sent / most if sent > 0 else NARROWEST
    reach, half = (7 + width * 0.9, 5 + width * 0.65) if sent > 0 else (8.0, 4.5)
    start, bend, tip, right = _curve(source, target)
    arriving = _towards(bend, tip)
    across = _right_of(arriving)
    end = _shift(tip, arriving, -reach, across, 0)
    crest = Point((start.x + end.x) / 4 + bend.x / 2, (start.y + end.y) / 4 + bend.y / 2)
    beside = 11 + width / 2 + (30 if full else 18) * abs(right.x)
    corners = (tip, _shift(end, across, half, arriving, 0), _shift(end, across, -half, arriving, 0))
    return LaneArrow(
        lane=lane,
        path=f"M{_xy(start)} Q{_xy(bend)} {_xy(end)}",
        head=" ".join(_xy(corner) for corner in corners),
        bars=" ".join(_bar(end, arriving, -back, across, half) for back in (5.0, 10.0)),
        label=_shift(crest, right, beside, arriving, 0) if sent > 0 and (full or not crowded) else None,
        width=round(width, 1),
        use=round(min(100.0, 100 * sent / lane["capacity_wh"]), 1) if lane["capacity_wh"] else 0.0,
        full=full,
    )


def _curve(source: Point, target: Point) -> tuple[Point, Point, Point, Point]:
    """Start, control point and tip of a lane between two cards' borders, and the direction it bows to."""
    along = _towards(source, target)
    back, right = Point(-along.x, -along.y), _right_of(along)
    start = _shift(source, along, _edge(along, right) + 5, right, BESIDE)
    tip = _shift(target, back, _edge(back, right) + 4, right, BESIDE)
    bow = 4 + hypot(target.x - source.x, target.y - source.y) * 0.08
    return (
        start,
        Point((start.x + tip.x) / 2 + right.x * bow, (start.y + tip.y) / 2 + right.y * bow),
        tip,
        right,
    )


def _bar(end: Point, arriving: Point, by: float, across: Point, half: float) -> str:
    """A bar across the lane before its head: the sign of a full lane, seen without colour."""
    return f"M{_xy(_shift(end, arriving, by, across, half))} L{_xy(_shift(end, arriving, by, across, -half))}"


def _edge(along: Point, right: Point) -> float:
    """How far ``along`` leads out of a card, from ``BESIDE`` its centre on the lane's right."""
    x, y = right.x * BESIDE, right.y * BESIDE
    over_x = (CARD_WIDTH / 2 - copysign(x, x * along.x)) / abs(along.x) if along.x else inf
    over_y = (CARD_HEIGHT / 2 - copysign(y, y * along.y)) / abs(along.y) if along.y else inf
    return min(over_x, over_y)


def _towards(one: Point, two: Point) -> Point:
    length = hypot(two.x - one.x, two.y - one.y) or 1.0
    return Point((two.x - one.x) / length, (two.y - one.y) / length)


def _right_of(direction: Point) -> Point:
    return Point(-direction.y, direction.x)


def _shift(start: Point, one: Point, by: float, two: Point, also: float) -> Point:
    return Point(round(start.x + one.x * by + two.x * also, 1), round(start.y + one.y * by + two.y * also, 1))


def _xy(point: Point) -> str:
    return f"{point.x:.1f},{point.y:.1f}"
