"""Digests that were once published: the same case and the same result give them for ever."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.market.markets import random_market
from tests.market.test_blocks import BASE
from tests.market.test_case import CASE, as_case, read
from tests.shared import ROOT
from tradelane.market.case import Case, case_digest, read_case
from tradelane.market.result import clear_case


def odd() -> Case:
    """Names that need escapes, numbers written in unusual ways."""
    case: dict[str, Any] = copy.deepcopy(CASE)
    for order, name in zip(case["orders"], ('a "quoted", id', "naïve ☂", "o\\3\u2028", "\x01"), strict=True):
        order["id"] = name
    case["orders"][0].update(price="4.120e1", quantity="+12.50")
    case["orders"][2].update(quantity="020.", seq=-5)
    case["orders"][3].update(seq="7")
    return read(case)


def example() -> Case:
    return read_case(Path(ROOT, "examples", "case.json").read_text(), lambda name: ())


PUBLISHED: dict[str, tuple[Callable[[], Case], str, str]] = {
    "case": (
        lambda: read(CASE),
        "sha256:22f751823489d0c4b2127f1f70717d502b58803f16253ea3c928761ecd732371",
        "sha256:4f651f230f99afbaf9da1a2f27580a9df7c9e4b7513320db81f265d8f1381266",
    ),
    "example": (
        example,
        "sha256:50fde6b3f9d6c1b9a726871821efbbe2e04cb0abd1765d2c1f0651d24ef13c32",
        "sha256:90be8e0f5482528827886b5c2002233c5b03931a38f96b306a3367c929f9fcf9",
    ),
    "blocks": (
        lambda: read(BASE),
        "sha256:5df4070a5b40f7efbe130c2eb55d757ce5781673a593eb346e4f6d15c2bb8f88",
        "sha256:2076d299fc0ebade709de1dd7b2b54923ac9431b0489b30875e3039d6fde6a64",
    ),
    "odd texts": (
        odd,
        "sha256:936ea5c26815d627cafe0a1205186bc6f80f2525200631fedef5e8dedb689c59",
        "sha256:49bf29adb80e0660d25cbf54c98397d4d1aac449f4200b1491a876875d2dd51f",
    ),
    "three zones": (
        lambda: as_case(random_market(7)),
        "sha256:5cd7853a5591c05e583ba9663b3caa06fbccde90483be990f25745a329200f93",
        "sha256:a0e7581d7cd3bf14762dabf5568d7b6cb0e3f8b70e3381f02c8c05b76e3d6dac",
    ),
    "lossy lanes": (
        lambda: as_case(random_market(29)),
        "sha256:da1da15a58ceebc677a428947b4e791049df7b14e13732c7115cb486ed0bcfec",
        "sha256:aaba6489f3fc908d3754e0b911e8c5683a53747acaee351307b04714a755c415",
    ),
}


@pytest.mark.parametrize(("case", "of_case", "of_result"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_digests_stay(case: Callable[[], Case], of_case: str, of_result: str) -> None:
    opened = case()
    assert case_digest(opened) == of_case
    assert clear_case(opened)["result_digest"] == of_result
