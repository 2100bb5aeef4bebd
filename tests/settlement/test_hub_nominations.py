"""Nominations over real HTTP: revisions that grow with changes, documents, and operators' answers.

The routes are those of tradelane.settlement.ehub.server.logistics.nomination_routes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.settlement.border_flows import (
    DAY,
    GB,
    MARKET,
    NGESO,
    NL,
    NO2,
    QUARTER,
    START,
    TENNET,
    energy,
    read,
    text,
)
from tests.settlement.hubs import Hub, assert_problem
from tradelane.market.units import iso
from tradelane.settlement.ehub.server.logistics import acknowledgements, nominations

ID = "NL-20260621"


def series(lane: str = "NL>GB", out: str = NL, into: str = GB, **wh: int) -> dict[str, Any]:
    """Wh by the number of the quarter: q0=1500."""
    points = [{"start": iso(START + int(q[1:]) * QUARTER), "wh": one} for q, one in wh.items()]
    return {"lane": lane, "out_domain": out, "in_domain": into, "points": points}


def nomination(*said: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "nomination": ID,
        "sender": MARKET,
        "receiver": TENNET,
        "domain": NL,
        "start": iso(DAY.start),
        "end": iso(DAY.end),
        "resolution_minutes": 15,
        "series": list(said),
        **changes,
    }


def sent(hub: Hub, key: str, *said: dict[str, Any]) -> dict[str, Any]:
    answer = hub.post("/nominations", nomination(*said), key)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def document(hub: Hub, **query: Any) -> bytes:
    answer = hub.http.get(f"/api/v1/nominations/{ID}/document", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    return answer.content


def test_a_day_grows_interval_by_interval_and_every_revision_stays(market: Hub) -> None:
    first = sent(market, "k1", series(q40=1500))
    assert (first["revision"], first["acknowledgement"]) == (1, None)
    back = series("GB>NL", GB, NL, q41=7)
    assert sent(market, "k2", series(q41=20), back)["revision"] == 2
    assert sent(market, "k3", series(q40=1500, q42=0))["revision"] == 2, "nothing new"
    assert sent(market, "k4", series(q40=1400))["revision"] == 3, "a correction"
    there, here = ("NL>GB", NL, GB), ("GB>NL", GB, NL)
    q40, q41 = START + 40 * QUARTER, START + 41 * QUARTER
    assert energy(document(market, revision=1)) == {there: {q40: 1500}}
    assert energy(document(market, revision=2)) == {there: {q40: 1500, q41: 20}, here: {q41: 7}}
    assert energy(document(market)) == {there: {q40: 1400, q41: 20}, here: {q41: 7}}
    assert text(read(document(market)), "revisionNumber") == "3"
    assert document(market, revision=1) == document(market, revision=1)
    shown = market.get(f"/nominations/{ID}")
    assert [one["points"] for one in shown["series"] if one["lane"] == "NL>GB"] == [
        [{"start": iso(q40), "wh": 1400}, {"start": iso(q41), "wh": 20}]
    ]
    again = market.post("/nominations", nomination(series(q40=1500)), "k1")
    assert again.json() == first and again.headers["Idempotent-Replayed"] == "true"


def test_operators_answer_each_revision_once(market: Hub) -> None:
    sent(market, "k1", series(q40=1500))
    path = f"/nominations/{ID}/acknowledgement"
    no = market.post(path, {"revision": 1, "code": "A02", "text": "after gate closure"}, "no").json()
    assert no["acknowledgement"]["accepted"] is False
    other = market.post(path, {"revision": 1, "code": "A01"}, "other")
    assert_problem(other, 409, "already-acknowledged", "revision")
    sent(market, "k2", series(q40=1000))
    assert market.get(f"/nominations/{ID}")["acknowledgement"] is None
    yes = market.post(path, {"revision": 2, "code": "A01"}, "yes").json()
    assert (yes["acknowledgement"]["accepted"], yes["revision"]) == (True, 2)
    assert market.get(f"/nominations/{ID}", revision=1)["acknowledgement"]["text"] == "after gate closure"
    unknown = market.post(path, {"revision": 3, "code": "A01"}, "unknown")
    assert_problem(unknown, 422, "unknown-revision", "revision")
    nobody = market.post("/nominations/none/acknowledgement", {"revision": 1, "code": "A01"}, "nobody")
    assert_problem(nobody, 404, "unknown-nomination", "nomination")
    assert_problem(market.post(path, {"revision": 1, "code": "yes"}, "word"), 422, "validation", "code")


def test_nominations_are_listed_by_domain_and_receiver(market: Hub) -> None:
    sent(market, "k1", series(q40=1500))
    british = nomination(series(q40=1455), nomination="GB-20260621", receiver=NGESO, domain=GB)
    assert market.post("/nominations", british, "k2").status_code == 201
    market.post("/nominations/GB-20260621/acknowledgement", {"revision": 1, "code": "A01"}, "yes")

    def seen(**query: Any) -> list[tuple[str, str | None]]:
        return [(one["domain"], one["acknowledged"]) for one in market.get("/nominations", **query)["items"]]

    assert seen() == [(GB, "A01"), (NL, None)]
    assert seen(receiver=TENNET) == [(NL, None)] and seen(domain=GB) == [(GB, "A01")]
    assert seen(limit=1) == [(GB, "A01")] and seen(after="GB-20260621") == [(NL, None)]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (nomination(receiver=NGESO), 409, "nomination-differs", "nomination"),
        (nomination(resolution_minutes=30), 409, "nomination-differs", "nomination"),
        (nomination(resolution_minutes=9), 422, "not-exact", "resolution_minutes"),
        (nomination(end=iso(START)), 422, "wrong-period", "end"),
        (nomination(end=iso(DAY.end + QUARTER * 8)), 422, "wrong-period", "end"),
        (nomination(series(out=GB, into=NO2)), 422, "wrong-domain", "series"),
        (nomination(series(), series()), 422, "wrong-domain", "series"),
        (nomination(series(out=GB, into=NL)), 422, "wrong-domain", "series"),
        (nomination(series(q96=1)), 422, "wrong-interval", "series"),
        (nomination(sender="10X1001A1001A451"), 422, "validation", "sender"),
        (nomination(series(q1=-1)), 422, "validation", "series.0.points.0.wh"),
        (nomination(nomination="x" * 36), 422, "validation", "nomination"),
    ],
)
def test_bad_nominations(shared_market: Hub, body: Any, status: int, code: str, field: str) -> None:
    before = sent(shared_market, "k1", series(q40=1500))
    assert_problem(
        shared_market.post("/nominations", body, sha256(repr(body).encode()).hexdigest()), status, code, field
    )
    assert shared_market.get(f"/nominations/{ID}") == before


def test_unknown_nominations_and_revisions(market: Hub) -> None:
    sent(market, "k1", series(q40=1500))
    for path in ("none", "none/document", f"{ID}?revision=2", f"{ID}/document?revision=2"):
        answer = market.http.get(f"/api/v1/nominations/{path}")
        assert_problem(answer, 404, "unknown-nomination", "nomination")


def test_revisions_end_at_what_the_document_can_count(market: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nominations, "MOST_REVISIONS", 2)
    for n in range(2):
        sent(market, f"k{n}", series(q40=n + 1))
    answer = market.post("/nominations", nomination(series(q40=3)), "k2")
    assert_problem(answer, 409, "too-many-revisions", "nomination")


ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:8:1">
  <mRID>ack-1</mRID>
  <createdDateTime>2026-06-21T10:11:12Z</createdDateTime>
  <sender_MarketParticipant.mRID codingScheme="A01">10X1001A1001A361</sender_MarketParticipant.mRID>
  <sender_MarketParticipant.marketRole.type>A04</sender_MarketParticipant.marketRole.type>
  <receiver_MarketParticipant.mRID codingScheme="A01">10X1001A1001A450</receiver_MarketParticipant.mRID>
  <received_MarketDocument.mRID>NL-20260621</received_MarketDocument.mRID>
  <received_MarketDocument.revisionNumber>1</received_MarketDocument.revisionNumber>
  <Rejected_TimeSeries>
    <mRID>NL&gt;GB</mRID>
    <Reason><code>A59</code><text>Not compliant to local market rules</text></Reason>
  </Rejected_TimeSeries>
  <Reason><code>A03</code><text>Message contains errors
    at the time series level</text></Reason>
</Acknowledgement_MarketDocument>"""


def answered(hub: Hub, xml: str | bytes, key: str = "answer") -> Any:
    path = f"/api/v1/nominations/{ID}/acknowledgement/document"
    return hub.http.post(path, content=xml, headers={"Idempotency-Key": key})


def test_an_operator_answers_with_a_document(market: Hub) -> None:
    sent(market, "k1", series(q40=1500))
    answer = answered(market, ANSWER).json()["acknowledgement"]
    assert (answer["revision"], answer["accepted"], answer["code"]) == (1, False, "A03")
    assert answer["text"] == (
        "Not compliant to local market rules; Message contains errors at the time series level"
    )
    assert answered(market, ANSWER, "again").json()["acknowledgement"] == answer


@pytest.mark.parametrize(
    ("xml", "field"),
    [
        ("", "body"),
        ("<a", "body"),
        (b"\xff", "body"),
        ("<a/>", "body"),
        (ANSWER.replace("<?xml", "<!DOCTYPE a><?xml"), "body"),
        (ANSWER.replace("acknowledgementdocument:8:1", "scheduledocument:5:1"), "body"),
        (ANSWER.replace("NL-20260621", "GB-20260621"), "received_MarketDocument.mRID"),
        (ANSWER.replace("Number>1<", "Number>one<"), "received_MarketDocument.revisionNumber"),
        (ANSWER.replace("A03", "yes"), "Reason.code"),
        (
            ANSWER.replace("<Reason><code>A03", "<x><code>A03").replace(
                "level</text></Reason>", "</text></x>"
            ),
            "Reason",
        ),
    ],
    ids=range(10),
)
def test_documents_that_answer_nothing(shared_market: Hub, xml: str | bytes, field: str) -> None:
    sent(shared_market, "k1", series(q40=1500))
    key = sha256(repr(xml).encode()).hexdigest()
    assert_problem(answered(shared_market, xml, key), 422, "wrong-acknowledgement", field)
    assert shared_market.get(f"/nominations/{ID}")["acknowledgement"] is None
    assert_problem(
        answered(shared_market, "<!--" + "x" * acknowledgements.LARGEST, "large"),
        413,
        "content-too-large",
        "body",
    )
