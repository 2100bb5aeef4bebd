"""A corrected interval settles what it turned out to be, once, before and after its contracts were paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FIRST,
    GATE,
    Marketplace,
    forget,
    in_market,
    kinds,
    sell_abroad,
    statement,
)
from tradelane.gateway import heads, statements
from tradelane.gateway.correcting import SETTLED
from tradelane.gateway.doctor import examine
from tradelane.gateway.store import open_engine
from tradelane.meter.seal import GENESIS, SealedRecord, seal, signs
from tradelane.settlement.contract import FINAL, State

CHAIN = seal(ANNA.key, GENESIS, [b"{}"]) + seal(ANNA.key, seal(ANNA.key, GENESIS, [b"{}"])[0].head, [b"[]"])
WHO = (ANNA.account, BRAM.account, BETH.account, "balancing:EUR")


async def sold(market: Marketplace) -> None:
    """Anna has sold 1000 Wh, Bram 2000 of which Beth bought some; the interval is over."""
    await sell_abroad(market)
    market.now = GATE
    await market.settled("funded", "funded")
    market.now = FIRST.end


async def correct(market: Marketplace, export_wh: int, **more: Any) -> Any:
    return await market.send(ANNA, "corrections", statement(ANNA, export_wh, FIRST, **more))


async def balances(market: Marketplace) -> list[str]:
    return [await market.balance(account) for account in WHO]


async def booked(market: Marketplace) -> bool:
    return market.rows("SELECT booked FROM corrections") == [(1,)]


def day(folder: Path, stated: int, corrected: int | None, wait: bool) -> list[str]:
    """Balances after Anna stated, and corrected once settled (``wait``) or at once."""

    async def use(market: Marketplace) -> list[str]:
        await sold(market)
        if not wait and corrected is not None:
            await market.state(ANNA, stated)
            assert (await correct(market, corrected)).status_code == 201
            await market.state(BRAM, 2000)
            await market.settled("released", "released")
        else:
            await market.state(ANNA, stated)
            await market.state(BRAM, 2000)
            await market.settled("released", "released")
            if corrected is not None:
                assert (await correct(market, corrected)).status_code == 201
        if corrected is not None:
            await market.until(lambda: booked(market))
        assert await market.books_balance()
        return await balances(market)

    folder.mkdir()
    return in_market(folder, use)


def test_what_is_corrected_is_what_would_have_been_settled(tmp_path: Path) -> None:
    less = day(tmp_path / "less", 400, None, False)
    full = day(tmp_path / "full", 1000, None, False)
    assert less != full
    assert day(tmp_path / "up", 400, 1000, True) == full
    assert day(tmp_path / "down", 1000, 400, True) == less
    assert day(tmp_path / "before", 1000, 400, False) == less


def test_a_correction_is_booked_once_whatever_happens_to_the_process(tmp_path: Path) -> None:
    async def paid(market: Marketplace) -> None:
        await sold(market)
        await market.state(ANNA, 400)
        await market.state(BRAM, 2000)
        await market.settled("released", "released")

    in_market(tmp_path, paid)

    async def corrected(market: Marketplace) -> list[str]:
        assert (await correct(market, 1000)).status_code == 201
        await market.until(lambda: booked(market))
        assert kinds(market).count("correction") == 1
        rows = market.rows("SELECT delivered, imbalance FROM contracts WHERE seller = 'anna'")
        assert rows == [(1000, 0)]
        return await balances(market)

    once = in_market(tmp_path, corrected, FIRST.end)
    for undone in (
        "UPDATE corrections SET booked = 0",
        "UPDATE contracts SET delivered = 400, imbalance = 600, detail = json_set(detail, '$.received',"
        " json_extract(detail, '$.received') * 4 / 10) WHERE seller = 'anna'",
    ):
        forget(tmp_path, "UPDATE corrections SET booked = 0")
        forget(tmp_path, undone)
        assert in_market(tmp_path, corrected, FIRST.end) == once

    async def sound(market: Marketplace) -> None:
        assert [f for f in examine(market.config) if f.ok is False] == []

    in_market(tmp_path, sound, FIRST.end)
    engine = open_engine(tmp_path / "zone.sqlite", "BEGIN", readonly=True)
    with engine.begin() as conn:
        known = statements.stated(conn, "anna", FIRST.start)
        assert known is not None and known.export_wh == 1000
        assert statements.stated(conn, "anna", FIRST.end) is None
    engine.dispose()


def test_contracts_that_share_what_was_metered_are_those_that_were_measured() -> None:
    measured = {state for state in State if state in FINAL} - {State.REFUSED}
    assert measured <= set(SETTLED)


def test_corrections_that_cannot_be_are_refused(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sold(market)
        assert (await correct(market, 500)).json()["type"].endswith("no-statement")
        await market.state(ANNA, 400)
        assert (await correct(market, 500)).status_code == 201
        again = await correct(market, 500)
        assert (again.status_code, again.json()["seq"]) == (201, kinds(market).index("correction") + 1)
        other = await correct(market, 501)
        assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (409, "correction-exists")
        await market.state(BRAM, 2000)
        market.now = FIRST.end + (5 + 8 * 15) * 60_000
        late = await market.send(BRAM, "corrections", statement(BRAM, 1, FIRST))
        assert (late.status_code, late.json()["type"].rpartition(":")[2]) == (422, "too-late")

    in_market(tmp_path, use)


def told(record: SealedRecord) -> dict[str, Any]:
    return {"head": record.hash.hex(), "head_seq": record.seq, "head_signature": record.signature.hex()}


def test_the_zone_keeps_the_latest_head_it_was_told(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> list[heads.SignedHead]:
        await sold(market)
        await market.send(ANNA, "statements", statement(ANNA, 400, FIRST, **told(CHAIN[1])))
        await market.send(ANNA, "corrections", statement(ANNA, 500, FIRST, **told(CHAIN[0])))
        answer = await market.http.get("/api/v1/heads", params={"member": "anna"})
        (tmp_path / "heads.json").write_text(answer.text)
        assert (await market.http.get("/api/v1/heads", params={"member": "beth"})).json() == {"items": []}
        return heads.read(tmp_path / "heads.json")

    (kept,) = in_market(tmp_path, use)
    assert (kept.meter, kept.head) == ("roof-anna", CHAIN[1].head)
    assert signs(ANNA.key.public_key(), kept.signature, kept.head.hash)


def test_a_head_by_another_key_is_refused(tmp_path: Path) -> None:
    other = seal(Ed25519PrivateKey.from_private_bytes(bytes(32)), GENESIS, [b"{}"])[0]

    async def use(market: Marketplace) -> None:
        await sold(market)
        for wrong, field in ((told(other), "head_signature"), (told(CHAIN[0]) | {"head": "zz"}, "head")):
            answer = await market.send(ANNA, "statements", statement(ANNA, 400, FIRST, **wrong))
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == field
        assert "statement" not in kinds(market)

    in_market(tmp_path, use)
