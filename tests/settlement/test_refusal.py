"""Refusals say enough to be answered with."""

from __future__ import annotations

import re

import pytest

from tradelane.settlement import ledger, logistics
from tradelane.settlement.refusal import Refusals


@pytest.mark.parametrize("refusals", [ledger.Refusal, logistics.Refusal])
def test_each_refusal_has_a_code_a_field_and_a_reason(refusals: type[Refusals]) -> None:
    told = {(one.code, one.field, one.reason) for one in refusals}
    assert len(told) == len(list(refusals)) > 3
    for code, field, reason in told:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code) and re.fullmatch(r"[a-z]+(_[a-z]+)*", field)
        assert " " in reason and not reason.endswith(".")
