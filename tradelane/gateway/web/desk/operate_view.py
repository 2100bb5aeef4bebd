"""What the page of actions shows: markets, lanes border by border, what was set for later, what was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from tradelane.gateway import acts, capacities, halting
from tradelane.gateway.acts import Act, Kind
from tradelane.gateway.alarms import OURSELVES, Alarm, Alarming
from tradelane.gateway.capacities import Setting, setting_of
from tradelane.gateway.catalogue import HOUR, Catalogue
from tradelane.gateway.halting import POWER, Halt
from tradelane.gateway.sections import PowerLane
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.words import Words
from tradelane.market.units import PPM, Interval, iso

SHOWN_ACTS = 50


@dataclass(frozen=True, slots=True)
class LaneNow:
    """``next_kw``: what holds for the first interval that is still open."""

    id: str
    source: str
    target: str
    configured_kw: int
    next_kw: int


@dataclass(frozen=True, slots=True)
class Border:
    """The lanes between two zones, both ways; ``key`` names it in a form."""

    key: str
    lanes: list[LaneNow]


@dataclass(frozen=True, slots=True)
class Seen:
    """``first`` and ``last``: the time that a form proposes, as its inputs have it, in UTC."""

    halts: dict[str, Halt | None]
    borders: list[Border]
    coming: list[tuple[Setting, Act]]
    done: list[Act]
    first: str
    last: str


def seen(conn: Connection, catalogue: Catalogue, now: int, coming: Interval) -> Seen:
    """``coming``: the first interval for which anything can still be set."""
    set_kw = capacities.in_force(conn, coming)
    lanes = [
        LaneNow(x.id, x.source, x.target, x.capacity_kw, set_kw.get(x.id, x.capacity_kw))
        for x in catalogue.section.lanes
    ]
    later = max(coming.end, coming.start + HOUR)
    return Seen(
        {name: halting.halted(conn, name) for name in (POWER, *catalogue.goods)},
        list(borders(catalogue.section.lanes, lanes)),
        [(setting_of(act), act) for act in capacities.to_come(conn, now)[-SHOWN_ACTS:]],
        acts.newest(conn, SHOWN_ACTS),
        *(iso(at).removesuffix("Z") for at in (coming.start, later)),
    )


def borders(sections: Sequence[PowerLane], lanes: Sequence[LaneNow]) -> Iterator[Border]:
    """Lanes that join the same two zones, together."""
    found: dict[frozenset[str], list[LaneNow]] = {}
    for section, lane in zip(sections, lanes, strict=True):
        found.setdefault(frozenset((section.source, section.target)), []).append(lane)
    for together in found.values():
        yield Border(f"{together[0].source} – {together[0].target}", together)


def market_names(catalogue: Catalogue, words: Words) -> dict[str, str]:
    """The markets in a reader's words."""
    return {POWER: words.gettext("Power")} | {id: goods.name for id, goods in catalogue.goods.items()}


def told(act: Act, catalogue: Catalogue, f: Formats) -> str:
    """What was done, as a sentence."""
    say = f.words.gettext
    if act.kind is Kind.ACKNOWLEDGE:
        return say("Acknowledged: %(alarm)s", alarm=alarm_name(act.name, f.words))
    if act.kind is Kind.APPROVE:
        return say("Proposal %(number)s approved at the e-hub", number=act.name)
    if act.kind is Kind.REJECT:
        return say(
            "Proposal %(number)s refused at the e-hub: %(reason)s", number=act.name, reason=act.body["reason"]
        )
    if act.kind is Kind.CAPACITY:
        return _capacity(setting_of(act), str(act.body.get("reason", "")), f)
    market = market_names(catalogue, f.words).get(act.name, act.name)
    if act.kind is Kind.HALT:
        return say("%(market)s halted: %(reason)s", market=market, reason=act.body["reason"])
    return say("%(market)s resumed", market=market)


def alarm_name(key: str, words: Words) -> str:
    """An alarm's kind in a reader's words, and what it is about."""
    kind, _, about = key.partition("/")
    names = {
        Alarming.LANE_FULL: words.gettext("lane full"),
        Alarming.METER_SILENT: words.gettext("meter silent"),
        Alarming.IMBALANCE: words.gettext("imbalance"),
        Alarming.OVERDUE: words.gettext("settlement overdue"),
        Alarming.CLOCK_SKEW: words.gettext("clock off"),
    }
    return f"{names[Alarming(kind)]} {'' if about == OURSELVES else about}".rstrip()


def alarm_told(alarm: Alarm, f: Formats) -> str:
    """What is wrong, as a sentence."""
    say, lasts = f.words.gettext, f.duration(abs(alarm.value))
    if alarm.kind is Alarming.LANE_FULL:
        return say("%(lane)s has carried all it can for %(time)s.", lane=alarm.about, time=lasts)
    if alarm.kind is Alarming.METER_SILENT:
        return say("The meter of %(member)s has stated nothing for %(time)s.", member=alarm.about, time=lasts)
    if alarm.kind is Alarming.IMBALANCE:
        share = f.share(alarm.value, PPM)
        return say("%(share)s of what was sold for the newest interval was not delivered.", share=share)
    if alarm.kind is Alarming.OVERDUE:
        return f.words.ngettext(
            "%(num)s contract of power is delivered and not settled.",
            "%(num)s contracts of power are delivered and not settled.",
            alarm.value,
        )
    if alarm.about == OURSELVES:
        return say("The clock of this machine was set back by %(time)s.", time=lasts)
    return say("The clock of %(member)s's gateway is ahead by %(time)s.", member=alarm.about, time=lasts)


def _capacity(setting: Setting, reason: str, f: Formats) -> str:
    say = f.words.gettext
    span = {"since": f.moment(iso(setting.delivery.start)), "until": f.moment(iso(setting.delivery.end))}
    if setting.kw is None:
        text = say("%(lane)s as configured, %(since)s to %(until)s", lane=setting.lane, **span)
    else:
        power = f.power(Decimal(setting.kw * 1000))
        text = say("%(lane)s %(power)s, %(since)s to %(until)s", lane=setting.lane, power=power, **span)
    return f"{text} ({reason})" if reason else text
