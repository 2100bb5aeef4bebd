"""What happens in the demo's market, told line by line in people's words, from the zone's own file.

Only reads. A file that is not there yet, or is being made, is a market in which nothing has happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import OperationalError

from tradelane.gateway.config import Config
from tradelane.gateway.overviews import amounts
from tradelane.gateway.store import open_engine
from tradelane.gateway.tables import contracts, flows, members, prices
from tradelane.market.units import Money, instant, iso, plain
from tradelane.settlement.contract import FINAL, State

T = TypeVar("T")
MILLITICKS_PER_KWH = 100_000_000
"""Of a price in 0.01 per MWh: 1000 for the milliticks, 100 for the tick, 1000 for the MWh."""


class Story:
    """Remembers what it has told. ``config`` has a [zone]."""

    def __init__(self, config: Config) -> None:
        assert config.zone is not None
        self._config = config
        self._zone = config.zone
        self._engine: Engine | None = None
        self._cleared = 0
        self._unsettled: list[str] = []
        self._traded = 0
        self._on_the_way: list[str] = []

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def news(self) -> list[str]:
        """What has happened since the last time, oldest first within its kind."""
        return self._read(
            lambda conn: [*self._clearings(conn), *self._goods_trades(conn), *self._settlements(conn)], []
        )

    def first_delivery(self, since: int) -> int | None:
        """Start (market ms) of the first interval not before ``since`` for which power was sold."""
        query = select(func.min(contracts.c.interval_start)).where(
            contracts.c.commodity == "power", contracts.c.interval_start >= since
        )
        return self._read(lambda conn: conn.execute(query).scalar(), None)

    def settled_up_to(self, end: int) -> bool:
        """Whether all power delivered, and all goods sold, by ``end`` (market ms) is paid for or refused."""
        waiting = select(func.count()).where(contracts.c.state.not_in(FINAL), due_by(end))
        return self._read(lambda conn: conn.execute(waiting).scalar_one() == 0, False)

    def _read(self, work: Callable[[Connection], T], nothing: T) -> T:
        if not self._config.zone_db.exists():
            return nothing
        if self._engine is None:
            self._engine = open_engine(self._config.zone_db, "BEGIN", readonly=True)
        try:
            with self._engine.begin() as conn:
                return work(conn)
        except OperationalError:
            return nothing

    def _clearings(self, conn: Connection) -> Iterator[str]:
        quoted: defaultdict[str, dict[str, int | None]] = defaultdict(dict)
        for row in conn.execute(select(prices).where(prices.c.seq > self._cleared).order_by(prices.c.seq)):
            quoted[row.product][row.zone] = row.price
            self._cleared = row.seq
        for product, by_zone in quoted.items():
            sold = select(func.count()).where(contracts.c.product == product)
            sent = select(flows).where(flows.c.product == product, flows.c.sent > 0).order_by(flows.c.lane)
            if conn.execute(sold).scalar():
                self._unsettled.append(product)
                yield f"{hours_text(product)}  {self._prices(by_zone)}"
                yield f"{'':11}  {self._abroad(conn.execute(sent).all())}"
            else:
                yield f"{hours_text(product)}  nothing sold"

    def _prices(self, by_zone: dict[str, int | None]) -> str:
        quotes = [self._quote(zone.id, zone.currency, by_zone.get(zone.id)) for zone in self._zone.zones]
        return f"a kWh costs {', '.join(quotes)}"

    def _abroad(self, sent: Sequence[Any]) -> str:
        ends = {lane.id: f"{lane.source}→{lane.target}" for lane in self._zone.lanes}
        ways = [f"{ends.get(row.lane, row.lane)} {row.sent / 1000:.2f}" for row in sent]
        return f"sent abroad: {', '.join(ways)} kWh" if ways else "nothing goes abroad"

    def _quote(self, zone: str, currency: str, price: int | None) -> str:
        return f"{zone} {'nothing' if price is None else f'{price / MILLITICKS_PER_KWH:.3f} {currency}'}"

    def _settlements(self, conn: Connection) -> Iterator[str]:
        for product in list(self._unsettled):
            rows = list(conn.execute(select(contracts).where(contracts.c.product == product)).mappings())
            if all(row["state"] in FINAL for row in rows):
                self._unsettled.remove(product)
                yield f"{hours_text(product)}  {_settled([r for r in rows if r['state'] == State.RELEASED])}"

    def _goods_trades(self, conn: Connection) -> Iterator[str]:
        """Those that have come to their end."""
        c = contracts.c
        fresh = select(c.id, c.seq).where(c.commodity == "goods", c.seq > self._traded).order_by(c.seq)
        for row in conn.execute(fresh):
            self._on_the_way.append(row.id)
            self._traded = row.seq
        ended = select(contracts).where(c.id.in_(self._on_the_way), c.state.in_(FINAL)).order_by(c.seq)
        names = {row.id: row.name for row in conn.execute(select(members))}
        for found in list(conn.execute(ended).mappings()):
            self._on_the_way.remove(found["id"])
            yield f"{clock_text(found['agreed_at']):11}  {_goods_line(found, names)}"


def _goods_line(row: Any, names: dict[str, str]) -> str:
    if row["state"] != State.RELEASED:
        return f"{names[row['buyer']]} has no money for {goods_text(row)}"
    way = f"{row['seller_zone']}→{row['buyer_zone']}"
    gets, pays, _ = amounts(row)
    return f"{goods_text(row)} {way}: {names[row['seller']]} gets {money(gets)} for {money(pays)}"


def due_by(end: int) -> Any:
    """The contracts that should be in their last state soon after ``end`` (market ms)."""
    power = (contracts.c.commodity == "power") & (contracts.c.interval_end <= end)
    return power | ((contracts.c.commodity == "goods") & (contracts.c.agreed_at <= end))


def money(amount: Money) -> str:
    """With two decimals, as people write it."""
    return f"{Decimal(amount.nano).scaleb(-9).quantize(Decimal('0.01')) + 0} {amount.currency}"


def _settled(rows: list[Any]) -> str:
    sold, delivered = (sum(row[key] for row in rows) for key in ("sent", "delivered"))
    abroad = sum(row["delivered"] for row in rows if row["path"])
    short = f"; {(sold - delivered) / 1000:.2f} missing, billed" if sold > delivered else ""
    return f"paid: {len(rows)} sales, {delivered / 1000:.2f} kWh metered, {abroad / 1000:.2f} abroad{short}"


def goods_text(row: Any) -> str:
    """``250 kg of potatoes``, of a contract's row."""
    product = row["detail"]["product"]
    quantity = plain(row["sent"] * Decimal(product["lot"]))
    return f"{quantity} {product['unit']} of {row['product'].partition('/')[0]}"


def hours_text(product: str) -> str:
    """``10:30–10:45`` of ``power/2026-06-21T10:30Z/PT15M``."""
    start, _, length = product.removeprefix("power/").partition("/PT")
    begin = instant(start)
    return f"{clock_text(begin)}–{clock_text(begin + int(length.removesuffix('M')) * 60_000)}"


def clock_text(at: int) -> str:
    """Market ms as ``10:30``."""
    return iso(at - at % 60_000)[11:16]
