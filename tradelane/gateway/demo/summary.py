"""What the demo ends with: energy and goods sold abroad, money by person, the Marco Polo time, the checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from tradelane.gateway.config import Config
from tradelane.gateway.doctor import Finding
from tradelane.gateway.overviews import amounts, marco_polo
from tradelane.gateway.store import open_engine
from tradelane.gateway.tables import contracts, flows, members
from tradelane.market.units import Money
from tradelane.settlement.contract import State

IDEA_S = 8
"""Seconds the whole way may take, by the idea behind Tradelane."""


@dataclass(frozen=True)
class Summary:
    """Everything counted over settled contracts; ``lanes`` in Wh and lots sent, ``people`` in their money."""

    power_abroad_wh: int
    goods_abroad_kg: int
    settled: int
    under_way: int
    overdue: int
    power_lanes: dict[str, int]
    priced_lanes: list[str]
    goods_lanes: dict[str, int]
    people: dict[str, str]
    sold_wh: int
    delivered_wh: int
    imbalance_wh: int
    marco_polo_ms: dict[str, int] | None
    checks: list[dict[str, Any]]

    @property
    def ok(self) -> bool:
        return not self.overdue and all(check["ok"] is not False for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"ok": self.ok}


def summarise(config: Config, findings: Sequence[Finding], end: int | None) -> Summary:
    """``end`` (market ms): power delivered by then, and all goods, should be settled; None: nothing has to."""
    assert config.zone is not None
    engine = open_engine(config.zone_db, "BEGIN", readonly=True)
    try:
        with engine.begin() as conn:
            return _summary(conn, findings, end)
    finally:
        engine.dispose()


def _summary(conn: Connection, findings: Sequence[Finding], end: int | None) -> Summary:
    rows = list(conn.execute(select(contracts)).mappings())
    settled = [row for row in rows if row["state"] == State.RELEASED]
    open_ = [row for row in rows if row["state"] not in (State.RELEASED, State.REFUSED, State.REFUNDED)]
    overdue = [
        row
        for row in open_
        if end is not None and (row["commodity"] == "goods" or row["interval_end"] <= end)
    ]
    power = [row for row in settled if row["commodity"] == "power"]
    abroad = [row for row in power if row["path"]]
    goods = [row for row in settled if row["commodity"] == "goods" and row["path"]]
    polo = marco_polo(conn)
    return Summary(
        power_abroad_wh=sum(row["delivered"] for row in abroad),
        goods_abroad_kg=sum(int(row["delivered"] * float(row["detail"]["product"]["lot"])) for row in goods),
        settled=len(settled),
        under_way=len(open_) - len(overdue),
        overdue=len(overdue),
        power_lanes=_by_lane(abroad),
        priced_lanes=sorted(conn.execute(select(flows.c.lane).where(flows.c.sent > 0).distinct()).scalars()),
        goods_lanes=_by_lane(goods),
        people=_people(conn, settled),
        sold_wh=sum(row["sent"] for row in power),
        delivered_wh=sum(row["delivered"] for row in power),
        imbalance_wh=sum(row["imbalance"] for row in power),
        marco_polo_ms=None if polo is None else dict(polo),  # type: ignore[arg-type]  # three integers
        checks=[{"check": f.check, "ok": f.ok, "text": f.text} for f in findings],
    )


def _by_lane(rows: Sequence[Any]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        for lane in row["path"]:
            found[lane] += row["delivered"]
    return dict(sorted(found.items()))


def _people(conn: Connection, settled: Sequence[Any]) -> dict[str, str]:
    """Name → what the member earned (or paid) by its trades, imbalance bills aside."""
    names = {row.id: row.name for row in conn.execute(select(members))}
    money: dict[str, Money] = {}
    for row in settled:
        gets, pays, _ = amounts(row)
        for member, change in ((row["seller"], gets), (row["buyer"], -pays)):
            before = money.get(member)
            money[member] = change if before is None else before + change
    return {
        names.get(member, member): f"{float(total.nano) / 1e9:+.2f} {total.currency}"
        for member, total in sorted(money.items(), key=lambda item: names.get(item[0], item[0]))
    }


def show(summary: Summary, folder: Path | None) -> None:
    """Print the summary for a person."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print()
    table = Table(title="People selling abroad", title_justify="left", show_header=False)
    table.add_row("power sold abroad", f"{summary.power_abroad_wh / 1000:.3f} kWh")
    for lane in summary.priced_lanes:
        table.add_row(f"  over {lane}", f"{summary.power_lanes.get(lane, 0) / 1000:.3f} kWh")
    table.add_row("goods sold abroad", f"{summary.goods_abroad_kg} kg")
    table.add_row(
        "energy sold",
        f"{summary.sold_wh} Wh = {summary.delivered_wh} metered + {summary.imbalance_wh} imbalance",
    )
    table.add_row(
        "contracts settled", f"{summary.settled}; {summary.under_way} under way, {summary.overdue} overdue"
    )
    if summary.marco_polo_ms:
        p50, p99 = (summary.marco_polo_ms[key] / 1000 for key in ("p50", "p99"))
        table.add_row("Marco Polo time", f"p50 {p50:.2f} s, p99 {p99:.2f} s, of {IDEA_S} s")
    console.print(table)
    people = Table(title="Money by person", title_justify="left", show_header=False)
    for name, total in summary.people.items():
        people.add_row(name, total)
    console.print(people)
    for check in summary.checks:
        mark = {True: "[green]ok[/]", False: "[red]failed[/]", None: "[yellow]not looked at[/]"}[check["ok"]]
        console.print(f"{mark} {check['check']}: {check['text']}")
    if folder is not None:
        console.print(f"The data is kept in {folder}")
