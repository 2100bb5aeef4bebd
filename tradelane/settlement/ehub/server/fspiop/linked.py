"""Transfers with the conversions made for them: in each transaction both commit, or neither does."""

from __future__ import annotations

from sqlalchemy import Connection

from tradelane.settlement.ehub.server.fspiop import fx_transfers, transfers
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.fspiop.messages import Failure, Fulfil, Prepare


def prepare(conn: Connection, asked: Inbound[Prepare]) -> None:
    """POST /transfers, of which the payer's conversion must be promised."""
    fx_transfers.judge_transfer(conn, asked.body)
    transfers.prepare(conn, asked)
    fx_transfers.follow(conn, asked.at, asked.body.transferId)


def fulfil(conn: Connection, told: Inbound[Fulfil]) -> None:
    """PUT /transfers/{ID}."""
    transfers.fulfil(conn, told)
    fx_transfers.follow(conn, told.at, told.ids["ID"])


def reject(conn: Connection, told: Inbound[Failure]) -> None:
    """PUT /transfers/{ID}/error."""
    transfers.reject(conn, told)
    fx_transfers.follow(conn, told.at, told.ids["ID"])
