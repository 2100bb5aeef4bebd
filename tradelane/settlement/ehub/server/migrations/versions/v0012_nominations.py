"""Nominations of cross-border schedules, their revisions and the operators' answers."""

import sqlalchemy as sa
from alembic import op

revision = "v0012"
down_revision = "v0011"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "nominations",
        sa.Column("nomination", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("day_start", LONG, nullable=False),
        sa.Column("day_end", LONG, nullable=False),
        sa.Column("resolution", LONG, nullable=False),
        sa.PrimaryKeyConstraint("nomination"),
    )
    op.create_table(
        "nomination_revisions",
        sa.Column("nomination", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("answered_at", LONG, nullable=True),
        sa.ForeignKeyConstraint(["nomination"], ["nominations.nomination"]),
        sa.PrimaryKeyConstraint("nomination", "revision"),
    )
    op.create_table(
        "nomination_lanes",
        sa.Column("nomination", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("in_domain", sa.String(), nullable=False),
        sa.Column("out_domain", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["nomination"], ["nominations.nomination"]),
        sa.PrimaryKeyConstraint("nomination", "lane"),
    )
    op.create_table(
        "nomination_points",
        sa.Column("nomination", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("start", LONG, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wh", LONG, nullable=False),
        sa.ForeignKeyConstraint(["nomination"], ["nominations.nomination"]),
        sa.PrimaryKeyConstraint("nomination", "lane", "start", "revision"),
    )
