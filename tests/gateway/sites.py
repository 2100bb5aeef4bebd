"""A zone, an edge and an e-hub on disk as they are after a day, to be examined, exported and spoilt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from tests.shared import ROOT
from tradelane.gateway import chains, heads, journal, keys, migrations
from tradelane.gateway.config import Config, load
from tradelane.gateway.hub import open_standing_accounts
from tradelane.gateway.store import opened
from tradelane.gateway.tables import contracts, prices, readings, statements
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.meter.reading import Quality, Reading, Role
from tradelane.meter.seal import GENESIS, canonical, seal
from tradelane.settlement.contract import State
from tradelane.settlement.ehub.server import migrations as hub_migrations
from tradelane.settlement.ehub.server import payments
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.wire import Deposit, OpenAccount, Settle

START = instant("2026-06-21T10:00Z")
HOUR = [Interval.at(START + k * 15 * MINUTE, 15 * MINUTE) for k in range(4)]
MONEY = {"currency": "EUR", "value": "0.05"}


@dataclass(frozen=True)
class Site:
    """``path``: the configuration file of all three roles."""

    path: Path
    config: Config


def site(folder: Path) -> Site:
    """Four released power contracts of 1000 Wh at 50 EUR/MWh, one of which fell short by 100 Wh."""
    zone = (ROOT / "examples/zone.toml").read_text().replace("hub_url =", "# ")
    edge = (ROOT / "examples/rooftop.toml").read_text()
    edge = edge[edge.index("[edge]") :].replace("zone_url =", "# ")
    path = folder / "site.toml"
    path.write_text(f'{zone}\n{edge}\n[hub]\ncurrencies = ["EUR", "CHF"]\n')
    config = load(path)
    config.data_dir.mkdir()
    for file, work in ((config.zone_db, fill_zone), (config.edge_db, partial(fill_edge, config))):
        with opened(file, migrations.PLACE, migrations.HEAD) as store, store.engine.begin() as conn:
            work(conn)
    with (
        opened(config.hub_db, hub_migrations.PLACE, hub_migrations.HEAD) as store,
        store.engine.begin() as conn,
    ):
        fill_hub(conn)
    return Site(path, config)


def fill_zone(conn: Connection) -> None:
    for k, interval in enumerate(HOUR):
        seq = journal.append(conn, "clearing", {"product": f"power/{interval}", "n": k}, interval.start)
        short = 100 if k == 3 else 0
        conn.execute(insert(contracts).values(**contract(k, interval, seq, short)))
        conn.execute(
            insert(statements).values(
                member="rosa",
                interval_start=interval.start,
                interval_end=interval.end,
                import_wh=0,
                export_wh=1000 - short,
                quality="measured",
                signature="",
                seq=seq,
            )
        )
        conn.execute(
            insert(prices).values(
                product=f"power/{interval}",
                zone="CH",
                interval_start=interval.start,
                interval_end=interval.end,
                price=5_000_500,
                low=5_000_000,
                high=5_001_000,
                net=-1000,
                seq=seq,
            )
        )


def contract(k: int, interval: Interval, seq: int, short: int) -> dict[str, Any]:
    return {
        "id": f"c{k}-0",
        "seq": seq,
        "product": f"power/{interval}",
        "commodity": "power",
        "interval_start": interval.start,
        "interval_end": interval.end,
        "seller_order": f"s{k}",
        "seller": "rosa",
        "seller_zone": "IT-NORD",
        "buyer_order": f"b{k}",
        "buyer": "beat",
        "buyer_zone": "IT-NORD",
        "path": [],
        "sent": 1000,
        "received": 1000,
        "delivered": 1000 - short,
        "imbalance": short,
        "seller_price": 5_000_000,
        "buyer_price": 5_000_000,
        "state": State.RELEASED,
        "agreed_at": interval.start,
        "settled_at": interval.end,
        "detail": {
            "product": {"unit": "MWh", "lot": "0.000001", "tick": "0.01", "hs_code": None},
            "zones": {"IT-NORD": {"currency": "EUR", "fx": "1"}},
            "legs": [],
        },
    }


def fill_edge(config: Config, conn: Connection) -> None:
    """Twenty readings in batches of four, and the head that the edge keeps beside them."""
    key = keys.load_or_create_key(config.sealing_key_file("roof"))
    head = GENESIS
    for first in range(0, 20, 4):
        shown = [roof_reading(k) for k in range(first, first + 4)]
        batch = seal(key, head, [canonical(reading.to_json()) for reading in shown])
        head = batch[-1].head
        rows = [
            chains.row_of("roof", reading.gateway_time, record)
            for reading, record in zip(shown, batch, strict=True)
        ]
        conn.execute(insert(readings), rows)
        heads.write(heads.beside(config.edge_db), {"roof": heads.SignedHead.of("roof", batch[-1])})


def roof_reading(k: int) -> Reading:
    values = {"power_w": -400, "import_wh": 5, "export_wh": 1000 + 60 * k, "voltage_l1_v": 230.5}
    return Reading("roof", "sunspec", Role.GRID, START + k * MINUTE, None, Quality.GOOD, values)


def fill_hub(conn: Connection) -> None:
    open_standing_accounts(conn, ["EUR", "CHF"], START)
    for member in ("rosa", "beat"):
        account = OpenAccount(account=f"member:{member}:EUR", owner=member, currency="EUR", limit="0")
        payments.open_account(conn, Command(f"open-{member}", b"", START), account)
    deposit = Deposit.model_validate(
        {"account": "member:beat:EUR", "amount": {"currency": "EUR", "value": "9"}}
    )
    payments.deposit(conn, Command("deposit", b"", START), deposit)
    for k in range(4):
        settle(conn, f"c{k}-0", f"c{k}-0")


def settle(conn: Connection, contract: str, settlement: str) -> None:
    leg = {"source": "member:beat:EUR", "target": "member:rosa:EUR", "amount": MONEY, "kind": "sale"}
    question = {"settlement": settlement, "reservation": None, "contract": contract, "transfers": [leg]}
    payments.settle(conn, Command(f"settle-{settlement}", b"", START), Settle.model_validate(question))
