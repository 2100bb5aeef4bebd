"""The bodies a hub reads or must judge (definition 1.1 chapter 7, and the 2.0 draft). What it only passes on
is passed on as it came, unknown elements too."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tradelane.market.units import Money as Nano
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused

_DATE_TIME = (
    r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
    r"T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}(Z|[+-][01][0-9]:[0-5][0-9])$"
)


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Fsp = Annotated[str, Field(min_length=1, max_length=32)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[str, Field(pattern=r"^(0|([1-9][0-9]{0,17}))([.][0-9]{0,3}[1-9])?$")]
DateTime = Annotated[str, Field(pattern=_DATE_TIME), AfterValidator(_moment)]
Hash = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Packet = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+[=]{0,2}$", max_length=32768)]
Id = Annotated[
    str,
    Field(
        pattern=r"^([0-9a-f]{8}-[0-9a-f]{4}-[1-7][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
        r"|[0-9A-HJKMNP-TV-Z]{26})$"
    ),
]
"""Lower-case UUID or upper-case ULID."""
PartyType = Literal["MSISDN", "EMAIL", "PERSONAL_ID", "BUSINESS", "DEVICE", "ACCOUNT_ID", "IBAN", "ALIAS"]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Money(Body):
    currency: Currency
    amount: Amount

    @property
    def nano(self) -> int:
        """In 10⁻⁹ of the currency."""
        return Nano.parse(self.amount, self.currency).nano


class PartyIdInfo(Body):
    partyIdType: PartyType  # noqa: N815  # the specification's name
    partyIdentifier: Name  # noqa: N815  # the specification's name
    partySubIdOrType: Name | None = None  # noqa: N815  # the specification's name
    fspId: Fsp | None = None  # noqa: N815  # the specification's name


class Party(Body):
    partyIdInfo: PartyIdInfo  # noqa: N815  # the specification's name


class Registration(Body):
    """POST /participants/{Type}/{ID}."""

    fspId: Fsp  # noqa: N815  # the specification's name
    currency: Currency | None = None


class Registrations(Body):
    """POST /participants."""

    requestId: Id  # noqa: N815  # the specification's name
    partyList: Annotated[list[PartyIdInfo], Field(min_length=1, max_length=10_000)]  # noqa: N815  # the specification's name
    currency: Currency | None = None


class PartyFound(Body):
    """PUT /parties/{Type}/{ID}."""

    party: Party


class Kind(Body):
    scenario: Literal["DEPOSIT", "WITHDRAWAL", "TRANSFER", "PAYMENT", "REFUND"]
    initiator: Literal["PAYER", "PAYEE"]
    initiatorType: Literal["CONSUMER", "AGENT", "BUSINESS", "DEVICE"]  # noqa: N815  # the specification's name


class Quote(Body):
    """POST /quotes."""

    quoteId: Id  # noqa: N815  # the specification's name
    transactionId: Id  # noqa: N815  # the specification's name
    payee: Party
    payer: Party
    amountType: Literal["SEND", "RECEIVE"]  # noqa: N815  # the specification's name
    amount: Money
    transactionType: Kind  # noqa: N815  # the specification's name
    expiration: DateTime | None = None


class Quoted(Body):
    """PUT /quotes/{ID}."""

    transferAmount: Money  # noqa: N815  # the specification's name
    expiration: DateTime
    ilpPacket: Packet  # noqa: N815  # the specification's name
    condition: Hash


class Prepare(Body):
    """POST /transfers."""

    transferId: Id  # noqa: N815  # the specification's name
    payeeFsp: Fsp  # noqa: N815  # the specification's name
    payerFsp: Fsp  # noqa: N815  # the specification's name
    amount: Money
    ilpPacket: Packet  # noqa: N815  # the specification's name
    condition: Hash
    expiration: DateTime


class Fulfil(Body):
    """PUT /transfers/{ID}."""

    transferState: Literal["RECEIVED", "RESERVED", "COMMITTED", "ABORTED"]  # noqa: N815  # the specification's name
    fulfilment: Hash | None = None
    completedTimestamp: DateTime | None = None  # noqa: N815  # the specification's name


class ErrorInformation(Body):
    errorCode: Annotated[str, Field(pattern=r"^[1-9][0-9]{3}$")]  # noqa: N815  # the specification's name
    errorDescription: Name  # noqa: N815  # the specification's name


class Failure(Body):
    """PUT …/error."""

    errorInformation: ErrorInformation  # noqa: N815  # the specification's name


B = TypeVar("B", bound=BaseModel)


def _no_number(text: str) -> None:
    raise ValueError(text)


def parse(kind: type[B], raw: bytes) -> B:
    """The body as a message; Refused 3101, 3102 or 3103 naming the element at fault."""
    try:
        data = json.loads(raw, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(Fault.SYNTAX, "the body is not JSON") from None
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _refused(error.errors(include_url=False, include_context=False)[0]) from None


def _refused(first: Any) -> Refused:
    where = ".".join(map(str, first["loc"])) or "the body"
    fault = {"missing": Fault.MISSING, "too_long": Fault.TOO_MANY}.get(first["type"], Fault.SYNTAX)
    return Refused(fault, where if fault is Fault.MISSING else f"{where}: {first['msg']}")
