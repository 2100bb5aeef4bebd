"""What Prometheus may read of a zone, at ``GET /metrics`` in its text format 0.0.4.

Always true: nothing here tells of one member: alarms are counted by kind, and how old meters' statements are
is told where FEWEST or more of them speak. Energy is in Wh and time in seconds of the market's clock.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import Connection, func, select

from tradelane.gateway import halting, watching
from tradelane.gateway.alarms import Alarming
from tradelane.gateway.market_data import FEWEST
from tradelane.gateway.operations import Operations
from tradelane.gateway.overviews import lanes_in, shown_interval, zones_in
from tradelane.gateway.schedule import POWER
from tradelane.gateway.tables import contracts, journal
from tradelane.market.units import MILLI
from tradelane.settlement.contract import State

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Rows = list[tuple[tuple[str, ...], float]]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: its rows are label values and a number. A counter's name ends in ``_total``."""

    name: str
    words: str
    labels: tuple[str, ...]
    rows: Rows

    def family(self) -> Metric:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        found = kind(self.name, self.words, labels=self.labels)
        for labels, value in self.rows:
            found.add_metric(list(labels), value)
        return found


class Metrics:
    """The journal is counted from where it was counted last."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._counting = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._seen = 0

    async def text(self) -> bytes:
        return text_of(await self._operations.file.read(lambda conn: list(self.figures(conn))))

    def figures(self, conn: Connection) -> Iterator[Figure]:
        yield from self._of_the_journal(conn)
        yield from _of_contracts(conn)
        yield from self._of_the_market(conn)
        yield from self._of_lanes(conn)
        yield from self._of_the_watch(conn)

    def _of_the_journal(self, conn: Connection) -> Iterator[Figure]:
        with self._counting:
            kinds = self._count(conn)
        yield _one("tradelane_journal_length", "Entries of the journal.", sum(kinds.values()))
        entries = dict(sorted(kinds.items()))
        yield _by("tradelane_journal_entries_total", "Entries of the journal by kind.", "kind", entries)
        orders = {"power": kinds["order"], "goods": kinds["goods_order"]}
        yield _by("tradelane_orders_total", "Orders taken.", "market", orders)
        outcomes = {"cleared": kinds["clearing"], "uncleared": kinds["uncleared"]}
        yield _by("tradelane_clearings_total", "Gates by what came of them.", "outcome", outcomes)

    def _count(self, conn: Connection) -> Counter[str]:
        j = journal.c
        query = select(j.kind, func.count(), func.max(j.seq)).where(j.seq > self._seen).group_by(j.kind)
        for kind, count, last in conn.execute(query).all():
            self._counted[kind] += count
            self._seen = max(self._seen, last)
        return Counter(self._counted)

    def _of_the_market(self, conn: Connection) -> Iterator[Figure]:
        ours = self._operations
        zones = zones_in(conn, ours.catalogue, shown_interval(conn, ours.catalogue, ours.clock.now()))
        yield Figure(
            "tradelane_price",
            "Price per MWh in the zone's currency, in the interval that is shown.",
            ("zone", "currency"),
            [((z["id"], z["currency"]), float(z["price"])) for z in zones if z["price"] is not None],
        )
        net = {z["id"]: z["net_wh"] for z in zones}
        yield _by("tradelane_net_position_wh", "Sold abroad (bought: below zero) in it.", "zone", net)
        halts = {name: int(halting.halted(conn, name) is not None) for name in ours.markets}
        yield _by("tradelane_market_halted", "1 of a market that is halted.", "market", halts)
        yield _one("tradelane_market_time_seconds", "The market's clock.", ours.clock.now() / MILLI)

    def _of_lanes(self, conn: Connection) -> Iterator[Figure]:
        ours = self._operations
        lanes = lanes_in(conn, ours.catalogue, shown_interval(conn, ours.catalogue, ours.clock.now()))
        sent = {x["id"]: x["sent_wh"] for x in lanes}
        yield _by("tradelane_lane_sent_wh", "Sent into a lane in the interval that is shown.", "lane", sent)
        arrives = {x["id"]: x["received_wh"] for x in lanes}
        yield _by("tradelane_lane_received_wh", "What arrives of it.", "lane", arrives)
        most = {x["id"]: x["capacity_wh"] for x in lanes}
        yield _by("tradelane_lane_capacity_wh", "The most that can be sent.", "lane", most)
        use = {id: sent[id] / wh for id, wh in most.items() if wh}
        yield _by("tradelane_lane_use_ratio", "Sent, of the most that can be.", "lane", use)

    def _of_the_watch(self, conn: Connection) -> Iterator[Figure]:
        ours = self._operations
        now = ours.clock.now()
        called = Counter(
            (one.alarm.kind.value, "no" if one.seen is None else "yes")
            for one in watching.alarms_now(conn, ours.catalogue, ours.clock)
        )
        cells = [(kind.value, seen) for kind in Alarming for seen in ("no", "yes")]
        rows: Rows = [(cell, called[cell]) for cell in cells]
        yield Figure("tradelane_alarms", "Alarms that stand.", ("alarm", "acknowledged"), rows)
        ages = sorted(
            (now - until) / MILLI for until in watching.stated(conn, ours.catalogue.mtu, now).values()
        )
        yield _one("tradelane_meters", "Members whose meter states what it counts.", len(ages))
        known = {"median": median_low(ages), "oldest": ages[-1]} if len(ages) >= FEWEST else {}
        yield _by("tradelane_meter_age_seconds", "Since meters' newest statements.", "which", known)
        ends = watching.unsettled(conn, now)
        lag = (now - min(ends)) / MILLI if ends else 0
        yield _one("tradelane_settlement_lag_seconds", "Since the oldest delivery that is not settled.", lag)
        back = ours.clock.set_back() / MILLI
        yield _one("tradelane_clock_set_back_seconds", "By how much this machine's clock was set back.", back)


def _of_contracts(conn: Connection) -> Iterator[Figure]:
    c = contracts.c
    query = select(c.state, func.count()).group_by(c.state)
    found = {str(state): int(count) for state, count in conn.execute(query)}
    states = {state.value: found.get(state.value, 0) for state in State}
    yield _by("tradelane_contracts", "Contracts by their state.", "state", states)
    is_power = c.product >= POWER, c.product < watching.AFTER_POWER
    power = conn.execute(select(func.count()).select_from(contracts).where(*is_power)).scalar_one()
    trades = {"power": power, "goods": sum(states.values()) - power}
    yield _by("tradelane_trades_total", "Trades made.", "market", trades)


def _one(name: str, words: str, value: float) -> Figure:
    return Figure(name, words, (), [((), value)])


def _by(name: str, words: str, label: str, values: Mapping[str, float]) -> Figure:
    return Figure(name, words, (label,), [((key,), value) for key, value in values.items()])


def text_of(figures: Iterable[Figure]) -> bytes:
    """In Prometheus' text format 0.0.4."""
    from prometheus_client import CollectorRegistry, generate_latest

    families = [figure.family() for figure in figures]

    class Collected:
        def collect(self) -> list[Metric]:
            return families

    registry = CollectorRegistry()
    registry.register(Collected())
    return generate_latest(registry)


def metrics_router(operations: Operations) -> APIRouter:
    metrics = Metrics(operations)
    router = APIRouter()

    @router.get("/metrics", response_class=PlainTextResponse)
    async def read() -> Response:
        """Clearings, prices, flows, orders, trades, alarms, ages, lags for Prometheus; no member's data."""
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Response(await metrics.text(), headers=headers)

    return router
