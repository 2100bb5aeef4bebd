"""Reading a bank's camt.054: its booked credits."""

from __future__ import annotations

from pydantic import ValidationError

from tradelane.settlement.ehub.server import untrusted_xml
from tradelane.settlement.ehub.server.bank.xml import NAMESPACE, Element
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_bank import BankCredit, BankNotification
from tradelane.settlement.problem import Problem

MESSAGE = "camt.054.001.12"
LARGEST = 1024 * 1024
"""Bytes of one notification."""
LONGEST_ID = 35
_N = {"n": NAMESPACE + MESSAGE}


def read(body: bytes) -> BankNotification:
    """The booked credits in a notification; debits and what is only pending are left out. Raises Problem."""
    found = []
    for n, notice in enumerate(_root(body).findall("n:BkToCstmrDbtCdtNtfctn/n:Ntfctn", _N)):
        account = _text(notice, "n:Acct/n:Id/n:IBAN") or _text(notice, "n:Acct/n:Id/n:Othr/n:Id")
        if not account:
            raise _wrong(f"Ntfctn.{n}.Acct.Id", "the bank account is not named")
        for m, entry in enumerate(notice.findall("n:Ntry", _N)):
            if (_text(entry, "n:CdtDbtInd"), _text(entry, "n:Sts/n:Cd")) == ("CRDT", "BOOK"):
                found.append(_credit(account, entry, f"Ntfctn.{n}.Ntry.{m}"))
    return BankNotification(credits=found)


def _root(body: bytes) -> Element:
    try:
        root = untrusted_xml.root(body, LARGEST)
    except ValueError as error:
        raise _wrong("body", str(error)) from None
    if root.tag != f"{{{_N['n']}}}Document":
        raise _wrong("body", f"not a {MESSAGE}")
    return root


def _credit(account: str, entry: Element, where: str) -> BankCredit:
    id = _text(entry, "n:AcctSvcrRef")
    if not 0 < len(id) <= LONGEST_ID:
        raise _wrong(f"{where}.AcctSvcrRef", f"the bank's own reference, 1 to {LONGEST_ID} characters")
    amount = entry.find("n:Amt", _N)
    if amount is None:
        raise _wrong(f"{where}.Amt", "missing")
    try:
        money = PositiveAmount(currency=amount.get("Ccy") or "", value=(amount.text or "").strip())
    except ValidationError as error:
        raise _wrong(f"{where}.Amt", error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return BankCredit(bank_account=account, entry=id, amount=money, references=_references(entry))


def _references(entry: Element) -> list[str]:
    """Words of the payer. An entry of several payments, or a reversal, names nobody."""
    payments = entry.findall("n:NtryDtls/n:TxDtls", _N)
    if len(payments) != 1 or _text(entry, "n:RvslInd") in ("true", "1"):
        return []
    places = ("n:Refs/n:EndToEndId", "n:RmtInf/n:Ustrd", "n:RmtInf/n:Strd/n:CdtrRefInf/n:Ref")
    found = [one for place in places for one in payments[0].findall(place, _N)]
    return [word for one in found for word in (one.text or "").split()]


def _text(element: Element, path: str) -> str:
    return str(element.findtext(path, "", _N) or "").strip()


def _wrong(field: str, reason: str) -> Problem:
    return Problem.field(422, "wrong-notification", field, reason)
