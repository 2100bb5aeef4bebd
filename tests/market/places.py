"""Three zones, two real lanes, and any others; the rules a market may have."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from tradelane.market.limits import Limits
from tradelane.market.prevention import Prevention
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.rules import Rules

POTATOES = Product("potatoes", "kg", Decimal(1), Decimal("0.001"), -100_000, 100_000)
NL, GB, CH = Zone("NL", "EUR"), Zone("GB", "GBP", Decimal("1.16")), Zone("CH", "CHF", Decimal("1.05"))
ZONES = [NL, GB, CH]
FERRY = Lane("NL>GB", "NL", "GB", 600, tariff=Decimal("0.085"), duty_ppm=80_000)
CABLE = Lane("cable", "NL", "GB", 1000, loss_ppm=20_000)

ENDS = st.permutations(["NL", "GB", "CH"])
DUTIES = st.sampled_from([0, 0, 1, 80_000])


@st.composite
def roads(draw: st.DrawFn) -> list[Lane]:
    lanes = []
    for number in range(draw(st.integers(0, 5))):
        source, target, _ = draw(ENDS)
        capacity = draw(st.integers(0, 400))
        loss = draw(st.sampled_from([0, 0, 20_000, 333_333, 700_001]))
        tariff = Decimal(draw(st.integers(-5, 30))) / 1000
        lanes.append(Lane(f"l{9 - number}", source, target, capacity, loss, tariff, draw(DUTIES)))
    return lanes


ROADS = roads()
RULES = st.builds(
    Rules,
    st.sampled_from(Prevention),
    st.sampled_from([None, 0, 15]),
    st.sampled_from([Limits(), Limits(55, 8, 150)]),
    st.sampled_from([{}, {"NL": 100}]),
)
