"""Declarations as they are lodged, amended and charged, with their steps and papers; landed prices kept."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "v0011"
down_revision = "v0010"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NANO = 10**9


def upgrade() -> None:
    op.create_table(
        "assessments",
        sa.Column("assessment", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("assessment"),
    )
    for column in (
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("body", sa.Text(), nullable=False, server_default=""),
        sa.Column("figures", sa.Text(), nullable=False, server_default=""),
        sa.Column("risk_rule", sa.String(), nullable=False, server_default=""),
        sa.Column("charged_duty_nano", LONG, nullable=False, server_default="0"),
        sa.Column("charged_tax_nano", LONG, nullable=False, server_default="0"),
    ):
        op.add_column("declarations", column)
    op.create_table(
        "declaration_steps",
        sa.Column("declaration", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["declaration"], ["declarations.declaration"]),
        sa.PrimaryKeyConstraint("declaration", "number"),
    )
    op.create_table(
        "declaration_documents",
        sa.Column("declaration", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("at", LONG, nullable=True),
        sa.ForeignKeyConstraint(["declaration"], ["declarations.declaration"]),
        sa.PrimaryKeyConstraint("declaration", "name"),
    )
    _fill()


def _fill() -> None:
    """What was declared before says so in the new way too: the lane's own duty, paid at settlement."""
    conn = op.get_bind()
    fill = sa.text("UPDATE declarations SET body = :body, figures = :figures WHERE declaration = :id")
    for row in conn.execute(sa.text("SELECT * FROM declarations")).mappings().all():
        value = {"currency": row["currency"], "value": _text(row["value_nano"])}
        duty = {"currency": row["currency"], "value": _text(row["duty_nano"])}
        nothing = {"currency": row["currency"], "value": "0"}
        body = {
            name: row[name] for name in ("declaration", "contract", "hs_code", "quantity", "unit", "duty_ppm")
        }
        body |= {
            "origin": _country(row["origin"]),
            "destination": _country(row["destination"]),
            "value": value,
        }
        line = {
            "kind": "duty", "amount": duty, "base": value, "rate_ppm": row["duty_ppm"] or None,
            "rule": "the lane's own duty", "source": "who runs the lane", "verified": False,
            "collected": "at settlement",
        }  # fmt: skip
        total = {"currency": row["currency"], "value": _text(row["value_nano"] + row["duty_nano"])}
        figures = {"price": value, "freight": nothing, "lines": [line], "total": total}
        figures |= {"duty": nothing, "tax": nothing}
        conn.execute(
            fill, {"id": row["declaration"], "body": json.dumps(body), "figures": json.dumps(figures)}
        )


def _country(zone: str) -> str:
    """Of the zone that was declared; ZZ, which is none, where its name does not begin with one."""
    return zone[:2] if re.match(r"[A-Z]{2}(?![A-Za-z])", zone) else "ZZ"


def _text(nano: int) -> str:
    whole, rest = divmod(nano, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
