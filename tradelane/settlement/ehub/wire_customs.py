"""Messages about rules that anyone may read: HS codes by word, and what the platform asks of whom."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel


class Language(StrEnum):
    """Of the goods' names; ISO 639-1."""

    EN = "en"
    NL = "nl"
    DE = "de"
    NO = "no"
    ZH = "zh"
    ES = "es"


class HsCodeFound(BaseModel):
    """``rank`` 0: the whole name was asked for; 1: whole words of it; 2: a beginning."""

    hs_code: str
    name: str
    lang: str
    rank: int


class HsCodes(BaseModel):
    """Best first."""

    nomenclature: str
    items: list[HsCodeFound]


class PolicyRuleAnswer(BaseModel):
    """``fee_ppm`` of what a member is paid for a sale. Null asks nothing."""

    name: str
    fee_ppm: int
    employees_below: int | None
    owner_below_years: int | None
    low_value: str
    registration: str
    source: str
    valid_from: str
    valid_to: str | None


class Policy(BaseModel):
    """The rules in force, in the order they are tried: the first that fits a trader decides."""

    items: list[PolicyRuleAnswer]
