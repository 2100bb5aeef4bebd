"""The gateway's tables: an edge's in ``edge.sqlite``, a zone's in ``zone.sqlite``, both of this one schema.

Instants are Unix milliseconds UTC, energy is Wh, quantities are lots, prices are ticks, clearing prices
milliticks (thousandths of the product's tick). Columns ending in ``_wall`` are wall-clock ms, all other
times market-clock ms.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# SQLite only gives a rowid, and so a fast append, to a key of type INTEGER.
Long = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("at", Long, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("public_key", String, nullable=False),
    Column("registered_at", Long, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Long, nullable=False),
    Column("product", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("member", String, nullable=False),
    Column("side", String, nullable=False),
    Column("price", Long, nullable=False),
    Column("quantity", Long, nullable=False),
    Column("filled", Long, nullable=False, default=0, server_default="0"),
    Column("state", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("received_wall", Long, nullable=False),
    Column("read_wall", Long, nullable=True),
    Index("orders_product", "product", "seq"),
    Index("orders_member", "member", "seq"),
)

amendments = Table(
    "amendments",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Long, nullable=False),
)
"""A zone's amendments of goods orders, each by the number of its journal entry."""

operator_acts = Table(
    "operator_acts",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("at", Long, nullable=False),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("who", String, nullable=False),
    Column("since", Long, nullable=True),
    Column("until", Long, nullable=True),
    Column("body", JSON, nullable=False),
    Index("operator_acts_about", "about", "seq"),
    Index("operator_acts_until", "kind", "until"),
)
"""What a zone's operator did, each by the number of its journal entry; ``since`` and ``until``: what it is
for, where it is for a time."""

goods_days = Table(
    "goods_days",
    metadata,
    Column("product", String, primary_key=True),
    Column("seq", Long, nullable=False),
)
"""The journal's entry that opened the market of a goods product and day."""

prices = Table(
    "prices",
    metadata,
    Column("product", String, primary_key=True),
    Column("zone", String, primary_key=True),
    Column("interval_start", Long, nullable=False),
    Column("interval_end", Long, nullable=False),
    Column("price", Long, nullable=True),
    Column("low", Long, nullable=True),
    Column("high", Long, nullable=True),
    Column("net", Long, nullable=False),
    Column("seq", Long, nullable=False),
    Index("prices_interval", "interval_start"),
)

flows = Table(
    "flows",
    metadata,
    Column("product", String, primary_key=True),
    Column("lane", String, primary_key=True),
    Column("capacity", Long, nullable=False),
    Column("sent", Long, nullable=False),
    Column("received", Long, nullable=False),
)

contracts = Table(
    "contracts",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Long, nullable=False),
    Column("product", String, nullable=False),
    Column("commodity", String, nullable=False),
    Column("interval_start", Long, nullable=False),
    Column("interval_end", Long, nullable=False),
    Column("seller_order", String, nullable=False),
    Column("seller", String, nullable=False),
    Column("seller_zone", String, nullable=False),
    Column("buyer_order", String, nullable=False),
    Column("buyer", String, nullable=False),
    Column("buyer_zone", String, nullable=False),
    Column("path", JSON, nullable=False),
    Column("sent", Long, nullable=False),
    Column("received", Long, nullable=False),
    Column("delivered", Long, nullable=True),
    Column("imbalance", Long, nullable=True),
    Column("seller_price", Long, nullable=False),
    Column("buyer_price", Long, nullable=False),
    Column("state", String, nullable=False),
    Column("agreed_at", Long, nullable=False),
    Column("settled_at", Long, nullable=True),
    Column("offered_wall", Long, nullable=True),
    Column("agreed_wall", Long, nullable=True),
    Column("funded_wall", Long, nullable=True),
    Column("settled_wall", Long, nullable=True),
    Column("detail", JSON, nullable=False),
    Index("contracts_state", "state", "interval_end"),
    Index("contracts_product", "product"),
    Index("contracts_seller", "seller", "interval_start"),
    Index("contracts_buyer", "buyer", "interval_start"),
)
"""A seller and a buyer matched. ``sent``, ``received``, ``delivered`` and ``imbalance`` are lots at the
seller's end (``received``: the buyer's); once settled, ``sent = delivered + imbalance``."""

statements = Table(
    "statements",
    metadata,
    Column("member", String, primary_key=True),
    Column("interval_start", Long, primary_key=True),
    Column("interval_end", Long, nullable=False),
    Column("import_wh", Long, nullable=False),
    Column("export_wh", Long, nullable=False),
    Column("quality", String, nullable=False),
    Column("signature", String, nullable=False),
    Column("read_wall", Long, nullable=True),
    Column("seq", Long, nullable=False),
)
"""A zone's view of what a member's meter counted in an interval, signed by the member."""

corrections = Table(
    "corrections",
    metadata,
    Column("member", String, primary_key=True),
    Column("interval_start", Long, primary_key=True, autoincrement=False),
    Column("import_wh", Long, nullable=False),
    Column("export_wh", Long, nullable=False),
    Column("quality", String, nullable=False),
    Column("signature", String, nullable=False),
    Column("seq", Long, nullable=False),
    Column("booked", Boolean, nullable=False),
    Index("corrections_booked", "booked"),
)
"""What a member's meter turned out to have counted after its statement, signed by the member; ``booked`` once
every contract of the interval has been settled by it."""

heads = Table(
    "heads",
    metadata,
    Column("member", String, primary_key=True),
    Column("meter", String, primary_key=True),
    Column("seq", Long, nullable=False),
    Column("hash", String, nullable=False),
    Column("signature", String, nullable=False),
    Column("at", Long, nullable=False),
)
"""The newest head of each meter's sealed chain that a zone has been told, hexadecimal."""

readings = Table(
    "readings",
    metadata,
    Column("meter", String, primary_key=True),
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("at", Long, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("readings_at", "meter", "at"),
)

metered = Table(
    "metered",
    metadata,
    Column("meter", String, primary_key=True),
    Column("interval_start", Long, primary_key=True),
    Column("interval_end", Long, nullable=False),
    Column("member", String, nullable=True),
    Column("import_wh", Long, nullable=False),
    Column("export_wh", Long, nullable=False),
    Column("production_wh", Long, nullable=True),
    Column("quality", String, nullable=False),
    Column("sent", Boolean, nullable=False),
    Index("metered_sent", "sent", "interval_start"),
)

thinned = Table(
    "thinned",
    metadata,
    Column("meter", String, primary_key=True),
    Column("first", Long, primary_key=True, autoincrement=False),
    Column("last", Long, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""Runs of readings that are no longer kept, as their chain remembers them."""

meter_states = Table(
    "meter_states",
    metadata,
    Column("meter", String, primary_key=True),
    Column("seq", Long, nullable=False),
    Column("body", Text, nullable=False),
)
"""A meter's history after the reading ``seq``, as JSON."""

meter_events = Table(
    "meter_events",
    metadata,
    Column("meter", String, primary_key=True),
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("what", String, primary_key=True),
    Column("seen", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("wh", Long, nullable=False),
    Index("meter_events_at", "at"),
)
"""What was decided about a meter's counters, by the reading that led to it."""

metered_corrections = Table(
    "metered_corrections",
    metadata,
    Column("meter", String, primary_key=True),
    Column("interval_start", Long, primary_key=True, autoincrement=False),
    Column("import_wh", Long, nullable=False),
    Column("export_wh", Long, nullable=False),
    Column("production_wh", Long, nullable=True),
    Column("quality", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("sent", Boolean, nullable=False),
)
"""What an interval in ``metered`` turned out to be, once, before its settlement is final."""

forecasts = Table(
    "forecasts",
    metadata,
    Column("meter", String, primary_key=True),
    Column("interval_start", Long, primary_key=True, autoincrement=False),
    Column("at", Long, nullable=False),
    Column("expected_wh", Long, nullable=False),
    Column("low_wh", Long, nullable=False),
    Column("share", Float, nullable=False),
)
"""The surplus forecast that an offer was made from; ``share`` of cases may bring less than ``low_wh``."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("role", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("opened_at", Long, nullable=False),
    Column("expires_at", Long, nullable=False),
)
"""Who is signed in at this role's pages. Instants are the machine's (Unix ms), not the market's."""

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("role", String, nullable=False),
    Column("subject", String, nullable=True),
    Column("expires_at", Long, nullable=False),
)
"""Codes that were not used yet; without a subject, for a person who is not a member yet."""

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("contract", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("text", String, nullable=False),
    Column("at", Long, nullable=False),
    Index("messages_contract", "contract", "at"),
)
"""What the two sides of a contract write to each other."""
