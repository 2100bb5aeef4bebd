"""What the sections of a configuration owe each other: names that must exist, be unique, or go together.

Pure: yields the path of the key at fault and the reason, first fault first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Protocol

from tradelane.gateway.hub_section import HubSection
from tradelane.gateway.lane_duty import country_of, no_customs
from tradelane.gateway.sections import (
    ClockSection,
    EdgeSection,
    Goods,
    GoodsLane,
    Meter,
    Mqtt,
    ZoneSection,
)
from tradelane.gateway.toml_lines import Loc
from tradelane.market.units import whole
from tradelane.meter.payload import scale_of
from tradelane.meter.push_url import push_address, speaks_by_itself
from tradelane.meter.reading import VALUE_NAMES

Fault = tuple[Loc, str]


class Sections(Protocol):
    @property
    def clock(self) -> ClockSection: ...
    @property
    def edge(self) -> EdgeSection | None: ...
    @property
    def zone(self) -> ZoneSection | None: ...
    @property
    def hub(self) -> HubSection | None: ...


def cross_checks(config: Sections) -> Iterator[Fault]:
    yield from _clock(config.clock)
    if config.edge is not None:
        yield from _edge(config.edge, config.zone)
    if config.zone is not None:
        yield from _zone(config.zone)
    if config.hub is not None:
        yield from _unique(("hub", "currencies"), config.hub.currencies, None)


def _clock(clock: ClockSection) -> Iterator[Fault]:
    if clock.origin is None and clock.speed != 1:
        yield ("clock", "speed"), "a speed other than 1 needs an origin"
    if clock.origin is not None and clock.wall_origin is None:
        yield ("clock", "origin"), "an origin needs a wall_origin, or a restart would turn time back"
    if clock.origin is None and clock.wall_origin is not None:
        yield ("clock", "wall_origin"), "a wall_origin needs an origin"


def _edge(edge: EdgeSection, zone: ZoneSection | None) -> Iterator[Fault]:
    yield from _unique(("edge", "members"), [m.id for m in edge.members], "id")
    yield from _unique(("edge", "meters"), [m.name for m in edge.meters], "name")
    if edge.zone_url is None and zone is None:
        yield ("edge", "zone_url"), "missing: there is no [zone] in this process to trade with"
    yield from _members(edge, zone)
    yield from _meters(edge)
    yield from _lines(edge)
    if edge.mqtt is not None:
        yield from _broker(edge.mqtt)
    if edge.homeassistant is not None and edge.mqtt is None:
        yield ("edge", "homeassistant"), "Home Assistant is spoken to over [edge.mqtt]"


def _members(edge: EdgeSection, zone: ZoneSection | None) -> Iterator[Fault]:
    meters = {m.name for m in edge.meters}
    zones = None if zone is None or edge.zone_url else {z.id for z in zone.zones}
    for index, member in enumerate(edge.members):
        at: Loc = ("edge", "members", index)
        if member.meter is not None and member.meter not in meters:
            yield (*at, "meter"), f"no meter named {member.meter!r}"
        if zones is not None and member.zone not in zones:
            yield (*at, "zone"), f"no zone {member.zone!r}"
        if member.meter is None and (member.sells or (member.buys and member.buys.kind == "household")):
            yield (*at, "meter"), "missing: selling power, or buying for a household, needs a meter"
        if member.buys and member.buys.kind in ("household", "steady"):
            for key in ("max_price", "max_wh"):
                if getattr(member.buys, key) is None:
                    yield (*at, "buys", key), f"missing: a {member.buys.kind} buyer has a limit"


def _meters(edge: EdgeSection) -> Iterator[Fault]:
    members = {m.id for m in edge.members}
    for index, meter in enumerate(edge.meters):
        at: Loc = ("edge", "meters", index)
        if meter.transport == "modbus" and meter.host is None and meter.url is None:
            yield (*at, "host"), "missing: a Modbus meter has a host or a url"
        if meter.transport == "push" and meter.url is None:
            yield (*at, "url"), "missing: a meter that speaks by itself has a url"
        if meter.url is not None and speaks_by_itself(meter.url) != (meter.transport == "push"):
            yield (*at, "url"), f"{meter.url!r} is no address for transport {meter.transport!r}"
        if meter.host is not None and meter.url is not None:
            yield (*at, "url"), "a meter has a host or a url, not both"
        if meter.transport == "mqtt":
            yield from _mqtt(edge, meter, at)
        if meter.member is not None and meter.member not in members:
            yield (*at, "member"), f"no member {meter.member!r}"
        if (meter.lat is None) != (meter.lon is None):
            yield (*at, "lon" if meter.lon is None else "lat"), "missing: a place has both lat and lon"


def _lines(edge: EdgeSection) -> Iterator[Fault]:
    """Meters that speak on one line are told apart by their ids."""
    taken: set[tuple[str, str | None]] = set()
    for index, meter in enumerate(edge.meters):
        if meter.url is not None and speaks_by_itself(meter.url):
            one = str(push_address(meter.url)), meter.device
            if one in taken:
                yield ("edge", "meters", index, "device"), "another meter on its line has the same, or none"
            taken.add(one)


def _mqtt(edge: EdgeSection, meter: Meter, at: Loc) -> Iterator[Fault]:
    if meter.topic is None and not (edge.mqtt and edge.mqtt.subscriptions) and not meter.fields:
        yield (*at, "topic"), "missing: an MQTT meter has a topic"
    if edge.mqtt is None:
        yield (*at, "transport"), "an MQTT meter needs [edge.mqtt]"
    if meter.fields and meter.dialect not in (None, "sparkplug"):
        yield (*at, "fields"), "a meter has a dialect or fields of its own, not both"
    for index, field in enumerate(meter.fields):
        where: Loc = (*at, "fields", index)
        if field.topic is None and meter.topic is None:
            yield (*where, "topic"), "missing: neither it nor its meter has a topic"
        if field.value not in VALUE_NAMES:
            yield (*where, "value"), f"no value {field.value!r}"
        try:
            if field.unit:
                scale_of(field.unit, field.value)
        except ValueError as error:
            yield (*where, "unit"), str(error)


def _broker(mqtt: Mqtt) -> Iterator[Fault]:
    if mqtt.key_file is not None and mqtt.cert_file is None:
        yield ("edge", "mqtt", "key_file"), "a key needs its cert_file"
    if mqtt.password_file is not None and mqtt.user is None:
        yield ("edge", "mqtt", "password_file"), "a password needs a user"


def _zone(zone: ZoneSection) -> Iterator[Fault]:
    yield from _unique(("zone", "zones"), [z.id for z in zone.zones], "id")
    yield from _unique(("zone", "goods"), [g.id for g in zone.goods], "id")
    yield from _unique(("zone", "lanes"), [lane.id for lane in zone.lanes], "id")
    yield from _unique(("zone", "goods_lanes"), [lane.id for lane in zone.goods_lanes], "id")
    for name, lanes in (("lanes", zone.lanes), ("goods_lanes", zone.goods_lanes)):
        yield from _lane_ends(name, lanes, {z.id for z in zone.zones})
    yield from _shared(zone)
    goods = {g.id for g in zone.goods}
    for index, lane in enumerate(zone.goods_lanes):
        if lane.product not in goods:
            yield ("zone", "goods_lanes", index, "product"), f"no goods product {lane.product!r}"
        yield from _duty(("zone", "goods_lanes", index), lane, zone)
    yield from _prices(zone)
    for index, one in enumerate(zone.goods):
        yield from _goods(("zone", "goods", index), one, {z.id for z in zone.zones})
    if zone.hub_url is not None and zone.hub_token_file is None:
        yield ("zone", "hub_token_file"), "missing: an e-hub is spoken to with a token"


def _duty(at: Loc, lane: GoodsLane, zone: ZoneSection) -> Iterator[Fault]:
    if lane.proof_of_origin and not lane.duty_rule:
        yield (*at, "proof_of_origin"), "a proof of origin goes with duty_rule"
    if lane.duty_rule and lane.duty_ppm:
        yield (*at, "duty_ppm"), "a lane states its duty or follows a tariff table, not both"
    target = next((z for z in zone.zones if z.id == lane.target), None)
    if lane.duty_rule and target is not None:
        reason = no_customs(target.country or country_of(target.id), target.currency)
        if reason is not None:
            yield (*at, "duty_rule"), reason


def _shared(zone: ZoneSection) -> Iterator[Fault]:
    lanes, zones = {lane.id for lane in zone.lanes}, {z.id for z in zone.zones}
    yield from _unique(("zone", "lane_sets"), [s.id for s in zone.lane_sets], "id")
    yield from _unique(("zone", "flow_based"), [*(f.id for f in zone.flow_based)], "id")
    names = {s.id for s in zone.lane_sets}
    for index, limit in enumerate(zone.flow_based):
        if limit.id in names:
            yield ("zone", "flow_based", index, "id"), f"a lane set is called {limit.id!r} already"
        for name in limit.ptdf:
            if name not in zones:
                yield ("zone", "flow_based", index, "ptdf"), f"no zone {name!r}"
    for index, together in enumerate(zone.lane_sets):
        for name in together.lanes:
            if name not in lanes:
                yield ("zone", "lane_sets", index, "lanes"), f"no lane {name!r}"


class _Lane(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...


def _lane_ends(name: str, lanes: Iterable[_Lane], zones: set[str]) -> Iterator[Fault]:
    for index, lane in enumerate(lanes):
        for end, zone in (("source", lane.source), ("target", lane.target)):
            if zone not in zones:
                yield ("zone", name, index, end), f"no zone {zone!r}"
        if lane.source == lane.target:
            yield ("zone", name, index, "target"), "a lane joins two different zones"


def _prices(zone: ZoneSection) -> Iterator[Fault]:
    market: Loc = ("zone",)
    limits = [(market, zone.min_price, zone.max_price, zone.tick)]
    limits += [((*market, "goods", i), g.min_price, g.max_price, g.tick) for i, g in enumerate(zone.goods)]
    for at, low, high, tick in limits:
        if high <= low:
            yield (*at, "max_price"), "must be above min_price"
        for key, value in (("min_price", low), ("max_price", high)):
            try:
                whole(value, tick)
            except ValueError as error:
                yield (*at, key), f"{error} (the tick)"


def _goods(at: Loc, goods: Goods, zones: set[str]) -> Iterator[Fault]:
    for zone, price in goods.references.items():
        if zone not in zones:
            yield (*at, "references", zone), f"no zone {zone!r}"
        if not goods.min_price <= price <= goods.max_price:
            yield (*at, "references", zone), "is outside the price limits"
    steps: list[tuple[Loc, Decimal | None, Decimal, str]] = [
        (("references", zone), price, goods.tick, "tick") for zone, price in goods.references.items()
    ]
    steps.append((("collar",), goods.collar, goods.tick, "tick"))
    steps.append((("most_in_order",), goods.most_in_order, goods.lot, "lot"))
    steps.append((("most_open",), goods.most_open, goods.lot, "lot"))
    for key, value, step, name in steps:
        try:
            whole(value or Decimal(0), step)
        except ValueError as error:
            yield (*at, *key), f"{error} (the {name})"


def _unique(at: Loc, names: Iterable[str], key: str | None) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield (*at, index) if key is None else (*at, index, key), f"{name!r} is there twice"
        seen.add(name)
