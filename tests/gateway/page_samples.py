"""Overviews for the page's tests: a busy market, an empty one, and any number of zones."""

from __future__ import annotations

from typing import Literal

from tradelane.gateway.overview import (
    Amount,
    LaneView,
    Overview,
    TradeView,
    ZoneView,
)

INTERVAL = "2026-06-21T12:00Z/PT15M"
CURRENCIES = {"NL": "EUR", "GB": "GBP", "NO2": "NOK"}
POWER = f"power/{INTERVAL}"


def amount(value: str, currency: str) -> Amount:
    return {"currency": currency, "value": value}


def zone(id: str, name: str, currency: str, price: str | None, net_wh: int) -> ZoneView:
    return {"id": id, "name": name, "currency": currency, "price": price, "net_wh": net_wh}


def lane(source: str, target: str, sent_wh: int, capacity_wh: int) -> LaneView:
    received = sent_wh - -(-sent_wh * 25_000 // 1_000_000)
    return {
        "id": f"{source}-{target}",
        "source": source,
        "target": target,
        "sent_wh": sent_wh,
        "received_wh": received,
        "capacity_wh": capacity_wh,
    }


def trade(
    number: int,
    quantity: str,
    seller_zone: str,
    buyer_zone: str,
    gets: Amount,
    pays: Amount,
    state: str = "RELEASED",
    *,
    product: str = POWER,
    at: str = "2026-06-21T11:59:58.400Z",
) -> TradeView:
    commodity: Literal["power", "goods"] = "power" if product.startswith("power/") else "goods"
    return {
        "id": f"t{number}",
        "at": at,
        "commodity": commodity,
        "product": product,
        "quantity": quantity,
        "unit": "kWh" if commodity == "power" else "kg",
        "seller_zone": seller_zone,
        "buyer_zone": buyer_zone,
        "seller_gets": gets,
        "buyer_pays": pays,
        "state": state,
    }


def busy(*, extra_wh: int = 0) -> Overview:
    """Three zones on a sunny Sunday; ``extra_wh`` is added to what NL sends to GB."""
    return {
        "now": "2026-06-21T12:03Z",
        "interval": INTERVAL,
        "next_gate": "2026-06-21T12:15Z",
        "speed": 90,
        "zones": [
            zone("NO2", "Southern Norway", "NOK", "478.10", -1_020),
            zone("NL", "Netherlands", "EUR", "41.20", 3_400 + extra_wh),
            zone("GB", "Great Britain", "GBP", "52.75", -2_300 - extra_wh),
        ],
        "lanes": [
            lane("NL", "GB", 2_500 + extra_wh, 2_500 + extra_wh),
            lane("GB", "NL", 0, 2_500),
            lane("NL", "NO2", 900, 1_800),
            lane("NO2", "NL", 0, 1_800),
            lane("NO2", "GB", 0, 1_400),
            lane("GB", "NO2", 140, 1_400),
        ],
        "trades": _trades(),
        "sellers_abroad": 3,
        "totals": {"sold_abroad_wh": 184_230 + extra_wh, "sold_abroad_kg": 1_250},
        "marco_polo_ms": {"p50": 612, "p99": 1_093, "count": 412},
    }


def _trades() -> list[TradeView]:
    return [
        trade(9, "0.734", "NL", "GB", amount("0.0302408", "EUR"), amount("0.03871850", "GBP"), "FUNDED"),
        trade(8, "1.766", "NL", "GB", amount("0.0727592", "EUR"), amount("0.0931565", "GBP"), "METERED"),
        trade(7, "0.9", "NL", "NO2", amount("0.03708", "EUR"), amount("0.43029", "NOK")),
        trade(6, "0.14", "GB", "NO2", amount("0.007385", "GBP"), amount("0.066934", "NOK")),
        trade(5, "0.51", "NL", "NL", amount("0.021012", "EUR"), amount("0.021012", "EUR")),
        trade(
            4, "25", "NO2", "GB", amount("1825.5", "NOK"), amount("141.27", "GBP"),
            "SHIPPED",
            product="salmon-chilled/2026-06/GBIMM", at="2026-06-21T11:48:10Z",
        ),
        trade(
            3, "1.2", "NL", "NO2", amount("0.0511", "EUR"), amount("0.5902", "NOK"),
            product="power/2026-06-21T11:45Z/PT15M", at="2026-06-21T11:44:58Z",
        ),
        trade(
            2, "0.655", "NL", "GB", amount("-0.00131", "EUR"), amount("0.0011", "GBP"), "REFUNDED",
            product="power/2026-06-21T11:45Z/PT15M", at="2026-06-21T11:44:58Z",
        ),
    ]  # fmt: skip


def empty() -> Overview:
    """Before anything has happened."""
    return {
        "now": "2026-06-21T12:03:07.250Z",
        "interval": INTERVAL,
        "next_gate": "2026-06-21T12:15Z",
        "speed": 1,
        "zones": [],
        "lanes": [],
        "trades": [],
        "sellers_abroad": 0,
        "totals": {"sold_abroad_wh": 0, "sold_abroad_kg": 0},
        "marco_polo_ms": None,
    }


def with_zones(count: int) -> Overview:
    """``count`` zones in a ring of lanes, each sending to the next a little more than the last."""
    overview = empty()
    names = [f"Z{index}" for index in range(count)]
    overview["zones"] = [
        zone(name, f"Zone {index}", "EUR", f"{10 * index - 20}.50", (-1) ** index * 100 * index)
        for index, name in enumerate(names)
    ]
    overview["lanes"] = [
        lane(name, names[(index + 1) % count], 200 * index, 900) for index, name in enumerate(names)
    ]
    return overview
