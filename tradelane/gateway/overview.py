"""What the page shows, as one JSON object: ``GET /api/v1/overview`` and the SSE event ``overview``.

Always true: instants are ISO 8601 in UTC, energy is whole watt-hours, amounts are decimal strings.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic on Python 3.11 does not take typing's


class Amount(TypedDict):
    """Money: ``value`` a decimal string of at most nine decimals, ``currency`` an ISO 4217 code."""

    currency: str
    value: str


class ZoneView(TypedDict):
    """A zone's price (``currency`` per MWh, None before its first auction and where nothing was traded) and
    net position.

    ``net_wh`` is in Wh over the interval: exports count positive, imports negative.
    """

    id: str
    name: str
    currency: str
    price: str | None
    net_wh: int


class LaneView(TypedDict):
    """One direction between two zones over the interval, in Wh: sent, received after loss, most possible."""

    id: str
    source: str
    target: str
    sent_wh: int
    received_wh: int
    capacity_wh: int


class TradeView(TypedDict):
    """One match at instant ``at``, without who made it; ``quantity`` is a decimal string in ``unit``."""

    id: str
    at: str
    commodity: Literal["power", "goods"]
    product: str
    quantity: str
    unit: str
    seller_zone: str
    buyer_zone: str
    seller_gets: Amount
    buyer_pays: Amount
    state: str


class Totals(TypedDict):
    """Sold over a border since the journal began: energy in Wh, goods in kg."""

    sold_abroad_wh: int
    sold_abroad_kg: int


class MarcoPolo(TypedDict):
    """How long from the meter's reading to money abroad, in ms of real time, over ``count`` trades."""

    p50: int
    p99: int
    count: int


class Overview(TypedDict):
    """What everyone may see: nothing in it tells of one member.

    ``now`` and ``next_gate`` are instants of the market's clock, which runs ``speed`` times as fast as
    real time; ``interval`` is ISO 8601 start/duration; ``trades`` are newest first, at most 20;
    ``sellers_abroad`` counts those who sell power over a border in the interval.
    """

    now: str
    interval: str
    next_gate: str
    speed: float
    zones: list[ZoneView]
    lanes: list[LaneView]
    trades: list[TradeView]
    sellers_abroad: int
    totals: Totals
    marco_polo_ms: MarcoPolo | None


class MemberView(TypedDict):
    """A member's day, from midnight UTC of the market's clock: money earned, Wh sold, count of sales."""

    id: str
    name: str
    zone: str
    earned_today: Amount
    energy_today_wh: int
    sales_today: int


class OwnTrade(TypedDict):
    """A match as one of its two sees it: ``amount`` is what it gets or pays, ``partner`` the other's name,
    ``order`` its own order."""

    id: str
    order: str
    at: str
    commodity: Literal["power", "goods"]
    product: str
    quantity: str
    unit: str
    side: Literal["sell", "buy"]
    partner: str
    partner_zone: str
    amount: Amount
    state: str


class OwnOrder(TypedDict):
    """An order that stands: ``price`` in the zone's currency per unit, quantities in units."""

    id: str
    product: str
    side: Literal["sell", "buy"]
    price: str
    quantity: str
    filled: str
    at: str


class OwnView(Overview):
    """The market, and in it what only this member may see: its day, its newest trades, its open orders."""

    member: MemberView
    own_trades: list[OwnTrade]
    own_orders: list[OwnOrder]
