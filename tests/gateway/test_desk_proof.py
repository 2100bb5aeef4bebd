"""A clearing's proof page: what it says; its files pass the real ``tradelane verify`` and name nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.gateway.marketplace import FIRST, GATE, POWER, Marketplace, in_market, sell_abroad
from tests.gateway.pages import Reader
from tradelane.gateway import journal
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clearing_files import problems_of
from tradelane.gateway.store import open_engine
from tradelane.gateway.web.desk.proof import agrees, published


async def cleared(market: Marketplace) -> None:
    await sell_abroad(market)
    market.now = GATE
    await market.priced()


def verify(case: Path, result: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "tradelane", "verify", str(case), str(result)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_page_s_files_pass_verify_and_name_nobody(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> tuple[str, str]:
        await cleared(market)
        reader = Reader(market)
        page = (await reader.get(f"/desk/proof/{POWER}")).text
        case, result = (f"/api/v1/clearings/{POWER}/{name}" for name in ("case", "result"))
        assert f'href="{case}" download="case.json"' in page
        assert f'href="{result}" download="result.json"' in page
        assert f"curl -o case.json http://market{case}" in page
        assert "Proven." in page and "Published." in page
        assert "alarm" not in page
        return (await reader.get(case)).text, (await reader.get(result)).text

    files = []
    for name, text in zip(("case", "result"), in_market(tmp_path, use), strict=True):
        assert not any(member in text for member in ("anna", "bram", "beth"))
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(text)
    assert verify(*files) == (0, "proven\n")


def test_its_place_in_the_journal_is_the_journal_s(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        text = (await Reader(market).get(f"/desk/proof/{POWER}")).text
        with open_engine(market.config.zone_db).connect() as conn:
            told = published(conn, POWER)
            entry = next(one for one in journal.read(conn, kinds=["clearing"]))
            assert told.entry.seq == entry.seq <= told.head.seq
            assert told.entry.hash == entry.hash.hex()
        assert told.entry.hash in text

    in_market(tmp_path, use)


def test_files_that_say_something_else_are_called_so(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        case, result = [
            (await market.http.get(f"/api/v1/clearings/{POWER}/{name}")).json() for name in ("case", "result")
        ]
        assert market.config.zone is not None
        with open_engine(market.config.zone_db).connect() as conn:
            told = published(conn, POWER)
        product = Catalogue(market.config.zone).power(FIRST)
        assert problems_of(case, result) == []
        assert agrees(result, product, told)
        row = result["flows"][0]
        more = {**row, "sent": str(float(row["sent"]) + 1)}
        assert not agrees({**result, "flows": [more, *result["flows"][1:]]}, product, told)
        assert problems_of(case, {**result, "fills": result["fills"][1:]}) != []

    in_market(tmp_path, use)


def test_there_is_no_proof_of_what_was_not_cleared(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        reader = Reader(market)
        for path in (POWER, "potatoes/2026-06-21", "power/noon"):
            assert (await reader.get(f"/desk/proof/{path}")).status_code == 404

    in_market(tmp_path, use)
