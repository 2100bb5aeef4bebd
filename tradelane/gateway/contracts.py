"""Contracts as rows of the store, and back. A row holds all that settling it needs, so that a change of the
configuration never changes a contract already made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from tradelane.gateway.tables import contracts
from tradelane.gateway.tables import orders as order_rows
from tradelane.market.product import DutyBasis, Lane, Product, Zone
from tradelane.settlement.contract import Contract, Leg, State, moved


def add(
    conn: Connection,
    made: Sequence[Contract],
    orders: Sequence[tuple[str, str]],
    seq: int,
    now: int,
    wall: int,
) -> None:
    """Insert new contracts, AGREED, at market time ``now`` and wall time ``wall``.

    ``orders`` are the ids of each one's sell and buy order.
    """
    offers = _offer_ms(conn, [sell for sell, _ in orders])
    rows = [
        {**_row(contract, sell, buy, offers.get(sell)), "seq": seq, "agreed_at": now, "agreed_wall": wall}
        for contract, (sell, buy) in zip(made, orders, strict=True)
    ]
    if rows:
        conn.execute(insert(contracts), rows)


def _offer_ms(conn: Connection, sells: Sequence[str]) -> dict[str, int]:
    """Wall ms from the meter's reading to its offer in the journal, by sell order."""
    query = select(order_rows.c.id, order_rows.c.received_wall - order_rows.c.read_wall).where(
        order_rows.c.id.in_(sells), order_rows.c.read_wall.is_not(None)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def _row(c: Contract, sell: str, buy: str, offer_ms: int | None) -> dict[str, Any]:
    delivery = c.product.delivery
    assert delivery is not None, "every product of a gateway has its time of delivery"
    return {
        "id": c.id,
        "product": c.product.id,
        "commodity": "goods" if c.continuous else "power",
        "interval_start": delivery.start,
        "interval_end": delivery.end,
        "seller_order": sell,
        "seller": c.seller,
        "seller_zone": c.seller_zone.id,
        "buyer_order": buy,
        "buyer": c.buyer,
        "buyer_zone": c.buyer_zone.id,
        "path": [leg.lane.id for leg in c.legs],
        "sent": c.sent,
        "received": c.received,
        "seller_price": c.seller_price,
        "buyer_price": c.buyer_price,
        "state": State.AGREED,
        "detail": {
            "offer_ms": offer_ms,
            "product": _product(c.product),
            "zones": {z.id: _zone(z) for z in _zones(c)},
            "legs": [_leg(leg) for leg in c.legs],
        },
    }


def _zones(c: Contract) -> list[Zone]:
    return [c.seller_zone, c.buyer_zone, *(z for leg in c.legs for z in (leg.source, leg.target))]


def _zone(zone: Zone) -> dict[str, str]:
    return {"currency": zone.currency, "fx": str(zone.fx)}


def _product(product: Product) -> dict[str, str | None]:
    return {
        "unit": product.unit,
        "lot": str(product.lot),
        "tick": str(product.tick),
        "hs_code": product.hs_code,
    }


def _leg(leg: Leg) -> dict[str, Any]:
    lane = leg.lane
    return {
        "lane": lane.id,
        "source": leg.source.id,
        "target": leg.target.id,
        "source_price": leg.source_price,
        "target_price": leg.target_price,
        "loss_ppm": lane.loss_ppm,
        "tariff": str(lane.tariff),
        "duty_ppm": lane.duty_ppm,
        "duty_basis": lane.duty_basis.value,
    }


def contract_of(row: RowMapping) -> Contract:
    """The contract a row holds."""
    detail = row["detail"]
    zones = {id: Zone(id, z["currency"], Decimal(z["fx"])) for id, z in detail["zones"].items()}
    p = detail["product"]
    product = Product(
        row["product"], p["unit"], Decimal(p["lot"]), Decimal(p["tick"]), 0, 0, hs_code=p["hs_code"]
    )
    legs = tuple(
        Leg(
            _lane(x),
            zones[x["source"]],
            zones[x["target"]],
            x["source_price"],
            x["target_price"],
        )
        for x in detail["legs"]
    )
    return Contract(
        row["id"],
        product,
        row["seller"],
        zones[row["seller_zone"]],
        row["buyer"],
        zones[row["buyer_zone"]],
        row["sent"],
        row["received"],
        row["seller_price"],
        row["buyer_price"],
        legs,
        row["commodity"] == "goods",
    )


def _lane(x: Mapping[str, Any]) -> Lane:
    return Lane(
        x["lane"],
        x["source"],
        x["target"],
        0,
        x["loss_ppm"],
        Decimal(x["tariff"]),
        x["duty_ppm"],
        DutyBasis(x.get("duty_basis", DutyBasis.STATED)),
    )


def in_state(conn: Connection, *states: State) -> list[RowMapping]:
    """Rows in any of ``states``, oldest first."""
    query = select(contracts).where(contracts.c.state.in_(states)).order_by(contracts.c.seq, contracts.c.id)
    return list(conn.execute(query).mappings())


def move(conn: Connection, row: RowMapping, to: State, **fields: Any) -> None:
    """Bring a contract to the next state, once: only while it is still in the state ``row`` was read in."""
    moved(State(row["state"]), to)
    conn.execute(
        update(contracts)
        .where(contracts.c.id == row["id"], contracts.c.state == row["state"])
        .values(state=to, **fields)
    )


def decide(conn: Connection, row: RowMapping, lots: int, by: str, now: int) -> None:
    """What the operator decided of a dispute: as many lots are paid for; the rest of the money goes back."""
    detail = {**row["detail"], "resolution": {"lots": lots, "by": by, "at": now}}
    conn.execute(_DISPUTED.where(contracts.c.id == row["id"]).values(detail=detail))


def undecided(conn: Connection, row: RowMapping, reason: str) -> None:
    """The e-hub did not do what was decided: the dispute waits for another decision."""
    detail = {name: value for name, value in row["detail"].items() if name != "resolution"}
    conn.execute(_DISPUTED.where(contracts.c.id == row["id"]).values(detail=detail | {"refusal": reason}))


_DISPUTED = update(contracts).where(contracts.c.state == State.DISPUTED)


def refund(conn: Connection, row: RowMapping, reason: str, now: int) -> None:
    """End a contract whose goods never came, by way of its dispute; ``now`` is market time, ms."""
    move(conn, row, State.DISPUTED, detail={**row["detail"], "refusal": reason, "received": 0})
    disputed = conn.execute(select(contracts).where(contracts.c.id == row["id"])).mappings().one()
    move(conn, disputed, State.REFUNDED, delivered=0, imbalance=disputed["sent"], settled_at=now)


def place(row: RowMapping) -> tuple[int, int]:
    """What decides who is delivered first: the clearing, and the contract's number within it (c12-3 → 3)."""
    return row["seq"], int(row["id"].rpartition("-")[2])
