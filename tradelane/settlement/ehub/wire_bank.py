"""Messages between an e-hub and its bank side: payouts, their batches, and credits the bank has told of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from tradelane.settlement.ehub.fields import Currency, Id, Name
from tradelane.settlement.ehub.wire import PositiveAmount, Question, Total
from tradelane.settlement.iban import checked

LONGEST_NAME = 140
Iban = Annotated[str, Field(max_length=50), AfterValidator(checked)]
BankName = Annotated[Name, Field(max_length=LONGEST_NAME)]
EndToEnd = Annotated[str, Field(pattern=r"^[A-Za-z0-9+?/:().,'-]{1,35}$")]
Bic = Annotated[str, Field(pattern=r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$")]


class OrderPayout(Question):
    """From a member's account to a bank account. What is less than the currency's minor unit stays."""

    account: Id
    amount: PositiveAmount
    creditor: BankName
    iban: Iban
    end_to_end: EndToEnd


class PayoutState(BaseModel):
    """``amount`` is what the bank moves; ``batch`` the file that carries it, null before there is one."""

    payout: int
    account: str
    amount: Total
    creditor: str
    iban: str
    end_to_end: str
    batch: int | None
    at: str


class MakeBatch(Question):
    """Every waiting payout of a currency, paid from the operator's own bank account."""

    currency: Currency
    debtor: BankName
    iban: Iban
    bic: Bic | None = None


class BatchState(BaseModel):
    batch: int
    payouts: int
    total: Total
    at: str


class BankCredit(Question):
    """A booked credit as the bank tells of it. ``entry`` is the bank's own id of it, unique within
    ``bank_account``; ``references`` what the payer wrote that may name an account."""

    bank_account: str
    entry: str
    amount: PositiveAmount
    references: list[str]


class BankNotification(Question):
    credits: list[BankCredit]


class CreditState(BaseModel):
    """``account`` is where the money stands; ``matched`` when a reference named it."""

    seq: int
    bank_account: str
    entry: str
    amount: Total
    account: str
    matched: bool
    references: str
    at: str


class NotificationAnswer(BaseModel):
    """``booked`` now; ``repeated``: how many were booked before."""

    booked: list[CreditState]
    repeated: int
