"""Papers on file over real HTTP: what goods need at a border, and what a meter needs for certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.settlement.hubs import NOW, assert_problem, declaration
from tests.settlement.inspected import OPERATOR, QUARTER, Inspected, device, production, running_inspection
from tradelane.market.units import iso
from tradelane.settlement.ehub.server.customs import papers
from tradelane.settlement.ehub.server.inspection import document_routes, documents
from tradelane.settlement.ehub.wire_inspection import FileDocument
from tradelane.settlement.requirement import GoodsRule, MeterRule, for_goods, for_meter, read

MODULES = (document_routes, documents, papers)
"""What stands behind these routes."""
TODAY = date(2026, 6, 21)
PHYTO, CALIBRATION = "phytosanitary certificate", "meter calibration"
START = NOW - NOW % QUARTER - 40 * QUARTER


@pytest.fixture(scope="module")
def hub(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    """One for all: each test has contracts and papers of its own."""
    with running_inspection(furnished, tmp_path_factory.mktemp("documents")) as hub:
        yield hub


def paper(name: str, subject: str, kind: str = PHYTO, **more: Any) -> dict[str, Any]:
    return {
        "document": name,
        "kind": kind,
        "number": name,
        "issuer": "NVWA",
        "subject": subject,
        "valid_from": "2026-06-01",
        "valid_until": "2026-06-30",
        "sha256": "ab" * 32,
        **more,
    }


def potatoes(name: str, **more: Any) -> dict[str, Any]:
    changes = {"hs_code": "0701.90", "origin": "NL", "destination": "GB", "duty_ppm": 0, "contract": name}
    return declaration(name, **{**changes, **more})


def lodged(hub: Inspected, name: str, **more: Any) -> Any:
    return hub.ok(OPERATOR, "/declarations", potatoes(name, **more))


@pytest.mark.parametrize("destination", ["GB", "NO"])
def test_without_its_paper_a_consignment_is_yellow_and_named(hub: Inspected, destination: str) -> None:
    name = f"bare-{destination}"
    made = lodged(hub, name, destination=destination)
    assert (made["state"], made["channel"]) == ("documents", "yellow")
    assert made["risk_rule"].startswith("potatoes into ")
    assert [(one["name"], one["sha256"]) for one in made["documents"]] == [(PHYTO, None)]
    release = hub.post(OPERATOR, f"/declarations/{name}/release", {})
    assert_problem(release, 409, "documents-missing", "documents")
    assert PHYTO in release.json()["detail"]
    given = {"name": PHYTO, "sha256": "cd" * 32, "reference": "brought to the desk"}
    hub.ok(OPERATOR, f"/declarations/{name}/documents", given, 200)
    assert hub.ok(OPERATOR, f"/declarations/{name}/release", {}, 200)["state"] == "released"


def test_a_paper_on_file_for_the_goods_their_contract_or_their_consignor_makes_them_green(
    hub: Inspected,
) -> None:
    for subject in ("own-1", "contract-2", "grower-3"):
        hub.ok(OPERATOR, "/documents", paper(f"paper/{subject}", subject))
    for name, more in [
        ("own-1", {}),
        ("two", {"contract": "contract-2"}),
        ("three", {"consignor": "grower-3"}),
    ]:
        made = lodged(hub, name, **more)
        assert (made["state"], made["channel"], made["risk_rule"]) == ("released", "green", "everything else")
        (given,) = made["documents"]
        assert given["sha256"] == "ab" * 32 and given["reference"].endswith(", NVWA")


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": "2026-06-22"},
        {"valid_until": "2026-06-20"},
        {"kind": "health certificate"},
        {"subject": "another"},
    ],
)
def test_a_paper_of_other_days_kinds_or_subjects_is_none(hub: Inspected, changes: dict[str, str]) -> None:
    name = "other-" + "-".join(changes.values()).replace(" ", "")
    hub.ok(OPERATOR, "/documents", paper(f"paper/{name}", name) | changes)
    assert lodged(hub, name)["state"] == "documents"


def test_an_amended_declaration_is_given_what_came_on_file_since(hub: Inspected) -> None:
    assert lodged(hub, "late")["state"] == "documents"
    hub.ok(OPERATOR, "/documents", paper("paper/late", "late"))
    amended = hub.ok(OPERATOR, "/declarations/late/amendments", {"reason": "weighed", "quantity": "12"}, 200)
    assert (amended["state"], amended["channel"]) == ("released", "green")
    lodged(hub, "given")
    hub.ok(OPERATOR, "/declarations/given/documents", {"name": PHYTO, "sha256": "cd" * 32}, 200)
    again = hub.ok(OPERATOR, "/declarations/given/amendments", {"reason": "weighed", "quantity": "12"}, 200)
    assert (again["state"], again["documents"][0]["sha256"]) == ("released", "cd" * 32)


def test_what_the_red_channel_looks_at_needs_its_papers_too(hub: Inspected) -> None:
    hub.ok(OPERATOR, "/documents", paper("paper/honey", "honey", "health certificate"))
    honey = lodged(hub, "honey", hs_code="0409.00", origin="GB", destination="ES")
    assert (honey["state"], honey["documents"][0]["sha256"]) == ("documents", "ab" * 32)
    assert hub.ok(OPERATOR, "/declarations/honey/release", {}, 200)["state"] == "released"


def test_a_meter_gets_certificates_while_it_is_calibrated(hub: Inspected) -> None:
    hub.ok(OPERATOR, "/certificates/devices", device("meter-de") | {"country": "DE"})
    report = production("meter-de", START, 100)
    refused = hub.post("ana", "/production", report)
    assert_problem(refused, 409, "documents-missing", "device_id")
    assert CALIBRATION in refused.json()["detail"]
    days = {"valid_from": "2026-01-01", "issuer": "Eichamt"}
    long = paper("eich-1", "meter-de", CALIBRATION, **days, valid_until="2034-01-02")
    assert_problem(hub.post(OPERATOR, "/documents", long), 422, "validity-too-long", "valid_until")
    hub.ok(OPERATOR, "/documents", long | {"valid_until": "2034-01-01"})
    assert hub.ok("ana", "/production", report)["quantity"] == 100
    hub.ok(OPERATOR, "/certificates/devices", device("meter-no") | {"country": "NO"})
    over = paper("cal-2", "meter-no", CALIBRATION, valid_from="2018-06-20", valid_until="2026-06-20")
    hub.ok(OPERATOR, "/documents", over)
    last_day = hub.post("ana", "/production", production("meter-no", START, 1))
    assert last_day.status_code == 201, "its last day counts"
    today = production("meter-no", NOW, 1)
    hub.facade.at = NOW + 4 * QUARTER
    assert_problem(hub.post("ana", "/production", today), 409, "documents-missing", "device_id")
    hub.facade.at = NOW


def test_papers_are_listed_by_subject_and_kind(hub: Inspected) -> None:
    question = FileDocument.model_validate(paper("listed/1", "the-farm"))
    filed = hub.hub.run(lambda client: client.inspection.file("f1", question))
    hub.ok(OPERATOR, "/documents", paper("listed/2", "the-farm", "health certificate"))
    first = hub.get(OPERATOR, "/documents", subject="the-farm", limit=1)
    rest = hub.get(OPERATOR, "/documents", subject="the-farm", after=first["next"])
    assert [one["document"] for one in first["items"] + rest["items"]] == ["listed/1", "listed/2"]
    only = hub.get(OPERATOR, "/documents", subject="the-farm", kind="health certificate")
    assert [one["document"] for one in only["items"]] == ["listed/2"]
    assert hub.get(OPERATOR, "/documents/listed/1") == filed.model_dump() | {"at": iso(NOW)}


@pytest.mark.parametrize(
    ("who", "changes", "status", "code", "field"),
    [
        ("ana", {}, 403, "operator-only", "Authorization"),
        (OPERATOR, {"document": "bad/0", "number": "x"}, 409, "duplicate-id", "document"),
        (OPERATOR, {}, 409, "duplicate-id", "number"),
        (OPERATOR, {"number": "n", "valid_until": "2026-05-31"}, 422, "validation", "body"),
        (OPERATOR, {"number": "n", "valid_from": "June"}, 422, "validation", "valid_from"),
        (OPERATOR, {"number": "n", "valid_from": 20_000}, 422, "validation", "valid_from"),
        (OPERATOR, {"number": "n", "sha256": "00"}, 422, "validation", "sha256"),
    ],
)
def test_bad_papers(
    hub: Inspected, who: str, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    known = hub.client(OPERATOR).get(f"{hub.hub.url}/api/v1/documents/bad/0")
    if known.status_code == 404:
        assert_problem(known, 404, "unknown-document", "document")
        hub.ok(OPERATOR, "/documents", paper("bad/0", "nobody", number="same"))
    body = paper("bad/1", "nobody", number="same") | changes
    assert_problem(hub.post(who, "/documents", body), status, code, field)
    assert [one["document"] for one in hub.get(OPERATOR, "/documents", subject="nobody")["items"]] == [
        "bad/0"
    ]


@pytest.mark.parametrize(
    ("hs_code", "origin", "destination", "rule"),
    [
        ("0701.90", "NL", "GB", "potatoes into Great Britain"),
        ("070110", "NL", "NO", "potatoes into Norway"),
        ("0702.00", "GB", "NL", "fruit and vegetables into the European Union"),
        ("0702.00", "ES", "NL", None),
        ("0702.00", "CH", "NL", None),
        ("0701.90", "GB", "GB", None),
        ("0803.90", "GB", "NL", None),
        ("27160000", "NL", "GB", None),
    ],
)
def test_which_goods_need_a_paper(hs_code: str, origin: str, destination: str, rule: str | None) -> None:
    found = [one.name for one in for_goods(hs_code, origin, destination, TODAY)]
    assert found == ([] if rule is None else [rule])


def test_rules_count_on_their_days_and_have_a_source() -> None:
    assert for_goods("0701.90", "NL", "GB", date(2020, 12, 31)) == []
    said = {"name": "a", "kind": "k", "source": "s", "valid_from": date(2026, 1, 1)}
    said |= {"valid_to": date(2026, 12, 31)}
    goods, meters = read(
        {
            "goods": [said | {"prefixes": ["07"], "destinations": ["GB"]}],
            "meter": [said | {"countries": ["DE"], "most_years": 8}],
        }
    )
    assert [isinstance(goods[0], GoodsRule), isinstance(meters[0], MeterRule)] == [True, True]
    assert for_goods("0701", "NL", "GB", TODAY, goods) == list(goods)
    assert for_goods("0701", "NL", "GB", date(2027, 1, 1), goods) == []
    assert for_meter("DE", TODAY, meters) is meters[0]
    assert for_meter("ES", TODAY) is None and for_meter("DE", date(2014, 12, 31)) is None
    assert not meters[0].too_long(date(2024, 2, 29), date(2032, 2, 29))
    assert meters[0].too_long(date(2024, 2, 29), date(2032, 3, 1))
    with pytest.raises(ValueError, match="a rule has a source"):
        read({"meter": [said | {"source": "", "countries": ["DE"], "most_years": 8}]})
