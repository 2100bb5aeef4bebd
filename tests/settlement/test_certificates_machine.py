"""Certificates in any order of reports, corrections, transfers and cancellations against one entry a Wh.

Always true: no number has two holders; active and cancelled ones together are what was issued, which is what
was metered last; what a member may not do changes nothing. Its seeds are recorded: a failure stays.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pydantic import BaseModel
from sqlalchemy import select

from tests.settlement.hubs import NOW
from tests.settlement.inspected import QUARTER, device, production, wanted
from tests.settlement.signed import KEYS, known
from tradelane.gateway.store import open_engine
from tradelane.market.units import iso
from tradelane.settlement.certificate import TRANSITIONS, Action, Range, Refusal, Status, cut
from tradelane.settlement.ehub.server.commands import Answer, Command, once, request_hash
from tradelane.settlement.ehub.server.inspection import devices, giving, tables
from tradelane.settlement.ehub.server.inspection import production as producing
from tradelane.settlement.ehub.server.supervision.tables import audit_entries, members
from tradelane.settlement.ehub.server.tables import idempotency, metadata
from tradelane.settlement.ehub.wire_certificates import (
    CancelCertificates,
    RegisterDevice,
    ReportProduction,
    TransferCertificates,
)

SEEDS = (1, 20260621, 987654321)
SLOTS = 3
START = NOW - NOW % QUARTER - 40 * QUARTER
OWNERS = {"roof": "ana", "barn": "ben"}
TABLES = [
    idempotency, audit_entries, members,
    tables.gc_devices, tables.gc_issuances, tables.gc_bundles, tables.gc_actions,
]  # fmt: skip
names = st.sampled_from(sorted(OWNERS))
people = st.sampled_from(sorted(KEYS))
numbers = st.integers(1, 14)


class CertificateMachine(RuleBasedStateMachine):
    """The model: of each device its interval's numbers, and of each number its holder, None once used up."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_engine(Path(self.folder.name) / "hub.sqlite")
        self.count = 0
        self.last = dict.fromkeys(OWNERS, 0)
        self.issued: dict[tuple[str, int], list[int]] = {}
        self.holder: dict[tuple[str, int], tuple[str, Status]] = {}
        with self.engine.begin() as conn:
            metadata.create_all(conn, tables=TABLES)
        for name, owner in OWNERS.items():
            self.do(devices.register, RegisterDevice.model_validate(device(name, owner)))

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def do(self, effect: Any, question: BaseModel) -> Answer:
        """Twice under one key, to one effect."""
        self.count += 1
        command = Command(f"key-{self.count}", request_hash("POST", str(self.count), question), NOW)
        for _ in range(2):
            with self.engine.begin() as conn:
                answer = once(conn, command, lambda inner: effect(inner, command, question))
        return answer

    @rule(name=names, slot=st.integers(0, SLOTS - 1), wh=st.integers(0, 6))
    def report(self, name: str, slot: int, wh: int) -> None:
        owner = OWNERS[name]
        body = production(name, START + slot * QUARTER, wh, owner)
        effect = partial(producing.report, member=owner, keys=known)
        status = self.do(effect, ReportProduction.model_validate(body)).status
        before = self.issued.get((name, slot))
        if before is None:
            self.issued[name, slot] = list(range(self.last[name] + 1, self.last[name] + wh + 1))
            self.last[name] += wh
            self.holder |= {(name, n): (owner, Status.ACTIVE) for n in self.issued[name, slot]}
            assert status == 201
        elif len(before) == wh:
            assert status == 200
        elif len(before) < wh or name in self.touched(name, slot):
            assert status == 409
        else:
            assert status == 200
            self.issued[name, slot] = before[:wh]
            for number in before[wh:]:
                del self.holder[name, number]

    def touched(self, name: str, slot: int) -> set[str]:
        """The device, where a certificate of the interval ever left its maker's hands, or was cut off."""
        whole = self.issued[name, slot]
        with self.engine.begin() as conn:
            rows = conn.execute(select(tables.gc_actions)).all()
        moved = {
            n
            for row in rows
            if row.action in (Action.TRANSFER, Action.CANCEL) and row.issuance.startswith(f"{name}/")
            for n in range(row.range_start, row.range_end + 1)
        }
        return {name} if moved & set(whole) else set()

    def may(self, who: str, name: str, slot: int, first: int, last: int) -> bool:
        own = set(self.issued.get((name, slot), []))
        asked = set(range(first, last + 1))
        return asked <= own and all(self.holder[name, n] == (who, Status.ACTIVE) for n in asked)

    @rule(name=names, slot=st.integers(0, SLOTS - 1), who=people, to=people, ends=st.tuples(numbers, numbers))
    def transfer(self, name: str, slot: int, who: str, to: str, ends: tuple[int, int]) -> None:
        first, last = sorted(ends)
        body = wanted(f"{name}/{iso(START + slot * QUARTER)}", first, last, target_id=to)
        effect = partial(giving.transfer, member=who, keys=known)
        status = self.do(effect, TransferCertificates.model_validate(body)).status
        if to == who:
            assert status == 422
        elif self.may(who, name, slot, first, last):
            assert status == 201
            self.holder |= {(name, n): (to, Status.ACTIVE) for n in range(first, last + 1)}
        else:
            assert status == 409

    @rule(name=names, slot=st.integers(0, SLOTS - 1), who=people, ends=st.tuples(numbers, numbers))
    def cancel(self, name: str, slot: int, who: str, ends: tuple[int, int]) -> None:
        first, last = sorted(ends)
        more = {"beneficiary": who, "purpose": "light"}
        body = wanted(f"{name}/{iso(START + slot * QUARTER)}", first, last, **more)
        effect = partial(giving.cancel, member=who)
        status = self.do(effect, CancelCertificates.model_validate(body)).status
        if self.may(who, name, slot, first, last):
            assert status == 201
            self.holder |= {(name, n): (who, Status.CANCELLED) for n in range(first, last + 1)}
        else:
            assert status == 409

    @invariant()
    def each_number_has_one_holder_and_all_of_them_are_what_was_metered(self) -> None:
        with self.engine.begin() as conn:
            bundles = conn.execute(select(tables.gc_bundles)).all()
            issuances = conn.execute(select(tables.gc_issuances)).all()
        found = [
            ((row.device, n), (row.account, Status(row.status)), row.issuance)
            for row in bundles
            for n in range(row.range_start, row.range_end + 1)
        ]
        assert len({place for place, _, _ in found}) == len(found), "two bundles share a number"
        assert {place: holder for place, holder, _ in found} == self.holder
        sums = {row.issuance: sum(1 for one in found if one[2] == row.issuance) for row in issuances}
        assert sums == {row.issuance: row.wh for row in issuances}


@pytest.mark.parametrize("recorded", SEEDS)
def test_certificates_against_one_entry_a_wh(recorded: int) -> None:
    machine = seed(recorded)(type("Recorded", (CertificateMachine,), {}))
    run_state_machine_as_test(
        machine, settings=settings(max_examples=8, stateful_step_count=18, deadline=None, database=None)
    )


def held_ranges(owned: set[int]) -> list[Range]:
    """Numbers as runs, some of which touch each other."""
    runs: list[Range] = []
    for n in sorted(owned):
        if runs and runs[-1].end == n - 1 and n % 3:
            runs[-1] = Range(runs[-1].start, n)
        else:
            runs.append(Range(n, n))
    return runs


@given(owned=st.sets(st.integers(1, 12)), ends=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_cutting_is_what_taking_each_number_is(owned: set[int], ends: tuple[int, int]) -> None:
    asked = Range(min(ends), max(ends))
    touching = [one for one in held_ranges(owned) if one.start <= asked.end and one.end >= asked.start]
    numbers = set(range(asked.start, asked.end + 1))
    left = cut(touching, asked)
    if not numbers <= owned:
        assert left is Refusal.NOT_HELD
    else:
        assert not isinstance(left, Refusal)
        kept = {n for one in left for n in range(one.start, one.end + 1)}
        assert kept == {n for one in touching for n in range(one.start, one.end + 1)} - numbers


def test_what_is_cancelled_is_final() -> None:
    assert {before for before, _ in TRANSITIONS} == {Status.ACTIVE}
