"""The one sentence on top of the page: what the market is doing now."""

from __future__ import annotations

from tradelane.gateway.overview import Overview
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.words import Words


def headline(overview: Overview, formats: Formats) -> str:
    """``12 roofs in NL, GB and NO2 are selling 3.4 kWh abroad this quarter hour.``

    The energy is the sum of the exporting zones' net positions.
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


def _selling(overview: Overview, words: Words, **said: str) -> str:
    count = overview["sellers_abroad"]
    if not count:
        return words.gettext("Roofs in %(places)s are selling %(sold)s abroad %(span)s.", **said)
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
