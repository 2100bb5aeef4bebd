"""The e-road's tables: peers, both directions of their channels, quotes, payments, copies, windows.

Money is nano-units, instants Unix ms.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from tradelane.settlement.ehub.server.tables import Long, metadata

peers = Table(
    "road_peers",
    metadata,
    Column("peer", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("limits", Text, nullable=False),
    Column("places", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("key", String),
    Column("road", String),
    Column("currencies", Text, nullable=False),
    Column("sent", Long, nullable=False),
    Column("acknowledged", Long, nullable=False),
    Column("received", Long, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Long, nullable=False),
    Column("closed", Long),
    Column("peer_closed", Long),
    Column("compared", Long),
    Column("committed", Long, nullable=False),
    Column("at", Long, nullable=False),
    CheckConstraint(
        "state = 'expected' OR state = 'known' OR state = 'refused' OR state = 'broken'",
        name="ck_road_peers_state",
    ),
    CheckConstraint("acknowledged <= sent", name="ck_road_peers_acknowledged"),
)
"""``url`` is where its document stands, ``road`` where its messages go. ``sent``, ``acknowledged`` and
``received`` are numbers of messages; windows up to ``closed`` take no more of our commits, up to
``peer_closed`` none of its, up to ``compared`` reports were made; ``committed`` counts our commits for it."""

outbox = Table(
    "road_outbox",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("number", Long, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("error", Text),
    Column("at", Long, nullable=False),
)
"""What was written for a peer; ``error`` is why it refused it."""

inbox = Table(
    "road_inbox",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("number", Long, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("error", Text),
    Column("at", Long, nullable=False),
)
"""What has come from a peer, by its SHA-256, and our first answer: nothing, or why it was refused."""

quotes = Table(
    "road_quotes",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("outgoing", Boolean, primary_key=True),
    Column("quote", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("account", String),
    Column("payee", String, nullable=False),
    Column("send_currency", String, nullable=False),
    Column("send_nano", Long),
    Column("fee_nano", Long),
    Column("receive_currency", String, nullable=False),
    Column("receive_nano", Long),
    Column("spread_ppm", Long),
    Column("condition", String),
    Column("expires_at", Long),
    Column("error", Text),
    Column("at", Long, nullable=False),
)
"""``outgoing``: asked by a payer here, for ``account``; otherwise by a payer there."""

payments = Table(
    "road_payments",
    metadata,
    Column("transfer", String, primary_key=True),
    Column("peer", String, ForeignKey("road_peers.peer"), nullable=False),
    Column("outgoing", Boolean, nullable=False),
    Column("quote", String, nullable=False),
    Column("account", String, ForeignKey("accounts.account"), nullable=False),
    Column("state", String, nullable=False),
    Column("send_currency", String, nullable=False),
    Column("send_nano", Long, nullable=False),
    Column("fee_nano", Long, nullable=False),
    Column("receive_currency", String, nullable=False),
    Column("receive_nano", Long, nullable=False),
    Column("condition", String, nullable=False),
    Column("fulfilment", String),
    Column("release", String, nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("asked_at", Long),
    Column("window_number", Long),
    Column("number", Long),
    Column("error", Text),
    Column("memo", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("completed_at", Long),
    CheckConstraint(
        "state = 'RECEIVED' OR state = 'RESERVED' OR state = 'COMMITTED' OR state = 'ABORTED'",
        name="ck_road_payments_state",
    ),
    CheckConstraint("(state = 'COMMITTED') = (fulfilment IS NOT NULL)", name="ck_road_payments_fulfilled"),
    CheckConstraint("(state = 'COMMITTED') = (number IS NOT NULL)", name="ck_road_payments_number"),
    UniqueConstraint("peer", "outgoing", "quote", name="uq_road_payments_quote"),
    UniqueConstraint("peer", "outgoing", "number", name="uq_road_payments_entry"),
    Index("ix_road_payments_open", "state", "expires_at"),
    Index("ix_road_payments_window", "peer", "window_number"),
)
"""``outgoing`` at the payer's hub. A committed one is entry ``number`` of its committer, in its window."""

sent_copies = Table(
    "road_sent_copies",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("mark", String, nullable=False),
)
"""What each peer was last told of our records: their state, or how many events they had."""

copies = Table(
    "road_copies",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", Long, nullable=False),
)
"""The peers' records as they last told of them."""

windows = Table(
    "road_windows",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("window_number", Long, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("mine", Text, nullable=False),
    Column("theirs", Text),
    Column("difference", Text),
    Column("at", Long, nullable=False),
    CheckConstraint(
        "state = 'reported' OR state = 'disputed' OR state = 'agreed' OR state = 'settled'",
        name="ck_road_windows_state",
    ),
    Index("ix_road_windows_state", "state", "window_number"),
)
"""Windows both have closed: our report, the peer's, and the first difference, as JSON."""

positions = Table(
    "road_positions",
    metadata,
    Column("window_number", Long, primary_key=True, autoincrement=False),
    Column("hub", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", Long, nullable=False),
)
"""What each hub of the netting group, this one too, has said it owes whom within the group."""

settled = Table(
    "road_settled",
    metadata,
    Column("peer", String, ForeignKey("road_peers.peer"), primary_key=True),
    Column("window_number", Long, primary_key=True, autoincrement=False),
    Column("currency", String, primary_key=True),
    Column("owed_nano", Long, nullable=False),
    Column("paid_nano", Long, nullable=False),
    Column("at", Long, nullable=False),
)
"""What we owed a peer for a window, and what we pay it instead once all are netted; negative is gotten."""
