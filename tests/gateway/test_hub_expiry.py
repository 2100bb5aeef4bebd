"""The e-hub's own turn: what is held beyond its time is given back though nobody asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import select

from tradelane.gateway.clock import Clock
from tradelane.gateway.config import load
from tradelane.gateway.hub import EXPIRE_EVERY_MS, HubRole
from tradelane.market.units import Money
from tradelane.settlement.ehub.server import ledger, tables
from tradelane.settlement.ledger import DONE, pending

CONFIG = """
data_dir = "data"
[hub]
currencies = ["EUR"]
"""
START, LASTS = 1_000_000, 12_000


def test_what_expires_is_given_back_in_the_hubs_own_time(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(CONFIG)
    asyncio.run(expires(path))


class Enough(Exception):
    """The role has done what it was watched for."""


async def expires(path: Path) -> None:
    wall = START
    looked: list[tuple[int, str]] = []

    async def nap(seconds: float) -> None:
        nonlocal wall
        wall += round(seconds * 1000)
        if seconds:
            row = await role._file.read(lambda conn: conn.execute(select(tables.pendings.c.state)).one())
            looked.append((wall, row.state))
        if wall > START + LASTS + 2 * EXPIRE_EVERY_MS:
            raise Enough

    role = HubRole(load(path), Clock(wall=lambda: wall, nap=nap))
    await role.start()
    held = pending("p", "issuer:EUR", "fx:EUR", Money(5, "EUR"), kind="k", expires_at=START + LASTS)
    assert await role._file(lambda conn: ledger.execute(conn, [held], START)) == [DONE]
    try:
        await role.run()
    except* Enough:
        pass
    await role.stop()
    assert {state for at, state in looked if at <= START + LASTS} == {"pending"}
    assert {state for at, state in looked if at > START + LASTS + EXPIRE_EVERY_MS} == {"expired"}
