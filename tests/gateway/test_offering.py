"""What a roof offers from its first metered intervals on."""

from __future__ import annotations

import pytest

from tradelane.gateway.offering import Offering
from tradelane.gateway.sections import EdgeSection
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.meter.metering import Metered, MeteredInterval

QUARTER = 15 * MINUTE
START = instant("2026-06-21T10:00Z")
ROOF = EdgeSection.model_validate(
    {
        "zone_url": "http://zone.example",
        "members": [{"id": "rosa", "name": "Rosa", "zone": "NL", "sells": True, "meter": "roof"}],
        "meters": [{"name": "roof", "transport": "modbus", "host": "192.0.2.1"}],
    }
)


def offered(count: int, ahead: int) -> list[str]:
    """What a roof that has exported 900 Wh in each of ``count`` intervals offers ``ahead`` later."""
    closed = [
        MeteredInterval("roof", Interval.at(START + k * QUARTER, QUARTER), 0, 900, 1000, Metered.MEASURED)
        for k in range(count)
    ]
    delivery = Interval.at(START + (count - 1 + ahead) * QUARTER, QUARTER)
    product = {"id": f"power/{delivery}", "unit": "MWh", "lot": "0.000001", "tick": "0.01", "gate": "a gate"}
    offering = Offering(ROOF, {"roof": closed})
    return [body["quantity"] for body in offering.bodies(ROOF.members[0], [product], delivery.start, {})]


@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("count", range(1, 13))
def test_a_steady_roof_offers_before_every_gate(count: int, ahead: int) -> None:
    """Also where the forecast begins to know its errors: no gate is passed over between the two ways."""
    assert offered(count, ahead) in (["0.000630"], ["0.000900"])


def test_a_roof_never_metered_offers_nothing() -> None:
    assert offered(0, 1) == []
