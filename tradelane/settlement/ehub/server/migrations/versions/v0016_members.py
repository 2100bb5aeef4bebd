"""Members, the keys they had, and the audit trail of what supervision did."""

import sqlalchemy as sa
from alembic import op

revision = "v0016"
down_revision = "v0015"

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "members",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("employees", sa.Integer(), nullable=False),
        sa.Column("owner_born", sa.Integer(), nullable=True),
        sa.Column("suspended", sa.String(), nullable=True),
        sa.Column("registered_at", Long, nullable=False),
        sa.PrimaryKeyConstraint("member"),
        sa.UniqueConstraint("public_key"),
    )
    op.create_table(
        "member_keys",
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("since", Long, nullable=False),
        sa.Column("until", Long, nullable=True),
        sa.CheckConstraint("length(public_key) = 32", name="ck_member_keys_length"),
        sa.ForeignKeyConstraint(["member"], ["members.member"]),
        sa.PrimaryKeyConstraint("public_key"),
    )
    op.create_index("ix_member_keys_member", "member_keys", ["member", "since"])
    op.create_table(
        "audit_entries",
        sa.Column("seq", Long, autoincrement=False, nullable=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject", "seq"])
