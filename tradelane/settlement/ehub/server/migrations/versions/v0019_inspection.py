"""Inspection: certificates of origin, disputes, inspections, and papers on file."""

import sqlalchemy as sa
from alembic import op

revision = "v0019"
down_revision = "v0018"

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("reservation", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", Long, nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("share_ppm", Long, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolved_at", Long, nullable=True),
        sa.PrimaryKeyConstraint("contract"),
    )
    op.create_index("ix_disputes_state", "disputes", ["state", "contract"])
    op.create_table(
        "documents",
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("valid_from", sa.String(), nullable=False),
        sa.Column("valid_until", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("at", Long, nullable=False),
        sa.PrimaryKeyConstraint("document"),
        sa.UniqueConstraint("kind", "issuer", "number"),
    )
    op.create_index("ix_documents_subject", "documents", ["subject", "kind"])
    op.create_table(
        "gc_devices",
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("energy_source", sa.String(), nullable=False),
        sa.Column("capacity_w", Long, nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("last_number", Long, nullable=False),
        sa.Column("head_seq", Long, nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=True),
        sa.Column("at", Long, nullable=False),
        sa.PrimaryKeyConstraint("device"),
    )
    op.create_index("ix_gc_devices_account", "gc_devices", ["account", "device"])
    op.create_table(
        "inspections",
        sa.Column("inspection", sa.String(), nullable=False),
        sa.Column("declaration", sa.String(), nullable=False),
        sa.Column("shipment", sa.String(), nullable=True),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("ordered_by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("inspector", sa.String(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("at", Long, nullable=False),
        sa.Column("ended_at", Long, nullable=True),
        sa.Column("ended_number", Long, nullable=True),
        sa.PrimaryKeyConstraint("inspection"),
        sa.UniqueConstraint("ended_number"),
    )
    op.create_index("ix_inspections_declaration", "inspections", ["declaration", "ended_number"])
    op.create_index("ix_inspections_state", "inspections", ["state", "inspection"])
    op.create_table(
        "gc_issuances",
        sa.Column("issuance", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("starts_at", Long, nullable=False),
        sa.Column("ends_at", Long, nullable=False),
        sa.Column("wh", Long, nullable=False),
        sa.Column("range_start", Long, nullable=False),
        sa.Column("head_seq", Long, nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("head_signature", sa.LargeBinary(), nullable=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("corrected_at", Long, nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name="ck_gc_issuances_interval"),
        sa.CheckConstraint("wh >= 0", name="ck_gc_issuances_wh"),
        sa.ForeignKeyConstraint(["device"], ["gc_devices.device"]),
        sa.PrimaryKeyConstraint("issuance"),
        sa.UniqueConstraint("device", "starts_at"),
    )
    op.create_table(
        "gc_actions",
        sa.Column("seq", Long, autoincrement=False, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("issuance", sa.String(), nullable=False),
        sa.Column("range_start", Long, nullable=False),
        sa.Column("range_end", Long, nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("beneficiary", sa.String(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("at", Long, nullable=False),
        sa.ForeignKeyConstraint(["issuance"], ["gc_issuances.issuance"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_gc_actions_source", "gc_actions", ["source", "seq"])
    op.create_index("ix_gc_actions_target", "gc_actions", ["target", "seq"])
    op.create_table(
        "gc_bundles",
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("range_start", Long, autoincrement=False, nullable=False),
        sa.Column("range_end", Long, nullable=False),
        sa.Column("issuance", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("beneficiary", sa.String(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("cancelled_at", Long, nullable=True),
        sa.CheckConstraint("status = 'Active' OR status = 'Cancelled'", name="ck_gc_bundles_status"),
        sa.CheckConstraint("range_end >= range_start", name="ck_gc_bundles_range"),
        sa.ForeignKeyConstraint(["device"], ["gc_devices.device"]),
        sa.ForeignKeyConstraint(["issuance"], ["gc_issuances.issuance"]),
        sa.PrimaryKeyConstraint("device", "range_start"),
    )
    op.create_index("ix_gc_bundles_account", "gc_bundles", ["account", "device", "range_start"])
    op.create_index("ix_gc_bundles_issuance", "gc_bundles", ["issuance", "range_start"])
