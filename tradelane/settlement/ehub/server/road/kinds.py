"""Every kind of message, with its body and its handler."""

from __future__ import annotations

from pydantic import BaseModel

from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server.road import (
    channel,
    comparing,
    copies,
    payments,
    peers,
    quotes,
    settling,
    windows,
)

_LISTED: list[tuple[type[BaseModel], channel.Handler]] = [
    (said.Hello, peers.greeted),
    (said.Quote, quotes.priced),
    (said.Quoted, quotes.taken),
    (said.QuoteRefused, quotes.refused),
    (said.Prepare, payments.prepared),
    (said.Fulfil, payments.fulfilled),
    (said.Abort, payments.aborted),
    (said.Ask, payments.asked),
    (said.CopyOf, copies.taken),
    (said.Close, windows.closed),
    (said.Reported, comparing.reported),
    (said.Compare, comparing.compared),
    (said.Differs, comparing.different),
    (said.Positions, settling.positions_told),
]
HANDLERS: channel.Handlers = {channel.kind(model): (model, handle) for model, handle in _LISTED}
