"""The sections of a configuration file. Unknown keys are errors; numbers that carry money or energy per unit
of money are decimal strings.

The names carry their unit where the type does not: ``_wh``, ``_kw``, ``_ppm`` (millionths), ``_minutes``.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tradelane.gateway.alarms_section import AlarmLimits
from tradelane.gateway.operators_section import OwnOperator
from tradelane.gateway.section_types import (
    Amount,
    Country,
    Currency,
    HsCode,
    Id,
    Instant,
    Level,
    LineUrl,
    Names,
    NotNegative,
    Port,
    Positive,
    Ppm,
    Section,
    Text,
    Url,
    divides_the_day,
)
from tradelane.market.prevention import Prevention
from tradelane.market.units import Interval
from tradelane.settlement import eic as eic_codes

Eic = Annotated[str, AfterValidator(eic_codes.checked)]


class ClockSection(Section):
    """Market time; without ``origin`` it is the machine's time. Units: see ``clock.Clock``."""

    speed: int = Field(default=1, ge=1)
    origin: Instant | None = None
    wall_origin: int | None = None


class MqttValue(Section):
    """One value of an MQTT meter: it stands at ``path`` (keys with dots; none: the payload is a number) of
    messages on ``topic`` (the meter's own, if not named), in ``unit`` times ``scale``."""

    value: str
    topic: str | None = None
    path: str = ""
    role: Literal["grid", "solar", "battery", "load"] = "grid"
    unit: str = ""
    scale: Amount = Decimal(1)


class Subscription(Section):
    """Many meters from one subscription: their names come from the topic, at {meter} of the dialect's."""

    topic: Text
    dialect: str = "json"


class Mqtt(Section):
    """The broker that MQTT meters publish to. Paths name PEM files; ``ca_file`` alone encrypts too."""

    host: str
    port: Port = 1883
    user: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    subscriptions: tuple[Subscription, ...] = ()


class HomeAssistant(Section):
    """Members as devices in Home Assistant, over the broker of ``[edge.mqtt]``. ``topic``: under which this
    gateway speaks, its own on that broker; ``prefix``: where Home Assistant looks for devices; ``controls``:
    whether selling and the least price may be changed from there, by whoever may publish to the broker."""

    topic: Level = "tradelane"
    prefix: Level = "homeassistant"
    controls: bool = True


class Meter(Section):
    """A device that is read. Modbus needs ``host`` or ``url``; MQTT a ``topic``, or a subscription that has
    its name, and ``fields`` where no ``dialect`` knows it; push, a smart meter that speaks by itself, a
    ``url``, and its own id as ``device`` where others are on the same line. ``lat``, ``lon`` in degrees.
    ``rated_kw``: the most its connection carries; ``resolution_wh``: its counters' smallest step, if its
    profile says none."""

    name: Id
    transport: Literal["modbus", "mqtt", "push"]
    host: str | None = None
    port: Port = 502
    url: LineUrl | None = None
    unit: int = Field(default=1, ge=0, le=247)
    profile: str | None = None
    device: Text | None = None
    topic: str | None = None
    dialect: str | None = None
    fields: tuple[MqttValue, ...] = ()
    member: Id | None = None
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    rated_kw: Positive | None = None
    resolution_wh: int = Field(default=1, ge=1, le=100_000)


class Buyer(Section):
    """How a member buys power: what its meter last used (``household``), a fixed amount (``steady``), or the
    day of a kind of consumer (market/consumer.py).

    ``max_price`` in currency per MWh; ``max_wh`` in Wh per market time unit. A household and a steady buyer
    need both. ``price_factor`` multiplies a consumer kind's price steps, which are in round euros. It would
    rather buy power of these ``origins``, the dearest first. It buys what is delivered ``since`` and before
    ``until``, where these are said.
    """

    kind: Literal["household", "steady", "bakery", "cold store", "heat pump", "charging post"] = "household"
    max_price: Amount | None = None
    max_wh: int | None = Field(default=None, gt=0)
    price_factor: Positive = Decimal(1)
    origins: Names = ()
    since: Instant | None = None
    until: Instant | None = None

    def wants(self, delivery: Interval) -> bool:
        """Whether power delivered then is to be bought."""
        begun = self.since is None or self.since <= delivery.start
        return begun and (self.until is None or delivery.end <= self.until)


class GoodsOffer(Section):
    """A standing offer: ``quantity`` units at ``price`` (currency per unit) at every ``every``-th gate."""

    product: Id
    side: Literal["sell", "buy"]
    price: Amount
    quantity: Positive
    every: int = Field(default=1, ge=1)


class Member(Section):
    """A member this edge trades for. ``min_price`` in currency per MWh; ``keep_wh`` in Wh per MTU. Offered is
    what fell short in ``offer_quantile`` of past forecasts, so that most of what is sold is there. It would
    rather trade power with ``partners`` (members, the dearest first) and its ``community``; ``origin`` is
    what its surplus is made from. ``first``: whom it would rather sell to, from its partners on, from its
    community on, or anyone. ``below_zero``: it also sells where it has to pay for it. ``feed_in``: what its
    surplus earns elsewhere, currency per MWh."""

    id: Id
    name: Text
    zone: Id
    sells: bool = False
    min_price: Amount = Decimal(0)
    keep_wh: int = Field(default=0, ge=0)
    offer_quantile: float = Field(default=0.3, ge=0, le=0.5)
    meter: Id | None = None
    buys: Buyer | None = None
    goods: tuple[GoodsOffer, ...] = ()
    community: Id | None = None
    partners: Names = ()
    origin: Id | None = "solar"
    first: Literal["partners", "community", "anyone"] = "partners"
    below_zero: bool = False
    feed_in: Amount | None = None
    key_file: Path | None = None

    @property
    def least_price(self) -> Decimal:
        """From what price on it sells, currency per MWh."""
        return self.min_price if self.below_zero else max(self.min_price, Decimal(0))

    @property
    def sells_to(self) -> dict[str, Any]:
        """Whom it would rather sell to, as an order says it."""
        partners = list(self.partners) if self.first == "partners" else []
        return {"community": None if self.first == "anyone" else self.community, "partners": partners}


class EdgeSection(Section):
    """Reads meters and trades for members. No ``zone_url``: the zone of this same process. All readings are
    kept for ``keep_readings_days``; of older ones, what their intervals were closed from. ``profiles``: a
    folder of one's own Modbus profiles, found there by name before those that come with Tradelane. Readings
    are on disk ``commit_ms`` after they came, in one commit: shorter wears an SD card more."""

    zone_url: Url | None = None
    poll_seconds: int = Field(default=10, ge=1)
    commit_ms: int = Field(default=1000, ge=10, le=60_000)
    keep_readings_days: int = Field(default=14, ge=1)
    members: tuple[Member, ...] = ()
    meters: tuple[Meter, ...] = ()
    mqtt: Mqtt | None = None
    homeassistant: HomeAssistant | None = None
    profiles: Path | None = None

    def owner(self, meter: str) -> str | None:
        """The member whose energy a meter counts: named by the meter, or naming it."""
        named = next((m.member for m in self.meters if m.name == meter), None)
        return named or next((m.id for m in self.members if m.meter == meter), None)


class ZoneEntry(Section):
    """A bidding zone. ``fx`` is numeraire per unit of ``currency``; ``country``, ISO 3166, is what customs
    goes by: the first two letters of ``id`` where it is not said. What is sold over its borders is nominated
    to its grid's ``operator`` where that and the zone's own ``eic`` are said."""

    id: Id
    name: Text
    currency: Currency
    fx: Positive = Decimal(1)
    country: Country | None = None
    eic: Eic | None = None
    operator: Eic | None = None


class PowerLane(Section):
    """A directed interconnector. ``tariff`` in numeraire per MWh sent."""

    id: Id
    source: Id
    target: Id
    capacity_kw: int = Field(ge=0)
    loss_ppm: Ppm = 0
    tariff: NotNegative = Decimal(0)


class LaneSet(Section):
    """Interconnectors that carry at most ``capacity_kw`` together."""

    id: Id
    lanes: tuple[Id, ...] = Field(min_length=1)
    capacity_kw: int = Field(ge=0)


class FlowBased(Section):
    """A network element with ``ram_kw`` to spare that carries ``ptdf`` of each zone's net position."""

    id: Id
    ptdf: dict[Id, Amount] = Field(min_length=1)
    ram_kw: int = Field(ge=0)


class Goods(Section):
    """A goods product. ``lot`` in ``unit``, ``tick`` and the price limits in zone currency per ``unit``.

    For ``pre_open_minutes`` of its day (UTC) orders are collected, then an auction opens the market. A price
    may be ``collar`` away from the zone's last trade, before the first from its ``references``. One member
    may have so much in one order (``most_in_order``), so many ``most_open_orders``, so much ``most_open``.
    """

    id: Id
    name: Text
    hs_code: HsCode
    unit: Text
    lot: Positive
    tick: Positive
    min_price: NotNegative = Decimal(0)
    max_price: Positive
    pre_open_minutes: int = Field(default=0, ge=0, lt=1440)
    collar: Positive | None = None
    references: dict[Id, Amount] = Field(default_factory=dict)
    self_trade: Prevention = Prevention.NONE
    most_in_order: Positive | None = None
    most_open: Positive | None = None
    most_open_orders: int | None = Field(default=None, ge=1)


class GoodsLane(Section):
    """A directed freight route for one product. ``capacity`` in lots per day, ``freight`` in numeraire per
    unit, ``duty_ppm`` ad valorem at the target's border, ``days`` under way (noted only). With ``duty_rule``
    duty and import tax are the target's, by its tariff table, charged by customs at the border; with
    ``proof_of_origin`` the preferential duty."""

    id: Id
    product: Id
    source: Id
    target: Id
    capacity: int = Field(ge=0)
    freight: NotNegative
    duty_ppm: int = Field(default=0, ge=0)
    duty_rule: bool = False
    proof_of_origin: bool = False
    days: int = Field(ge=0)


class Imbalance(Section):
    """What a Wh sold but not metered costs: the seller's price moved against it by ``penalty_ppm``."""

    penalty_ppm: int = Field(default=0, ge=0, le=10_000_000)


class ZoneSection(Section):
    """A market of one or more zones. Power prices in zone currency per MWh. Who shows the secret in
    ``operator_token_file`` (by default ``data_dir/zone.token``, made when missing) operates it.
    ``eic``: by which its operators know the market. ``hub_operator``: which of its e-hub's is here."""

    id: Id
    name: Text
    numeraire: Currency
    eic: Eic | None = None
    zones: tuple[ZoneEntry, ...] = Field(min_length=1)
    lanes: tuple[PowerLane, ...] = ()
    lane_sets: tuple[LaneSet, ...] = ()
    flow_based: tuple[FlowBased, ...] = ()
    goods: tuple[Goods, ...] = ()
    goods_lanes: tuple[GoodsLane, ...] = ()
    mtu_minutes: Annotated[int, Field(ge=1), AfterValidator(divides_the_day)] = 15
    gate_lead_minutes: int = Field(default=5, ge=0)
    settle_grace_minutes: int = Field(default=5, ge=0)
    imbalance: Imbalance = Imbalance()
    alarms: AlarmLimits = AlarmLimits()
    min_price: Amount = Decimal(-500)
    max_price: Amount = Decimal(4000)
    tick: Positive = Decimal("0.01")
    hub_url: Url | None = None
    hub_token_file: Path | None = None
    hub_operator: OwnOperator | None = None
    operator_token_file: Path | None = None
