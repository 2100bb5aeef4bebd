"""The one sentence on top of the page: what the market is doing now."""

from __future__ import annotations

from tradelane.gateway.overview import Overview
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.words import Words

MOST_TRADES = 20
"""The overview carries no more trades than this, so a count made from them may be too low."""


def headline(overview: Overview, formats: Formats) -> str:
    """``12 roofs in NL, GB and NO2 are selling 3.4 kWh abroad this quarter hour.``

    The energy is the sum of the exporting zones' net positions; the roofs are the distinct sellers of power
    over a border in the interval's trades, ``at least`` that many where the list is cut off.
    """
    words, say = formats.words, formats.words.gettext
    if not overview["zones"]:
        return say("No zone has joined this market yet.")
    if all(zone["price"] is None for zone in overview["zones"]):
        return say("The market waits for its first auction.")
    exporters = [zone for zone in overview["zones"] if zone["net_wh"] > 0]
    span = _span(overview["interval"].partition("/")[2], words)
    if not exporters:
        return say("No energy crosses a border %(span)s: what the roofs make is used at home.", span=span)
    sold = formats.energy(sum(zone["net_wh"] for zone in exporters))
    places = formats.listing([zone["id"] for zone in exporters])
    return _selling(overview, words, places=places, sold=sold, span=span)


def sellers_abroad(overview: Overview) -> set[str]:
    """Who sells power over a border in the overview's interval, as far as its trades tell."""
    return {
        trade["seller"]
        for trade in overview["trades"]
        if trade["commodity"] == "power"
        and trade["seller_zone"] != trade["buyer_zone"]
        and trade["product"].endswith(overview["interval"])
    }


def _selling(overview: Overview, words: Words, **said: str) -> str:
    count = len(sellers_abroad(overview))
    if not count:
        return words.gettext("Roofs in %(places)s are selling %(sold)s abroad %(span)s.", **said)
    trades = overview["trades"]
    if len(trades) >= MOST_TRADES and trades[-1]["product"].endswith(overview["interval"]):
        return words.ngettext(
            "At least %(num)s roof in %(places)s is selling %(sold)s abroad %(span)s.",
            "At least %(num)s roofs in %(places)s are selling %(sold)s abroad %(span)s.",
            count,
            **said,
        )
    return words.ngettext(
        "%(num)s roof in %(places)s is selling %(sold)s abroad %(span)s.",
        "%(num)s roofs in %(places)s are selling %(sold)s abroad %(span)s.",
        count,
        **said,
    )


def _span(duration: str, words: Words) -> str:
    """An ISO 8601 duration as the time in which something happens."""
    spans = {
        "PT15M": words.gettext("this quarter hour"),
        "PT30M": words.gettext("this half hour"),
        "PT60M": words.gettext("this hour"),
        "PT1H": words.gettext("this hour"),
    }
    return spans.get(duration) or words.gettext("in this interval")
