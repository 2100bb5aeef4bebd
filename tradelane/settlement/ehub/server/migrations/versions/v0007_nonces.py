"""What members signed, so that it counts once."""

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "signature_nonces",
        sa.Column("keyid", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("until", LONG, nullable=False),
        sa.PrimaryKeyConstraint("keyid", "nonce"),
    )
    op.create_index("ix_signature_nonces_until", "signature_nonces", ["until"])
