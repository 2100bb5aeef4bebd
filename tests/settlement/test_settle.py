"""Contract and delivery → transfers: who pays, who gets, and that nothing is made or lost."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.trades import (
    DE,
    GB,
    NL,
    NO2,
    POTATOES,
    POWER,
    contracts,
    deliveries,
    flows,
    paid_out,
)
from tradelane.market.landed import Landed
from tradelane.market.product import Lane
from tradelane.market.units import MILLI, Money, rounded
from tradelane.settlement import accounts
from tradelane.settlement.contract import Contract, Leg
from tradelane.settlement.delivery import Delivery, delivery_of, measure
from tradelane.settlement.settle import convert, lane_money, settle, to_reserve, value

PENALTIES = st.sampled_from([0, 100_000, 1_000_000])
DUTIES = st.sampled_from([0, 80_000])


def buyer_of(contract: Contract) -> str:
    return accounts.member(contract.buyer, contract.buyer_zone.currency)


def seller_of(contract: Contract) -> str:
    return accounts.member(contract.seller, contract.seller_zone.currency)


@given(deliveries(contracts()), PENALTIES)
def test_every_transfer_is_positive_and_between_two_accounts_of_its_currency(
    delivery: Delivery, penalty: int
) -> None:
    transfers = settle(delivery, penalty)
    for t in transfers:
        assert t.amount.nano > 0
        assert t.source != t.target
        assert t.source.endswith(f":{t.amount.currency}") and t.target.endswith(f":{t.amount.currency}")
    assert len({t.id for t in transfers}) == len(transfers)


@given(deliveries(contracts()), PENALTIES)
def test_each_party_pays_and_gets_its_own_zones_price_exactly(delivery: Delivery, penalty: int) -> None:
    contract = delivery.contract
    change = flows(settle(delivery, penalty))
    assert change[buyer_of(contract)] == -value(POWER, contract.buyer_price, delivery.received)
    missing = delivery.imbalance and change[accounts.balancing(contract.seller_zone.currency)]
    assert change[seller_of(contract)] == value(POWER, contract.seller_price, delivery.delivered) - missing


@given(deliveries(contracts()), PENALTIES)
def test_the_buyer_never_pays_out_more_than_was_reserved(delivery: Delivery, penalty: int) -> None:
    """Not even for a moment: what it pays is not set against what it is given."""
    contract = delivery.contract
    out = paid_out(settle(delivery, penalty), buyer_of(contract))
    if contract.buyer_price >= 0:
        assert out <= to_reserve(contract).nano
    else:
        assert to_reserve(contract).nano == out == 0


@given(deliveries(contracts(lowest=0, duty=DUTIES)), PENALTIES)
def test_accounts_that_may_not_owe_never_pay(delivery: Delivery, penalty: int) -> None:
    """Lanes and customs hold what they were given."""
    for t in settle(delivery, penalty):
        assert not t.source.startswith(("lane:", "customs:"))


@given(deliveries(contracts(lowest=0, duty=DUTIES)))
def test_only_dust_goes_to_rounding(delivery: Delivery) -> None:
    """Nano-units, and the lots that rounded losses eat: one a lossy lane, at the price behind it. A delivery
    in part is rounded down once more at the buyer's end: by one lot, and by those that were lost already.
    """
    contract = delivery.contract
    currency = contract.buyer_zone.currency
    change = flows(settle(delivery, 0))
    lossy = [leg for leg in contract.legs if leg.lane.loss_ppm]
    eaten = sum(
        convert(value(POWER, leg.target_price, 1), leg.target, contract.buyer_zone) + 2 for leg in lossy
    )
    if lossy and delivery.imbalance:
        eaten += value(POWER, contract.buyer_price, len(lossy) + 1)
    assert abs(change[accounts.rounding(currency)]) <= eaten + 4 * len(contract.legs) + 4
    others = {name for name in change if name.startswith("rounding:")} - {accounts.rounding(currency)}
    assert not others


@given(deliveries(contracts(lowest=0, duty=DUTIES)))
def test_a_lanes_money_adds_up(delivery: Delivery) -> None:
    contract, sent = delivery.contract, delivery.delivered
    unit = POWER.nano_per_tick_lot / MILLI
    for leg in contract.legs:
        received = leg.lane.received(sent)
        tariff, duty, rent = lane_money(POWER, leg, sent, received)
        bought = Fraction(leg.source.fx) * leg.source_price * sent * unit
        sold = Fraction(leg.target.fx) * leg.target_price * received * unit
        assert bought + tariff + duty + rent == sold
        assert tariff == Fraction(leg.lane.tariff) * Fraction(POWER.lot) * sent * 10**9
        assert duty == bought * leg.lane.duty_ppm / 1_000_000
        sent = received


@given(deliveries(contracts(lowest=0, duty=DUTIES)))
def test_each_lane_is_paid_its_own(delivery: Delivery) -> None:
    """Tariff, duty and rent of each lane, converted once, to the nano-unit."""
    contract, sent = delivery.contract, delivery.delivered
    currency = contract.buyer_zone.currency
    change = flows(settle(delivery, 0))
    expected: dict[str, int] = defaultdict(int)
    for leg in contract.legs:
        last = leg is contract.legs[-1]
        received = delivery.received if last else leg.lane.received(sent)
        tariff, duty, rent = (m / Fraction(contract.buyer_zone.fx)
                              for m in lane_money(POWER, leg, sent, received))  # fmt: skip
        expected[accounts.lane_tariff(leg.lane.id, currency)] += rounded(tariff)
        expected[accounts.customs(currency)] += rounded(duty)
        expected[accounts.lane_rent(leg.lane.id, currency)] += max(0, rounded(rent))
        sent = received
    assert {name: change[name] for name in expected} == expected


@given(deliveries(contracts()), PENALTIES)
def test_missing_energy_costs_the_seller_the_price_moved_against_it(delivery: Delivery, penalty: int) -> None:
    contract = delivery.contract
    change = flows(t for t in settle(delivery, penalty) if t.kind == "imbalance")
    extra = rounded(Fraction(abs(contract.seller_price) * penalty, 1_000_000))
    owed = value(POWER, contract.seller_price + extra, delivery.imbalance)
    assert change[seller_of(contract)] == -owed
    assert contract.seller_price + extra >= contract.seller_price


@given(contracts(), PENALTIES)
def test_nothing_delivered_moves_nothing_but_the_imbalance(contract: Contract, penalty: int) -> None:
    (delivery,) = measure(0, [contract])
    assert {t.kind for t in settle(delivery, penalty)} <= {"imbalance"}


def test_a_sale_within_a_zone_is_one_transfer() -> None:
    contract = Contract("c1-0", POWER, "ana", NL, "ben", NL, 1000, 1000, 5_000_500, 5_000_500)
    (transfer,) = settle(measure(1000, [contract])[0], 100_000)
    assert (transfer.source, transfer.target) == ("member:ben:EUR", "member:ana:EUR")
    assert str(transfer.amount) == "0.050005" and transfer.id == "c1-0/0"


def test_a_member_that_buys_from_itself_moves_no_money() -> None:
    contract = Contract("c1-0", POWER, "ana", NL, "ana", NL, 1000, 1000, 5_000_000, 5_000_000)
    assert settle(measure(1000, [contract])[0], 0) == []


def test_power_from_norway_to_britain_by_hand() -> None:
    """400 NOK/MWh × 0.087 = 34.8 EUR; over 3.8 % loss and 0.6 EUR tariff at least 36.8 EUR = 31.45 GBP.

    At 40 GBP = 46.8 EUR the lane is full and keeps the rest as rent.
    """
    lane = Lane("NO2>GB", "NO2", "GB", 100_000, 38_000, Decimal("0.60"))
    leg = Leg(lane, NO2, GB, 40_000_000, 4_000_000)
    contract = Contract("c7-2", POWER, "kari", NO2, "bob", GB, 10_000, 9_620, 40_000_000, 4_000_000, (leg,))
    assert to_reserve(contract) == Money.parse("0.3848", "GBP")
    change = flows(settle(measure(10_000, [contract])[0], 100_000))
    tariff = round(Fraction("0.006") / Fraction("1.17") * 10**9)
    sale = round(Fraction("0.348") / Fraction("1.17") * 10**9)
    assert change == {
        "member:bob:GBP": -384_800_000,
        "member:kari:NOK": 4_000_000_000,
        "fx:NOK": -4_000_000_000,
        "fx:GBP": sale,
        "lane:NO2>GB:tariff:GBP": tariff,
        "lane:NO2>GB:rent:GBP": 384_800_000 - sale - tariff - 1,
        "rounding:GBP": 1,
    }


def test_potatoes_from_holland_to_britain_by_hand() -> None:
    """10 lots of 25 kg at 0.28 EUR: 70 EUR; freight 0.06 EUR/kg: 15 EUR; duty 8 %: 5.60 EUR.

    Landed that is 90.60 / 1.17 = 77.435… GBP, 0.3097… a kg, up to the tick 0.31: 77.50 GBP.
    """
    lane = Lane("NL>GB", "NL", "GB", 400, 0, Decimal("0.06"), 80_000)
    assert Landed(lane, NL, GB, POTATOES.tick).landed(28) == 31
    leg = Leg(lane, NL, GB, 28_000, 31_000)
    contract = Contract(
        "c9-0", POTATOES, "farm", NL, "shop", GB, 10, 10, 28_000, 31_000, (leg,), continuous=True
    )
    assert to_reserve(contract) == Money.parse("77.5", "GBP")
    change = flows(settle(delivery_of(contract, 10), 100_000))
    sale, freight, duty = (round(Fraction(eur) / Fraction("1.17") * 10**9) for eur in ("70", "15", "5.6"))
    assert change == {
        "member:shop:GBP": -77_500_000_000,
        "member:farm:EUR": 70_000_000_000,
        "fx:EUR": -70_000_000_000,
        "fx:GBP": sale,
        "lane:NL>GB:tariff:GBP": freight,
        "customs:GBP": duty,
        "rounding:GBP": 77_500_000_000 - sale - freight - duty,
    }
    assert {t.kind for t in settle(delivery_of(contract, 10), 0)} == {
        "conversion", "sale", "freight", "duty", "rounding",
    }  # fmt: skip


def test_over_two_lanes_each_gets_its_part() -> None:
    """50 EUR, 1 EUR tariff, 52 EUR, 2 EUR tariff, 60 EUR: rents of 1 and 6 EUR."""
    legs = (
        Leg(Lane("NL>DE", "NL", "DE", 9, 0, Decimal(1)), NL, DE, 5_000_000, 5_200_000),
        Leg(Lane("DE>NL2", "DE", "NL", 9, 0, Decimal(2)), DE, NL, 5_200_000, 6_000_000),
    )
    contract = Contract("c", POWER, "a", NL, "b", NL, 10**6, 10**6, 5_000_000, 6_000_000, legs)
    change = flows(settle(measure(10**6, [contract])[0], 0))
    assert {name: nano // 10**9 for name, nano in change.items()} == {
        "member:b:EUR": -60,
        "member:a:EUR": 50,
        "lane:NL>DE:tariff:EUR": 1,
        "lane:NL>DE:rent:EUR": 1,
        "lane:DE>NL2:tariff:EUR": 2,
        "lane:DE>NL2:rent:EUR": 6,
    }


def test_a_seller_below_zero_pays_and_the_lane_keeps_the_difference() -> None:
    """The seller pays 10 EUR/MWh to be rid of it, the buyer pays 20: the full lane's rent is 30."""
    leg = Leg(Lane("NL>DE", "NL", "DE", 10**6), NL, DE, -1_000_000, 2_000_000)
    contract = Contract("c", POWER, "a", NL, "b", DE, 10**6, 10**6, -1_000_000, 2_000_000, (leg,))
    change = flows(settle(measure(10**6, [contract])[0], 0))
    assert {name: nano // 10**9 for name, nano in change.items()} == {
        "member:a:EUR": -10, "member:b:EUR": -20, "lane:NL>DE:rent:EUR": 30,
    }  # fmt: skip


def test_a_buyer_below_zero_is_paid_and_reserves_nothing() -> None:
    contract = Contract("c", POWER, "a", NL, "b", NL, 10**6, 10**6, -1_000_000, -1_000_000)
    assert to_reserve(contract) == Money(0, "EUR")
    (transfer,) = settle(measure(10**6, [contract])[0], 0)
    assert (transfer.source, transfer.target) == ("member:a:EUR", "member:b:EUR")
    assert str(transfer.amount) == "10"


def test_money_is_valued_to_the_nearest_nano_unit() -> None:
    assert value(POWER, 1, 1) == 0  # 0.01 nano
    assert value(POWER, 50, 1) == 1 and value(POWER, -50, 1) == -1
    assert convert(3, GB, NL) == 4 and convert(-3, GB, NL) == -4
