"""A clearing's proof page: what it says; its files pass the real ``tradelane verify`` and name nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.gateway.marketplace import FIRST, GATE, POWER, Marketplace, in_market, sell_abroad
from tests.gateway.pages import Reader
from tradelane.gateway import journal
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clearing_files import problems_of
from tradelane.gateway.store import open_engine
from tradelane.gateway.web.desk.proof import Told, agrees, published


async def cleared(market: Marketplace) -> None:
    await sell_abroad(market)
    market.now = GATE
    await market.priced()


def verify(case: Path, result: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "tradelane", "verify", str(case), str(result)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_page_proves_a_clearing_by_files_that_pass_verify_and_name_nobody(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> tuple[str, str]:
        reader = Reader(market)
        for path in (POWER, "potatoes/2026-06-21", "power/noon"):
            assert (await reader.get(f"/desk/proof/{path}")).status_code == 404
        await cleared(market)
        page = (await reader.get(f"/desk/proof/{POWER}")).text
        case, result = (f"/api/v1/clearings/{POWER}/{name}" for name in ("case", "result"))
        assert f'href="{case}" download="case.json"' in page
        assert f'href="{result}" download="result.json"' in page
        assert f"curl -o case.json http://market{case}" in page
        assert "Proven." in page and "Published." in page
        assert "alarm" not in page
        told = its_place_is_the_journal_s(market, page)
        files = (await reader.get(case)), (await reader.get(result))
        what_says_something_else_is_called_so(market, files[0].json(), files[1].json(), told)
        return files[0].text, files[1].text

    files = []
    for name, text in zip(("case", "result"), in_market(tmp_path, use), strict=True):
        assert not any(member in text for member in ("anna", "bram", "beth"))
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(text)
    assert verify(*files) == (0, "proven\n")


def its_place_is_the_journal_s(market: Marketplace, page: str) -> Told:
    with open_engine(market.config.zone_db).connect() as conn:
        told = published(conn, POWER)
        entry = next(one for one in journal.read(conn, kinds=["clearing"]))
    assert told.entry.seq == entry.seq <= told.head.seq
    assert told.entry.hash == entry.hash.hex()
    assert told.entry.hash in page
    return told


def what_says_something_else_is_called_so(
    market: Marketplace, case: dict[str, Any], result: dict[str, Any], told: Told
) -> None:
    assert market.config.zone is not None
    product = Catalogue(market.config.zone).power(FIRST)
    assert problems_of(case, result) == []
    assert agrees(result, product, told)
    row = result["flows"][0]
    more = {**row, "sent": str(float(row["sent"]) + 1)}
    assert not agrees({**result, "flows": [more, *result["flows"][1:]]}, product, told)
    assert problems_of(case, {**result, "fills": result["fills"][1:]}) != []
