"""A customs declaration's way from lodged to released, as one transition table. Pure.

Lodged → accepted → released (green), → documents (yellow: papers are asked for) or → inspection (red: the
goods are looked at). An amendment before release lodges the declaration anew; none is taken once an
inspection was announced (Regulation (EU) 952/2013, Art. 173(2)). What is held is released, inspected or
invalidated. What was released may still be corrected (Art. 173(3)), or invalidated when the goods never came
(Art. 174(2)): what was charged is then charged anew, or given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tradelane.settlement.customs import Channel


class State(StrEnum):
    LODGED = "lodged"
    ACCEPTED = "accepted"
    DOCUMENTS = "documents"
    INSPECTION = "inspection"
    HELD = "held"
    RELEASED = "released"
    INVALIDATED = "invalidated"


class Event(StrEnum):
    ACCEPT = "accept"
    ASK_DOCUMENTS = "ask_documents"
    ASK_INSPECTION = "ask_inspection"
    RELEASE = "release"
    HOLD = "hold"
    AMEND = "amend"
    CORRECT = "correct"
    INVALIDATE = "invalidate"


_S, _E = State, Event
TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    _S.LODGED: {_E.ACCEPT: _S.ACCEPTED, _E.AMEND: _S.LODGED, _E.INVALIDATE: _S.INVALIDATED},
    _S.ACCEPTED: {
        _E.RELEASE: _S.RELEASED,
        _E.ASK_DOCUMENTS: _S.DOCUMENTS,
        _E.ASK_INSPECTION: _S.INSPECTION,
        _E.AMEND: _S.LODGED,
        _E.INVALIDATE: _S.INVALIDATED,
    },
    _S.DOCUMENTS: {
        _E.RELEASE: _S.RELEASED,
        _E.HOLD: _S.HELD,
        _E.ASK_INSPECTION: _S.INSPECTION,
        _E.AMEND: _S.LODGED,
        _E.INVALIDATE: _S.INVALIDATED,
    },
    _S.INSPECTION: {_E.RELEASE: _S.RELEASED, _E.HOLD: _S.HELD, _E.INVALIDATE: _S.INVALIDATED},
    _S.HELD: {_E.RELEASE: _S.RELEASED, _E.ASK_INSPECTION: _S.INSPECTION, _E.INVALIDATE: _S.INVALIDATED},
    _S.RELEASED: {_E.CORRECT: _S.RELEASED, _E.INVALIDATE: _S.INVALIDATED},
    _S.INVALIDATED: {},
}
FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)
AFTER_ACCEPTANCE: Mapping[Channel, Event] = {
    Channel.GREEN: Event.RELEASE,
    Channel.YELLOW: Event.ASK_DOCUMENTS,
    Channel.RED: Event.ASK_INSPECTION,
}
"""What the channel of an accepted declaration leads to."""


def after(state: State, event: Event) -> State | None:
    """The state ``event`` leads to; None when the table has no such way."""
    return TRANSITIONS[state].get(event)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a declaration's ``field`` comes from; ``said_by`` who answers for it."""

    field: str
    comes_from: str
    said_by: str


FROM_THE_TRADE = (
    Source("hs_code", "product's HS code; power: 27160000", "zone's configuration"),
    Source("origin", "country of the zone the lane starts in", "zone's configuration"),
    Source("destination", "country of the zone the lane ends in", "zone's configuration"),
    Source("value", "seller's price × lots sent, in the seller's currency", "clearing or book"),
    Source("freight", "lane's freight × lots sent, in the buyer's currency", "zone's configuration"),
    Source("incoterm", "FCA: the lane's freight comes on top of the price", "market's rules"),
    Source("items", "1: a contract is one item", "market's rules"),
    Source("preference", "the lane's proof of origin", "zone's configuration"),
    Source("business", "goods: no; power: yes, its importer makes a return", "market's rules"),
    Source("rates", "worth of the zones' currencies", "zone's configuration"),
    Source("duty_ppm", "the lane's own duty, where it follows no tariff table", "zone's configuration"),
    Source("declaration", "contract's id; power: lane and month", "zone"),
    Source("contract", "contract's id; power: lane and month", "zone"),
    Source("quantity", "lots sent × lot; power: Wh metered and sent over the lane", "order, meter"),
    Source("unit", "product's unit", "zone's configuration"),
    Source("weight_kg", "quantity, where the unit is kg", "zone's configuration"),
    Source("consignor", "seller's id; power: zone the lane starts in", "order"),
    Source("consignee", "buyer's id; power: zone the lane ends in", "order"),
    Source("payer", "buyer's account, where a tariff table is followed", "order"),
    Source("reservation", "what was held of the buyer's money for customs", "e-hub"),
    Source("assessment", "what the buyer was shown before its money was held", "e-hub"),
)
"""Every field of a declaration and the trade's field it is copied from: nothing is typed twice."""
