"""The demo's people and places: a neighbourhood in each of three countries, with lanes in a ring.

Lanes have the proportions of BritNed (1,000 MW), NorNed (700 MW) and North Sea Link (1,400 MW), at 10 W for
each MW. Losses and tariffs are round figures of the same order as theirs; duty and freight are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

NUMERAIRE = "EUR"
CURRENCIES = ("EUR", "GBP", "NOK")
ORIGIN = "2026-06-21T09:57Z"
"""Where the demo's clock starts: a midsummer morning, three minutes before a market time unit."""
FARMER = "farmer"
DEPOSIT = {"EUR": 2_000, "GBP": 2_000, "NOK": 20_000}
"""Test money of each who buys power, in whole units. The largest, a bakery, uses at most 240 kWh a day at
0.32 EUR: 77 EUR; an hour of the demo at its usual speed is 3.75 days. So it lasts for seven hours."""
MARKET_HUB, FAR_HUB = "north-sea", "bergen"
"""The e-hub everyone has an account at, and that of the kitchen's bank."""
KITCHEN, KITCHEN_NAME = "fish-kitchen", "Fish kitchen, Bergen"
KITCHEN_SENDS, KITCHEN_LOW = 20_000, 5_000
"""NOK: what its bank sends over the e-road whenever less is left there. It pays at most 1,225 at a gate."""
ROAD_LIMIT = 200_000
"""NOK that one hub may owe the other before a window is settled: ten payments."""
MARKET = "10X--NORTH-SEA-I"
"""The market's EIC code: made up, but for its check character. The zones' and their operators' are real."""
MODBUS_ROOFS = 12
MQTT_ROOFS = 6


@dataclass(frozen=True)
class Country:
    zone: str
    name: str
    currency: str
    fx: str
    latitude: float
    longitude: float
    kwp: float
    min_price: str
    price_factor: str
    eic: str
    operator: str
    people: tuple[str, ...]


COUNTRIES = (
    Country(
        "NL", "Netherlands", "EUR", "1", 52.37, 4.90, 12.0, "70", "1",
        "10YNL----------L", "10X1001A1001A361",
        ("Anna", "Bram", "Cato", "Daan", "Emma", "Finn"),
    ),
    Country(
        "GB", "Great Britain", "GBP", "1.17", 53.80, -1.55, 6.5, "65", "1.05",
        "10YGB----------A", "10X1001A1001A515",
        ("Alfie", "Beth", "Callum", "Daisy", "Ethan", "Freya"),
    ),
    Country(
        "NO2", "South Norway", "NOK", "0.087", 58.15, 8.00, 9.0, "450", "8",
        "10YNO-2--------T", "10X1001A1001A38Y",
        ("Aksel", "Berit", "Eirik", "Guro", "Ivar", "Kari"),
    ),
)  # fmt: skip
BUYERS = ("bakery", "cold store", "heat pump", "charging post")
# source, target, capacity_kw, loss_ppm, tariff (EUR/MWh)
LANES = (
    ("NL", "GB", 10, 30_000, "0.50"),
    ("NL", "NO2", 7, 40_000, "0.40"),
    ("GB", "NO2", 14, 38_000, "0.60"),
)
POTATOES: dict[str, Any] = {
    "id": "potatoes", "name": "Potatoes, fresh", "hs_code": "070190", "unit": "kg", "lot": "25",
    "tick": "0.01", "min_price": "0.05", "max_price": "5",
}  # fmt: skip
FREIGHT: dict[str, Any] = {
    "id": "NL>NO2.ferry", "product": "potatoes", "source": "NL", "target": "NO2", "capacity": 1_000,
    "freight": "0.06", "duty_ppm": 80_000, "days": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Roof:
    """A rooftop: who, where, and how its meter is read."""

    member: str
    name: str
    country: Country
    transport: str
    kwp: float

    @property
    def meter(self) -> str:
        return f"roof-{self.member}"


def roofs() -> list[Roof]:
    """Two in three over Modbus, one over MQTT; each a kWp smaller than the one before."""
    found = []
    for country in COUNTRIES:
        for k, person in enumerate(country.people):
            transport = "mqtt" if k % 3 == 2 else "modbus"
            found.append(Roof(person.lower(), person, country, transport, country.kwp - k))
    return found


def buyers() -> Iterator[tuple[str, str, str, Country]]:
    """Member id, name, kind of consumer, country."""
    for country in COUNTRIES:
        for kind in BUYERS:
            yield (
                f"{kind.replace(' ', '-')}-{country.zone.lower()}",
                _place_name(kind, country),
                kind,
                country,
            )


def _place_name(kind: str, country: Country) -> str:
    towns = {"NL": "Utrecht", "GB": "Leeds", "NO2": "Kristiansand"}
    return f"{kind.capitalize()}, {towns[country.zone]}"


def street(
    roofs: Sequence[Roof], ports: Sequence[int], mqtt: dict[str, Any], clock: dict[str, Any], seed: int
) -> dict[str, Any]:
    """The simulator's file; ``ports`` are for the Modbus rooftops, in order."""
    free = iter(ports)
    rows: list[dict[str, Any]] = []
    for roof in roofs:
        row: dict[str, Any] = {
            "name": roof.meter, "transport": roof.transport, "zone": roof.country.zone,
            "latitude": roof.country.latitude, "longitude": roof.country.longitude, "kwp": roof.kwp,
        }  # fmt: skip
        if roof.transport == "modbus":
            row |= {"port": next(free), "unit": 1}
        rows.append(row)
    return {"seed": seed, "clock": clock, "mqtt": mqtt, "rooftop": rows}


def hub(data_dir: str, port: int, clock: dict[str, Any], far: dict[str, Any]) -> dict[str, Any]:
    """The market's; ``far`` is the other hub, as ``peer`` says it."""
    road = _road(MARKET_HUB, far) | {"rates": {country.currency: country.fx for country in COUNTRIES}}
    return {
        "data_dir": data_dir, "port": port, "clock": clock,
        "hub": {"currencies": list(CURRENCIES), "road": road},
    }  # fmt: skip


def far_hub(data_dir: str, port: int, clock: dict[str, Any], market: dict[str, Any]) -> dict[str, Any]:
    """The kitchen's bank; ``market`` is the market's hub, as ``peer`` says it."""
    hub = {"currencies": ["NOK"], "road": _road(FAR_HUB, market)}
    return {"data_dir": data_dir, "port": port, "clock": clock, "hub": hub}


def peer(name: str, port: int, fingerprint: str, places: Sequence[str] = ()) -> dict[str, Any]:
    """A hub as the other's file names it."""
    return {
        "name": name, "url": f"http://127.0.0.1:{port}", "fingerprint": fingerprint,
        "limits": {"NOK": str(ROAD_LIMIT)}, "places": list(places),
    }  # fmt: skip


def _road(name: str, other: dict[str, Any]) -> dict[str, Any]:
    """Windows of a quarter of an hour; the demo's minutes are short, so its quotes hold for an hour."""
    return {
        "name": name, "fee_ppm": 1_000, "window_minutes": 15, "margin_seconds": 600, "quote_seconds": 3600,
        "allow_private": True, "peers": [other],
    }  # fmt: skip


def gateway(
    data_dir: str, port: int, hub_url: str, roofs: Sequence[Roof], ports: Sequence[int],
    broker: tuple[str, int], clock: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    return {
        "data_dir": data_dir,
        "port": port,
        "clock": clock,
        "edge": {
            "poll_seconds": clock["speed"],
            "mqtt": {"host": broker[0], "port": broker[1]},
            "members": [*_sellers(roofs), *_buyers(), *_traders()],
            "meters": list(_meters(roofs, ports)),
        },
        "zone": {
            "id": "north-sea",
            "name": "North Sea neighbours",
            "numeraire": NUMERAIRE,
            "eic": MARKET,
            "hub_url": hub_url,
            "hub_token_file": "hub.token",
            "imbalance": {"penalty_ppm": 100_000},
            "zones": [_zone(country) for country in COUNTRIES],
            "lanes": list(_lanes()),
            "goods": [POTATOES],
            "goods_lanes": [FREIGHT],
        },
    }


def _zone(c: Country) -> dict[str, str]:
    return {
        "id": c.zone, "name": c.name, "currency": c.currency, "fx": c.fx,
        "eic": c.eic, "operator": c.operator,
    }  # fmt: skip


def _sellers(roofs: Sequence[Roof]) -> Iterator[dict[str, Any]]:
    for roof in roofs:
        yield {
            "id": roof.member, "name": roof.name, "zone": roof.country.zone, "sells": True,
            "min_price": roof.country.min_price, "keep_wh": 50, "meter": roof.meter,
        }  # fmt: skip


def _buyers() -> Iterator[dict[str, Any]]:
    for id, name, kind, country in buyers():
        buys = {"kind": kind, "price_factor": country.price_factor}
        yield {"id": id, "name": name, "zone": country.zone, "buys": buys}


def _traders() -> Iterator[dict[str, Any]]:
    sale = {"product": "potatoes", "side": "sell", "price": "0.28", "quantity": "250"}
    purchase = {"product": "potatoes", "side": "buy", "price": "4.90", "quantity": "250"}
    yield {"id": FARMER, "name": "Farm De Klei", "zone": "NL", "goods": [sale]}
    yield {"id": KITCHEN, "name": KITCHEN_NAME, "zone": "NO2", "goods": [purchase]}


def _meters(roofs: Sequence[Roof], ports: Sequence[int]) -> Iterator[dict[str, Any]]:
    free = iter(ports)
    for roof in roofs:
        place = {"lat": roof.country.latitude, "lon": roof.country.longitude}
        if roof.transport == "modbus":
            yield {
                "name": roof.meter,
                "transport": "modbus",
                "host": "127.0.0.1",
                "port": next(free),
                **place,
            }
        else:
            topic = f"meters/{roof.meter}/state"
            yield {"name": roof.meter, "transport": "mqtt", "topic": topic, "dialect": "json", **place}


def _lanes() -> Iterator[dict[str, Any]]:
    for a, b, capacity, loss, tariff in LANES:
        for source, target in ((a, b), (b, a)):
            yield {
                "id": f"{source}>{target}", "source": source, "target": target, "capacity_kw": capacity,
                "loss_ppm": loss, "tariff": tariff,
            }  # fmt: skip


def deposits() -> Iterator[tuple[str, str, str, int]]:
    """Member id, name, currency and whole units of test money of all who buy power."""
    for id, name, _, country in buyers():
        yield id, name, country.currency, DEPOSIT[country.currency]
