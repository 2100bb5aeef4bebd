"""The bodies of currency conversions (FSPIOP 2.0)."""

from __future__ import annotations

from typing import Literal

from tradelane.settlement.ehub.server.fspiop.messages import (
    Amount,
    Body,
    Currency,
    DateTime,
    Fsp,
    Hash,
    Id,
    Money,
)


class FxMoney(Body):
    """Without the amount that is asked for."""

    currency: Currency
    amount: Amount | None = None


class Conversion(Body):
    conversionId: Id  # noqa: N815  # the specification's name
    determiningTransferId: Id | None = None  # noqa: N815  # the specification's name
    initiatingFsp: Fsp  # noqa: N815  # the specification's name
    counterPartyFsp: Fsp  # noqa: N815  # the specification's name
    amountType: Literal["SEND", "RECEIVE"]  # noqa: N815  # the specification's name
    sourceAmount: FxMoney  # noqa: N815  # the specification's name
    targetAmount: FxMoney  # noqa: N815  # the specification's name
    expiration: DateTime


class FxQuote(Body):
    """POST /fxQuotes."""

    conversionRequestId: Id  # noqa: N815  # the specification's name
    conversionTerms: Conversion  # noqa: N815  # the specification's name


class FxQuoted(Body):
    """PUT /fxQuotes/{ID}."""

    conversionTerms: Conversion  # noqa: N815  # the specification's name
    condition: Hash | None = None


class FxTransfer(Body):
    """POST /fxTransfers. The specification could do without ``expiration``; no money is held without end."""

    commitRequestId: Id  # noqa: N815  # the specification's name
    determiningTransferId: Id | None = None  # noqa: N815  # the specification's name
    initiatingFsp: Fsp  # noqa: N815  # the specification's name
    counterPartyFsp: Fsp  # noqa: N815  # the specification's name
    sourceAmount: Money  # noqa: N815  # the specification's name
    targetAmount: Money  # noqa: N815  # the specification's name
    condition: Hash
    expiration: DateTime


class FxFulfil(Body):
    """PUT /fxTransfers/{ID}."""

    conversionState: Literal["RECEIVED", "RESERVED", "COMMITTED", "ABORTED"]  # noqa: N815  # the specification's name
    fulfilment: Hash | None = None
    completedTimestamp: DateTime | None = None  # noqa: N815  # the specification's name
