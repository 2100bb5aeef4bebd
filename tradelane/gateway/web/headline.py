"""The one sentence on top of the page: what the market is doing now."""

from __future__ import annotations

from tradelane.gateway.overview import Overview
from tradelane.gateway.web.formats import Formats

MOST_TRADES = 20
"""The overview carries no more trades than this, so a count made from them may be too low."""
SPANS = {"PT15M": "this quarter hour", "PT30M": "this half hour", "PT60M": "this hour", "PT1H": "this hour"}


def headline(overview: Overview, formats: Formats) -> str:
    """``12 roofs in NL, GB and NO2 are selling 3.4 kWh abroad this quarter hour.``

    The energy is the sum of the exporting zones' net positions; the roofs are the distinct sellers of power
    over a border in the interval's trades, ``at least`` that many where the list is cut off.
    """
    if not overview["zones"]:
        return "No zone has joined this market yet."
    if all(zone["price"] is None for zone in overview["zones"]):
        return "The market waits for its first auction."
    exporters = [zone for zone in overview["zones"] if zone["net_wh"] > 0]
    span = SPANS.get(overview["interval"].partition("/")[2], "in this interval")
    if not exporters:
        return f"No energy crosses a border {span}: what the roofs make is used at home."
    sold = formats.energy(sum(zone["net_wh"] for zone in exporters))
    places = formats.listing([zone["id"] for zone in exporters])
    return f"{_roofs(overview)} in {places} {_verb(overview)} selling {sold} abroad {span}."


def sellers_abroad(overview: Overview) -> set[str]:
    """Who sells power over a border in the overview's interval, as far as its trades tell."""
    return {
        trade["seller"]
        for trade in overview["trades"]
        if trade["commodity"] == "power"
        and trade["seller_zone"] != trade["buyer_zone"]
        and trade["product"].endswith(overview["interval"])
    }


def _roofs(overview: Overview) -> str:
    count = len(sellers_abroad(overview))
    if not count:
        return "Roofs"
    trades = overview["trades"]
    cut_off = len(trades) >= MOST_TRADES and trades[-1]["product"].endswith(overview["interval"])
    text = f"{count} roof" if count == 1 else f"{count} roofs"
    return f"At least {text}" if cut_off else text


def _verb(overview: Overview) -> str:
    return "is" if len(sellers_abroad(overview)) == 1 else "are"
