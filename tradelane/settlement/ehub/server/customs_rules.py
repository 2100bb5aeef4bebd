"""What customs and the platform go by, for anyone to look up: HS codes by word, and the policy in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from tradelane.settlement import hs, policy
from tradelane.settlement.ehub.server.customs import nomenclature
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire_customs import HsCodeFound, HsCodes, Language, Policy, PolicyRuleAnswer

NOMENCLATURE = "HS 2022"
MOST_CODES = 100


def router(now: Callable[[], int], read: Transact) -> APIRouter:
    """Reads only; ``now`` is market time in ms. An official list is read once: none is loaded
    while a hub runs."""
    routes = APIRouter()
    index: list[hs.Index] = []

    async def searched() -> hs.Index:
        if not index:
            index.append(hs.Index([*hs.goods(), *await read(nomenclature.entries)]))
        return index[0]

    @routes.get("/hs")
    async def hs_codes(
        q: Annotated[str, Query(min_length=1, max_length=100)],
        lang: Language | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_CODES)] = 20,
    ) -> HsCodes:
        found = (await searched()).search(q, None if lang is None else lang.value, limit)
        items = [HsCodeFound(hs_code=one.code, name=one.name, lang=one.lang, rank=one.rank) for one in found]
        return HsCodes(nomenclature=NOMENCLATURE, items=items)

    @routes.get("/policy")
    async def policy_in_force() -> Policy:
        return in_force(datetime.fromtimestamp(now() / 1000, UTC).date())

    return routes


def in_force(on: date) -> Policy:
    """The platform's rules on a day."""
    return Policy(items=[_answer(rule) for rule in policy.rules() if rule.in_force(on)])


def _answer(rule: policy.PolicyRule) -> PolicyRuleAnswer:
    return PolicyRuleAnswer(
        name=rule.name,
        fee_ppm=rule.fee_ppm,
        employees_below=rule.employees_below,
        owner_below_years=rule.owner_below_years,
        low_value=rule.low_value,
        registration=rule.registration,
        source=rule.source,
        valid_from=rule.valid_from.isoformat(),
        valid_to=None if rule.valid_to is None else rule.valid_to.isoformat(),
    )
