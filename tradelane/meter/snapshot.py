"""A meter's history as JSON, and back: what it knows is kept with the intervals it has closed. Pure.

Always true: a history restored and fed with the readings that followed is the history that went on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tradelane.meter.counter import Counter, Mark, Rules, State
from tradelane.meter.frozen import Sameness
from tradelane.meter.history import MeterHistory, Point
from tradelane.meter.power import Flow
from tradelane.meter.scale import Scale
from tradelane.meter.timing import Timing

Json = dict[str, Any]


def saved(history: MeterHistory) -> Json:
    """All but the name and the rules, which the configuration gives."""
    return {
        "counters": {name: asdict(counter) for name, counter in history.counters.items()},
        "points": {name: [list(point) for point in points] for name, points in history.points.items()},
        "flows": {name: asdict(flow) for name, flow in history.flows.items()},
        "scales": {role: asdict(scale) for role, scale in history.scales.items()},
        "same": {
            role: {"values": dict(one.values), "repeats": one.repeats} for role, one in history.same.items()
        },
        "timing": asdict(history.timing),
        "told": history.told,
        "changed": history.changed,
    }


def restored(meter: str, body: Json, rule: Rules, rules: Mapping[str, Rules]) -> MeterHistory:
    """The inverse of ``saved``; KeyError or TypeError when the form is not that."""
    timing = body["timing"]
    return MeterHistory(
        meter,
        rule,
        rules,
        counters={name: _counter(one) for name, one in body["counters"].items()},
        points={name: [Point(*point) for point in points] for name, points in body["points"].items()},
        flows={name: Flow(**one) for name, one in body["flows"].items()},
        scales={role: Scale(**one) for role, one in body["scales"].items()},
        same={role: Sameness(**one) for role, one in body["same"].items()},
        timing=Timing(tuple(timing["offsets"]), None if timing["odd"] is None else tuple(timing["odd"])),
        told=dict(body["told"]),
        changed=body["changed"],
    )


def _counter(body: Json) -> Counter:
    held = body["held"]
    return Counter(
        State(body["state"]),
        _mark(body["last"]),
        body["moved"],
        _mark(body["base"]),
        _mark(body["old"]),
        None if held is None else (Mark(**held[0]), Mark(**held[1])),
        body["count"],
    )


def _mark(body: Json | None) -> Mark | None:
    return None if body is None else Mark(**body)
