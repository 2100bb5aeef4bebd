"""Names of accounts: each ends in its currency, as the e-hub demands, and none is another's."""

from __future__ import annotations

from tradelane.market.units import Money
from tradelane.settlement import accounts


def test_names_are_told_apart_and_end_in_their_currency() -> None:
    names = [
        accounts.member("anna", "EUR"),
        accounts.fx("EUR"),
        accounts.rounding("EUR"),
        accounts.balancing("EUR"),
        accounts.customs("EUR"),
        accounts.lane_tariff("NL>GB", "EUR"),
        accounts.lane_rent("NL>GB", "EUR"),
    ]
    assert len(set(names)) == len(names)
    assert all(name.endswith(":EUR") for name in names)
    assert names[0] == "member:anna:EUR" and names[5] == "lane:NL>GB:tariff:EUR"


def test_a_members_limit_is_below_zero_in_its_own_currency() -> None:
    assert accounts.member_limit("NOK") == Money.parse("-50", "NOK")
