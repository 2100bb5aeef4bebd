"""What the demo ends with: energy and goods sold abroad, money by person, the Marco Polo time, the checks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from tradelane.gateway.config import Config
from tradelane.gateway.demo.story import due_by, money
from tradelane.gateway.demo.ways import Way, ways
from tradelane.gateway.doctor import Finding
from tradelane.gateway.overviews import marco_polo
from tradelane.gateway.store import open_engine
from tradelane.gateway.tables import contracts, flows, members, prices
from tradelane.market.units import Money
from tradelane.settlement import accounts
from tradelane.settlement.contract import FINAL, State
from tradelane.settlement.ehub.server.tables import transfers

if TYPE_CHECKING:
    from rich.console import Console

OFFERS = re.compile(r"(\d+) of (\d+) offers covered")
IDEA_S = 8
"""Seconds the whole way may take, by the idea behind Tradelane; Marco Polo took eight years."""


@dataclass(frozen=True)
class Summary:
    """Everything counted over settled contracts. ``power_lanes`` in Wh delivered, ``goods_lanes`` in lots,
    ``people`` in their money, earners first. ``priced_lanes`` are those that clearings sent power over.
    ``complete``: all that was to be shown was shown; ``overdue`` contracts should have been settled by then.
    """

    power_abroad_wh: int
    goods_abroad_kg: int
    settled: int
    refused: int
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
    complete: bool
    ways: tuple[Way, ...] = ()
    checks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        sound = not self.overdue and all(check["ok"] is not False for check in self.checks)
        sound = sound and all(way.balanced for way in self.ways)
        return sound and (self.settled > 0 or not self.complete)

    def checked(self, findings: Iterable[Finding]) -> Summary:
        return replace(self, checks=[{"check": f.check, "ok": f.ok, "text": f.text} for f in findings])

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {"ways": [way.as_json() for way in self.ways], "ok": self.ok}


def summarise(config: Config, far: Path, end: int | None) -> Summary:
    """Without checks. ``end`` (market ms): what was sold by then should be settled; None: nothing has to be.

    ``config`` has a [zone] and a [hub] whose files are there; ``far`` is the other hub's.
    """
    engines = [open_engine(path, "BEGIN", readonly=True) for path in (config.zone_db, config.hub_db, far)]
    try:
        with engines[0].begin() as zone, engines[1].begin() as hub, engines[2].begin() as far_hub:
            return replace(_summary(zone, hub, end), ways=tuple(ways(zone, hub, far_hub)))
    finally:
        for engine in engines:
            engine.dispose()


def _summary(zone: Connection, hub: Connection, end: int | None) -> Summary:
    rows = list(zone.execute(select(contracts)).mappings())
    settled = [row for row in rows if row["state"] == State.RELEASED]
    open_ = sum(row["state"] not in FINAL for row in rows)
    overdue = 0 if end is None else _overdue(zone, end)
    power = [row for row in settled if row["commodity"] == "power"]
    abroad = [row for row in power if row["path"]]
    goods = [row for row in settled if row["commodity"] == "goods" and row["path"]]
    polo = marco_polo(zone)
    return Summary(
        power_abroad_wh=sum(row["delivered"] for row in abroad),
        goods_abroad_kg=sum(int(row["delivered"] * float(row["detail"]["product"]["lot"])) for row in goods),
        settled=len(settled),
        refused=sum(row["state"] == State.REFUSED for row in rows),
        under_way=open_ - overdue,
        overdue=overdue,
        power_lanes=_by_lane(abroad),
        priced_lanes=_priced(zone, {row["product"] for row in power}, end),
        goods_lanes=_by_lane(goods),
        people=_people(zone, hub),
        sold_wh=sum(row["sent"] for row in power),
        delivered_wh=sum(row["delivered"] for row in power),
        imbalance_wh=sum(row["imbalance"] for row in power),
        marco_polo_ms=None if polo is None else dict(polo),  # type: ignore[arg-type]  # three integers
        complete=end is not None,
    )


def _overdue(zone: Connection, end: int) -> int:
    late = select(func.count()).where(contracts.c.state.not_in(FINAL), due_by(end))
    return int(zone.execute(late).scalar_one())


def _priced(zone: Connection, settled: set[str], end: int | None) -> list[str]:
    """Lanes that carry power in intervals up to ``end``, or in those settled already."""
    found = select(flows.c.lane, flows.c.product).where(flows.c.sent > 0)
    over = set(zone.execute(select(prices.c.product).where(prices.c.interval_end <= (end or 0))).scalars())
    return sorted({lane for lane, product in zone.execute(found) if product in (over or settled)})


def _by_lane(rows: Sequence[Any]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        for lane in row["path"]:
            found[lane] += row["delivered"]
    return dict(sorted(found.items()))


def _people(zone: Connection, hub: Connection) -> dict[str, str]:
    """Name → what the e-hub's settlements gave the member, less what they took, bills for imbalance too."""
    change: dict[str, Money] = {}
    for side, sign in ((transfers.c.target, 1), (transfers.c.source, -1)):
        sums = select(side, transfers.c.currency, func.sum(transfers.c.nano)).where(
            transfers.c.settlement.is_not(None)
        )
        for account, currency, nano in hub.execute(sums.group_by(side)):
            change[account] = change.get(account, Money(0, currency)) + Money(sign * nano, currency)
    by_name = {
        row.name: change[account]
        for row in zone.execute(select(members).order_by(members.c.name))
        for account in change
        if account == accounts.member(row.id, change[account].currency)
    }
    earners_first = sorted(by_name.items(), key=lambda item: item[1].nano < 0)
    return {name: ("+" if total.nano >= 0 else "") + money(total) for name, total in earners_first}


def show(summary: Summary, folder: Path | None) -> None:
    """Print the summary for a person."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print("\n[bold]People selling abroad[/]")
    for name, text in _totals(summary):
        console.print(f"  {name:<22} {text}")
    console.print("\n[bold]Who earned, and who paid[/]")
    _show_people(console, summary.people)
    for way in summary.ways:
        _show_way(console, way)
    console.print("\n[bold]Looked at afterwards[/]")
    for ok, text in _folded(summary.checks):
        mark = {True: "[green]ok[/]  ", False: "[red]FAILED[/]", None: "[yellow]--[/]  "}[ok]
        console.print(f"  {mark} {text}", soft_wrap=True)
    if folder is not None:
        console.print(f"\nThe data is kept in {folder}")


def _totals(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "power sold abroad", f"{summary.power_abroad_wh / 1000:.3f} kWh"
    for lane in summary.priced_lanes:
        yield f"  {lane.replace('>', '→')}", f"{summary.power_lanes.get(lane, 0) / 1000:.3f} kWh"
    yield "goods sold abroad", f"{summary.goods_abroad_kg} kg"
    billed = (
        f"{summary.delivered_wh / 1000:.3f} metered + {summary.imbalance_wh / 1000:.3f} billed as imbalance"
    )
    yield "all power sold", f"{summary.sold_wh / 1000:.3f} kWh = {billed}"
    late = f", [red]{summary.overdue} overdue[/]" if summary.overdue else ""
    refused = f", {summary.refused} without funds" if summary.refused else ""
    yield "contracts", f"{summary.settled} settled, {summary.under_way} under way{refused}{late}"
    if summary.marco_polo_ms:
        p50, p99 = (summary.marco_polo_ms[key] / 1000 for key in ("p50", "p99"))
        polo = f"p50 {p50:.2f} s, p99 {p99:.2f} s; the idea: {IDEA_S} s; Marco Polo: eight years"
        yield "from the meter's reading to money abroad:", f"\n    {polo}"


def _show_people(console: Console, people: dict[str, str]) -> None:
    """Earners on the left, payers on the right."""
    from itertools import zip_longest

    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=True)
    for _ in range(2):
        table.add_column()
        table.add_column(justify="right")
    earners = [item for item in people.items() if item[1].startswith("+")]
    payers = [item for item in people.items() if not item[1].startswith("+")]
    for left, right in zip_longest(earners, payers, fillvalue=("", "")):
        table.add_row(*left, *right)
    console.print(table)


def _show_way(console: Console, way: Way) -> None:
    """The steps, then an account a line and a currency a column, with their sums."""
    from rich.table import Table

    console.print(f"\n[bold]{way.title}[/]")
    for step in way.steps:
        console.print(f"  {step}", soft_wrap=True)
    currencies = sorted({change.amount.currency for change in way.changes})
    table = Table("account", box=None, pad_edge=True)
    for currency in currencies:
        table.add_column(currency, justify="right")
    for hub in dict.fromkeys(change.hub for change in way.changes):
        lines: dict[str, dict[str, Money]] = {}
        for change in (one for one in way.changes if one.hub == hub):
            currency = change.amount.currency
            lines.setdefault(change.account.removesuffix(f":{currency}"), {})[currency] = change.amount
        for account, amounts in lines.items():
            table.add_row(account, *(_nano(amounts.get(one)) for one in currencies))
        sums = {one: Money(nano, one) for (where, one), nano in way.sums.items() if where == hub}
        table.add_row(f"sum at {hub}", *(_nano(sums.get(one)) for one in currencies), style="bold")
    console.print(table)


def _nano(amount: Money | None) -> str:
    """Every digit there is: what is added up has to be seen."""
    if amount is None:
        return ""
    return f"{Decimal(amount.nano).scaleb(-9):+.9f}" if amount.nano else "0"


def _folded(checks: Iterable[dict[str, Any]]) -> Iterator[tuple[bool | None, str]]:
    """The checks as lines; the sound ones of all meters' readings, and of their forecasts, in one each."""
    readings: list[int] = []
    covered: list[tuple[int, int]] = []
    for check in checks:
        text, offers = check["text"], OFFERS.search(check["text"])
        if check["ok"] and check["check"].startswith("readings "):
            readings.append(int(text.partition(" ")[0]))
        elif check["ok"] and check["check"].startswith("forecast ") and offers:
            covered.append((int(offers[1]), int(offers[2])))
        else:
            yield check["ok"], f"{check['check']}: {text}"
    if covered:
        kept, made = (sum(numbers) for numbers in zip(*covered, strict=True))
        yield True, f"forecasts of {len(covered)} meters: {kept} of {made} offers covered"
    if readings:
        yield True, f"readings of {len(readings)} meters: {sum(readings)}, every signed chain whole"
