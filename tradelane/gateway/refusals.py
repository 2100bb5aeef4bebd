"""The market's refusals as problems over HTTP, and amounts read from text on the way to the market."""

from __future__ import annotations

from decimal import Decimal
from typing import NoReturn

from tradelane.market.order import Refusal
from tradelane.market.units import decimal, whole
from tradelane.settlement.problem import Problem


def refuse(refusal: Refusal, field: str | None = None) -> NoReturn:
    """``field`` is the one at fault where the refusal's own word for it is another."""
    status = 401 if refusal is Refusal.WRONG_SIGNATURE else 422
    code = refusal.name.lower().replace("_", "-")
    raise Problem.field(status, code, field or refusal.field, refusal.reason)


def steps(text: str, field: str, step: Decimal, off: Refusal) -> int:
    """How many whole steps a decimal text is; a Problem that names the field, or ``off``."""
    try:
        value = decimal(text)
    except ValueError as reason:
        raise Problem.field(422, "not-a-decimal", field, str(reason)) from None
    try:
        return whole(value, step)
    except ValueError:
        refuse(off, field)
