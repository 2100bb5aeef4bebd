"""Four eyes at the desk: who is named for it sees what waits at the e-hub, and decides it with a key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateway.marketplace import CONFIG, Marketplace
from tests.gateway.pages import Reader
from tests.gateway.standing import Standing, standing
from tests.settlement.test_hub_members import ANA
from tradelane.gateway import acts, approvals, keys
from tradelane.gateway.store import open_engine
from tradelane.gateway.web.desk.approvals import levels, told
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.words import LOCALES, words
from tradelane.market.units import iso
from tradelane.settlement.approval import LIFE_MS, State
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_supervision import ApprovalState, Propose
from tradelane.settlement.member import Level

HERE = "/desk/operate/approvals"


def two_operators(folder: Path) -> str:
    """Configuration in which ada and bo look after the hub, and bo decides at the zone's desk."""
    named = ""
    for name in ("ada", "bo"):
        key = keys.public_key_text(keys.load_or_create_key(folder / f"{name}.pem"))
        named += f'[[hub.operators]]\nname = "{name}"\npublic_key = "{key}"\n'
    return f'{named}[zone.hub_operator]\nname = "bo"\nkey_file = "bo.pem"\n'


async def proposed(market: Marketplace, by: str = "ada", level: str = "verified") -> int:
    """That ana rises to ``level``."""
    token = keys.load_token(market.config.hub_token_file)
    bearer = {"Authorization": f"Bearer {token}", "Idempotency-Key": "ana"}
    made = await market.http.post("/api/v1/supervision/members", json=ANA, headers=bearer)
    assert made.status_code == 201, made.text
    signer = Signer(by, keys.load_key(market.folder / f"{by}.pem"), market.clock.now)
    client = MemberClient("http://hub", signer, market._transport)
    question = Propose(kind="member-limit", subject="ana", fields={"level": level})
    found = await client.approvals.propose(f"{by}-{level}", question)
    await client.close()
    return found.approval


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("approvals")
    with standing(folder, CONFIG + two_operators(folder)) as found:
        yield found


def test_what_waits_is_told_in_numbers_and_carried_out_by_another(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        number = await proposed(market)
        bo = Reader(market)
        await bo.pair("bo", "operator")
        text = (await bo.get(HERE)).text
        assert (
            f"Proposal {number} by ada" in text and f"({ANA['member']}) becomes “identity verified”" in text
        )
        assert "€5,000.00 for one contract and €10,000.00 a day" in text
        assert "Now: €500.00 for one contract and €1,000.00 a day." in text
        answer = await bo.post(HERE, {"approval": str(number), "do": "approve"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}?done=approve")
        text = (await bo.get(f"{HERE}?done=approve")).text
        assert "Approved, and done." in text and "Nothing waits." in text
        await bo.get("/desk/operate")
        again = await bo.post(HERE, {"approval": str(number), "do": "approve"})
        assert (again.status_code, "decided on before" in again.text) == (409, True)
        assert f"Proposal {number} approved at the e-hub" in (await bo.get("/desk/operate")).text
        assert audited(market, "approval-approved") == [("bo", "ana")]

    desk.run(use)


def test_nobody_decides_twice_or_under_another_name(desk: Standing) -> None:
    async def use(market: Marketplace) -> None:
        number = await proposed(market, "bo", "business")
        ines, bo = Reader(market), Reader(market)
        await ines.pair("Ines", "operator")
        text = (await ines.get(HERE)).text
        assert "bo decides here. You are signed in as Ines." in text and "Proposal" not in text
        await ines.get("/desk/operate")
        shut = await ines.post(HERE, {"approval": str(number), "do": "approve"})
        assert shut.status_code == 403
        await bo.pair("bo", "operator")
        text = (await bo.get(HERE)).text
        assert "You proposed it" in text and 'value="approve"' not in text
        forced = await bo.post(HERE, {"approval": str(number), "do": "approve"})
        assert (forced.status_code, "another operator does" in forced.text) == (403, True)
        for fields in ({"approval": str(number)}, {"approval": "x", "do": "approve"}):
            assert (await bo.post(HERE, fields)).status_code == 422
        back = await bo.post(HERE, {"approval": str(number), "do": "reject", "reason": "too <early>"})
        assert back.headers["location"] == f"{HERE}?done=reject"
        text = (await bo.get("/desk/operate")).text
        assert f"Proposal {number} refused at the e-hub: too &lt;early&gt;" in text
        assert audited(market, "approval-rejected") == [("bo", "ana")]
        with open_engine(market.config.zone_db).connect() as conn:
            assert acts.fault(conn) is None

    desk.run(use)


def audited(market: Marketplace, action: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(market.config.hub_db)) as connection:
        query = "SELECT actor, subject FROM audit_entries WHERE action = ?"
        return connection.execute(query, (action,)).fetchall()


def test_a_desk_without_a_key_says_how_to_name_one(tmp_path: Path) -> None:
    with standing(tmp_path) as alone:

        async def use(market: Marketplace) -> None:
            reader = Reader(market)
            await reader.pair("Ines", "operator")
            assert "[zone.hub_operator]" in (await reader.get(HERE)).text
            await reader.get("/desk/operate")
            refused = await reader.post(HERE, {"approval": "1", "do": "approve"})
            assert refused.status_code == 403

        alone.run(use)
    with pytest.raises(keys.KeyFileError, match=r"bo\.pem"):
        (tmp_path / "lost").mkdir()
        Marketplace(tmp_path / "lost", CONFIG + two_operators(tmp_path))


LEG = {
    "source": "member:shop:GBP",
    "target": "member:farm:EUR",
    "amount": {"currency": "EUR", "value": "40"},
    "kind": "sale",
}


def waiting(kind: str, fields: dict[str, object]) -> approvals.Waiting:
    at = 1_000
    state = ApprovalState.model_validate(
        {"approval": 7, "kind": kind, "subject": "c1-0", "fields": fields, "state": State.PROPOSED,
         "proposed_by": "ada", "proposed_at": iso(at), "expires_at": iso(at + LIFE_MS),
         "decided_by": None, "decided_at": None, "reason": None}
    )  # fmt: skip
    return approvals.Waiting(state, None)


def test_what_a_dispute_s_decision_moves_is_told() -> None:
    part = waiting("dispute", {"outcome": "release", "share_ppm": 300_000, "transfers": [LEG], "note": "rot"})
    lines = list(told(part, Formats()))
    assert lines == [
        "Of the disputed contract c1-0 30\u00a0% is paid, the rest goes back to its buyer.",
        "€12.00 from member:shop:GBP to member:farm:EUR",
        "rot",
    ]
    (back,) = told(waiting("dispute", {"outcome": "refund"}), Formats())
    assert "goes back to its buyer" in back
    assert list(told(waiting("member-limit", {"level": "king"}), Formats())) == [
        "member-limit: c1-0",
        "level: king",
    ]
    assert list(told(waiting("other", {"n": 3}), Formats())) == ["other: c1-0", "n: 3"]
    (unknown,) = told(waiting("member-limit", {"level": "business"}), Formats())
    assert unknown == "c1-0 becomes “business”."


def test_every_level_has_a_name_in_each_language() -> None:
    assert all(set(levels(words(locale))) == set(Level) for locale in LOCALES)
