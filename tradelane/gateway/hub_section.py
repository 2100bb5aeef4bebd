"""``[hub]`` of a configuration: the e-hub."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tradelane.gateway.fspiop_section import FspiopSection
from tradelane.gateway.operators_section import Operators
from tradelane.gateway.road_section import RoadSection
from tradelane.gateway.section_types import Currency, DatabaseUrl, Section


class HubSection(Section):
    """The e-hub: one set of standing accounts for each currency.

    ``token_file`` holds the secret its callers show, by default ``data_dir/hub.token``, made when missing.
    ``database``: PostgreSQL's, its password there or in PGPASSWORD; without it, ``data_dir/hub.sqlite``.
    ``allow_private_webhooks``: members' webhooks may be http, and in our own network. Where ``operators``
    are named, two of them do together what moves others' money or lets them move more. Members whose names
    are on ``screening_list`` (CSV) are held until an operator lets them go.
    """

    currencies: tuple[Currency, ...] = Field(min_length=1)
    database: DatabaseUrl | None = None
    token_file: Path | None = None
    allow_private_webhooks: bool = False
    operators: Operators = ()
    screening_list: Path | None = None
    road: RoadSection | None = None
    fspiop: FspiopSection | None = None
