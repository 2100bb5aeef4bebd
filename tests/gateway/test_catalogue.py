"""What can be traded: products by id and back, lanes in lots, and when each is open."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.marketplace import CONFIG, FIRST, GATE, POTATOES, POWER, START
from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.config import load
from tradelane.market.order import Refusal
from tradelane.market.product import Allocation, Product
from tradelane.market.units import MINUTE, Interval

INSTANTS = st.integers(0, 253_000_000_000_000)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    path = tmp_path_factory.mktemp("market") / "market.toml"
    path.write_text(CONFIG)
    section = load(path).zone
    assert section is not None
    return Catalogue(section)


def test_power_is_a_product_per_interval(catalogue: Catalogue) -> None:
    product = catalogue.next_power(START)
    assert product == catalogue.find(POWER) == catalogue.power(FIRST)
    assert product.gate == GATE and product.delivery == FIRST
    assert product.allocation is Allocation.PRO_RATA
    assert (product.min_price, product.max_price) == (-50_000, 400_000)
    assert product.lots("0.000001") == 1 and product.ticks("0.01") == 1


@given(INSTANTS)
def test_every_open_product_is_found_by_its_id(catalogue: Catalogue, now: int) -> None:
    power = catalogue.next_power(now)
    assert catalogue.find(power.id) == power
    assert power.gate is not None and now < power.gate <= now + catalogue.mtu
    assert catalogue.is_open(power, now) and not catalogue.is_open(power, power.gate)
    (goods,) = catalogue.open_goods(now)
    assert catalogue.find(goods.id) == goods
    assert goods.delivery == Interval.at(now, DAY) and goods.gate is None
    assert catalogue.is_open(goods, now) and not catalogue.is_open(goods, goods.delivery.end)


@pytest.mark.parametrize(
    "id",
    ["", "/", "power", "power/", "potatoes", "potatoes/", "tulips/2026-06-21", "potatoes/2026-06-31",
     "potatoes/2026-6-21", "potatoes/2026-06-21/", "power/2026-06-21T10:15Z", "power/2026-06-21T10:15Z/PT30M",
     "power/2026-06-21T10:20Z/PT15M", "power/2026-06-21T12:15+02:00/PT15M",
     "power/0001-01-01T00:00+23:00/PT15M", "power/9999-12-31T23:59:59Z/PT15M"],
)  # fmt: skip
def test_anything_else_is_no_product(catalogue: Catalogue, id: str) -> None:
    assert catalogue.find(id) is Refusal.UNKNOWN_PRODUCT


@given(st.text(max_size=40))
def test_no_text_breaks_the_search(catalogue: Catalogue, id: str) -> None:
    for name in (id, f"power/{id}", f"potatoes/{id}"):
        found = catalogue.find(name)
        assert found is Refusal.UNKNOWN_PRODUCT or (isinstance(found, Product) and found.id == name)


def test_lanes_carry_lots(catalogue: Catalogue) -> None:
    """40 kW are 10 kWh in a quarter of an hour; freight is counted in bags."""
    lanes = {lane.id: lane for lane in catalogue.power_lanes()}
    assert lanes["NL>GB"].capacity == 10_000 and lanes["NL>GB"].loss_ppm == 30_000
    (road,) = catalogue.goods_lanes("potatoes", 0)
    assert (road.capacity, road.duty_ppm, road.loss_ppm) == (40, 80_000, 0)
    assert catalogue.goods_lanes("tulips", 0) == []
    assert catalogue.currencies == ["EUR", "GBP"]


SHARED = """
[[zone.lane_sets]]
id = "to-GB"
lanes = ["NL>GB"]
capacity_kw = 20

[[zone.flow_based]]
id = "line"
ptdf = { NL = "0.5", GB = "-0.25" }
ram_kw = 8
"""


def test_what_lanes_share_is_counted_in_lots(tmp_path: Path) -> None:
    path = tmp_path / "market.toml"
    path.write_text(CONFIG + SHARED)
    section = load(path).zone
    assert section is not None
    line, to_gb = Catalogue(section).power_constraints(POWER)
    assert (to_gb.id, dict(to_gb.share)) == ("to-GB", {(POWER, "NL>GB"): Fraction(1)})
    assert to_gb.room == 5_000
    assert line.room == 2_000
    assert line.share[POWER, "NL>GB"] == Fraction(1, 2) + Fraction(97, 100) * Fraction(1, 4)


def test_goods_carry_what_customs_asks_for(catalogue: Catalogue) -> None:
    product = catalogue.find(POTATOES)
    assert isinstance(product, Product)
    assert product.hs_code == "070190" and product.unit == "kg"
    assert product.lots("250") == 10 and product.quantity_text(10) == "250"
    assert catalogue.lead == 5 * MINUTE
