"""Orders read by column, against reading them row by row; and every fault by its line and field."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.test_steps import ODD
from tradelane.market.case import Case, case_digest
from tradelane.market.fields import LARGEST, CaseError
from tradelane.market.order import Order, Side
from tradelane.market.order_rows import OrderRows
from tradelane.market.order_table import OrderTable
from tradelane.market.product import Product, Zone
from tradelane.market.rows import ListRows, Place, Rows, TableRows
from tradelane.market.units import decimal, whole

PRODUCTS = {
    "p1": Product("p1", "MWh", Decimal("0.001"), Decimal("0.01"), -500, 400_000),
    "p2": Product("p2", "MWh", Decimal("0.001"), Decimal("0.05"), -500, 100),
    "p3": Product("p3", "kg", Decimal("2"), Decimal("0.01"), 0, 1000),
}
ZONES = {"A": Zone("A", "EUR"), "B": Zone("B", "GBP", Decimal("1.17"))}
FIELDS = ("id", "seq", "product", "zone", "side", "price", "quantity")
Row = dict[str, Any]


def naive(row: Row) -> tuple[Order, None] | tuple[None, str]:
    """The order, or the first field at fault."""

    def steps(name: str, step: Decimal, low: int, high: int) -> int | None:
        try:
            count = whole(decimal(row[name]), step)
        except ValueError:
            return None
        return count if low <= count <= high else None

    for name, known in (("product", PRODUCTS), ("zone", ZONES), ("side", {"sell", "buy"})):
        if row[name] not in known:
            return None, name
    product = PRODUCTS[row["product"]]
    price = steps("price", product.tick, product.min_price, product.max_price)
    quantity = steps("quantity", product.lot, 1, LARGEST - 1)
    digits = str(row["seq"]).removeprefix("-")
    seq = int(row["seq"]) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else LARGEST
    faulty = {"price": price is None, "quantity": quantity is None, "id": not row["id"]}
    faulty["seq"] = abs(seq) >= LARGEST
    for name, fault in faulty.items():
        if fault:
            return None, name
    assert price is not None and quantity is not None
    return Order(row["id"], seq, "", product.id, row["zone"], Side(row["side"]), price, quantity), None


def plain_row(k: int) -> st.SearchStrategy[Row]:
    """A good row whose id and sequence number are its own."""
    return st.fixed_dictionaries(
        {
            "id": st.sampled_from([f"o{k}", f'"{k}é', f"{k} ,"]),
            "seq": st.sampled_from([str(k), str(-k), str(10**14 + k), f"00{k}"]),
            "product": st.sampled_from(["p1", "p1", "p2", "p3"]),
            "zone": st.sampled_from(["A", "B"]),
            "side": st.sampled_from(["sell", "buy"]),
            "price": st.integers(0, 20).map(lambda n: f"{Decimal(n) / 20:.{n % 2 + 2}f}"),
            "quantity": st.integers(1, 99).map(lambda n: str(2 * n)),
        }
    )


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    rows = [draw(plain_row(k)) for k in range(1, draw(st.integers(0, 12)) + 1)]
    for _ in range(draw(st.integers(0, 2)) if rows else 0):
        row, name = draw(st.sampled_from(rows)), draw(st.sampled_from(FIELDS[1:]))
        row[name] = draw(st.sampled_from([*ODD, "2", "0.5", "-5", "4000.01", "A", "²"]))
    return rows


def parts(rows: list[Row], size: int, *, table: bool) -> list[Rows]:
    found: list[Rows] = []
    for k in range(0, len(rows), size):
        some = rows[k : k + size]
        lines = range(k + 2, k + 2 + len(some))
        columns = {name: [row[name] for row in some] for name in FIELDS}
        found.append(
            TableRows(Place("o.csv", 0, lines), columns) if table else ListRows(Place("orders", k), some)
        )
    return found


def read(found: list[Rows]) -> dict[str, OrderTable]:
    rows = OrderRows(PRODUCTS, ZONES)
    for part in found:
        rows.add(part)
    return rows.tables()


def digest_of(case: Case, orders: list[Order]) -> str:
    """The naive twin of the digest's lines."""
    digest = hashlib.sha256()
    for o in orders:
        row = (o.seq, o.id, o.product, o.zone, o.side.value, o.price, o.quantity)
        digest.update("\x1f".join(map(str, row)).encode() + b"\n")
    lines = "".join(line for p in sorted(case.orders) for line in case.orders[p].lines())
    assert hashlib.sha256(lines.encode()).digest() == digest.digest()
    return case_digest(case)


@settings(max_examples=150)
@given(tables(), st.sampled_from([1, 3, 20]), st.booleans())
def test_columns_are_read_as_rows_are(rows: list[Row], size: int, table: bool) -> None:
    expected = [naive(row) for row in rows]
    faults = [(k, fault) for k, (_, fault) in enumerate(expected) if fault is not None]
    orders = [order for order, _ in expected if order is not None]
    if faults:
        k, name = faults[0]
        where = f"o.csv line {k + 2}: {name}" if table else f"orders[{k}].{name}"
        with pytest.raises(CaseError) as fault:
            read(parts(rows, size, table=table))
        assert fault.value.where == where
        return
    if len({o.seq for o in orders}) < len(orders):
        with pytest.raises(CaseError, match="stands twice"):
            read(parts(rows, size, table=table))
        return
    found = read(parts(rows, size, table=table))
    in_order = sorted(orders, key=lambda o: (o.product, o.seq))
    assert [order for name in sorted(found) for order in found[name]] == in_order
    case = Case("EUR", tuple(PRODUCTS.values()), tuple(ZONES.values()), dict.fromkeys(PRODUCTS, ()), found)
    by_hand = {p: OrderTable.of(p, list(ZONES), [o for o in orders if o.product == p]) for p in PRODUCTS}
    twin = Case("EUR", case.products, case.zones, case.lanes, by_hand)
    assert digest_of(case, in_order) == digest_of(twin, in_order)


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", "o2"), ("seq", "2"), ("seq", "02"), ("seq", 2)],
    ids=["id", "seq", "seq 02", "int"],
)
@pytest.mark.parametrize("size", [1, 4])
def test_what_stands_twice_is_named_where_it_stands_again(name: str, value: object, size: int) -> None:
    rows: list[Row] = [
        {"id": f"o{k}", "seq": str(k), "product": f"p{k % 2 + 1}", "zone": "A", "side": "buy", "price": "0.5",
         "quantity": "1"} for k in range(1, 10)
    ]  # fmt: skip
    rows[6][name] = value
    with pytest.raises(CaseError) as fault:
        read(parts(rows, size, table=True))
    shown = "'o2'" if name == "id" else "2"
    assert str(fault.value) == f"o.csv line 8: {name}: {shown} stands twice"


@pytest.mark.parametrize("value", [None, 1, True, ["o1"], {}, ""])
@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_kind_is_a_fault_of_its_field(name: str, value: object) -> None:
    good = {
        "id": "o1",
        "seq": 3,
        "product": "p1",
        "zone": "A",
        "side": "buy",
        "price": "0.5",
        "quantity": "1",
    }
    assert len(read([ListRows(Place("orders", 0), [good])])["p1"]) == 1
    if name == "seq" and type(value) is int:
        return
    with pytest.raises(CaseError) as fault:
        read([ListRows(Place("orders", 5), [{**good, name: value}])])
    assert fault.value.where == f"orders[5].{name}"
    missing = {key: v for key, v in good.items() if key != name}
    with pytest.raises(CaseError) as fault:
        read([ListRows(Place("orders", 0), [good, missing])])
    assert str(fault.value) == f"orders[1].{name}: missing"


def test_a_total_that_does_not_fit_is_refused_and_one_lot_less_is_not() -> None:
    """Also one so large that it would not fit into 64 bits either."""

    def many(count: int, last: int) -> list[Rows]:
        lots = [LARGEST // 2] * count + [last]
        return [
            ListRows(
                Place("orders", 0),
                [
                    {"id": f"o{k}", "seq": k, "product": "p1", "zone": "A", "side": "buy", "price": "0.5",
                     "quantity": str(Decimal(q) / 1000)} for k, q in enumerate(lots)
                ],
            )
        ]  # fmt: skip

    assert read(many(1, LARGEST // 2 - 1))["p1"].quantity.sum() == LARGEST - 1
    for rows in (many(1, LARGEST // 2), many(2048, 1), many(4096, 1)):
        with pytest.raises(CaseError, match=r"2\*\*53"):
            read(rows)


SIDES = st.sampled_from(list(Side))
ORDERS = st.lists(st.tuples(st.sampled_from("AB"), SIDES, st.integers(-5, 5), st.integers(1, 9)), max_size=12)


@given(ORDERS, st.integers(0, 12))
def test_a_table_holds_its_orders_by_zone_and_side(rows: list[tuple[str, Side, int, int]], cut: int) -> None:
    orders = [Order(f"o{k}", 7 * k % 13, "", "p1", *row) for k, row in enumerate(rows)]
    table = OrderTable.of("p1", ["A", "B"], orders[:cut]).joined(orders[cut:])
    in_order = sorted(orders, key=lambda o: o.seq)
    assert list(table) == in_order and len(table) == len(orders)
    for zone in "AB":
        batch = table.batch(zone)
        for side, at, columns in zip(
            (Side.SELL, Side.BUY), table.sides[zone], (batch.sells, batch.buys), strict=True
        ):
            own = [o for o in in_order if (o.zone, o.side) == (zone, side)]
            assert [table.id[k] for k in at.tolist()] == [o.id for o in own]
            assert np.array_equal(columns.price, [o.price for o in own])
            assert np.array_equal(columns.quantity, [o.quantity for o in own])
            assert np.array_equal(columns.seq, [o.seq for o in own])
