"""The bodies of bulk quotes and bulk transfers (definition 1.1, sections 6.6.3 and 6.9)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradelane.settlement.ehub.server.fspiop.messages import (
    Body,
    DateTime,
    ErrorInformation,
    Fsp,
    Hash,
    Id,
    Kind,
    Money,
    Packet,
    Party,
)

MOST = 1000
"""Transfers, or quotes, in one bulk."""


class IndividualQuote(Body):
    quoteId: Id  # noqa: N815  # the specification's name
    transactionId: Id  # noqa: N815  # the specification's name
    payee: Party
    amountType: Literal["SEND", "RECEIVE"]  # noqa: N815  # the specification's name
    amount: Money
    transactionType: Kind  # noqa: N815  # the specification's name


class BulkQuote(Body):
    """POST /bulkQuotes."""

    bulkQuoteId: Id  # noqa: N815  # the specification's name
    payer: Party
    individualQuotes: Annotated[list[IndividualQuote], Field(min_length=1, max_length=MOST)]  # noqa: N815  # the specification's name
    expiration: DateTime | None = None


class IndividualQuoteResult(Body):
    quoteId: Id  # noqa: N815  # the specification's name
    transferAmount: Money | None = None  # noqa: N815  # the specification's name
    ilpPacket: Packet | None = None  # noqa: N815  # the specification's name
    condition: Hash | None = None
    errorInformation: ErrorInformation | None = None  # noqa: N815  # the specification's name


QuoteResults = Annotated[list[IndividualQuoteResult], Field(default_factory=list, max_length=MOST)]


class BulkQuoted(Body):
    """PUT /bulkQuotes/{ID}."""

    expiration: DateTime
    individualQuoteResults: QuoteResults  # noqa: N815  # the specification's name


class IndividualTransfer(Body):
    transferId: Id  # noqa: N815  # the specification's name
    transferAmount: Money  # noqa: N815  # the specification's name
    ilpPacket: Packet  # noqa: N815  # the specification's name
    condition: Hash


class BulkTransfer(Body):
    """POST /bulkTransfers."""

    bulkTransferId: Id  # noqa: N815  # the specification's name
    bulkQuoteId: Id  # noqa: N815  # the specification's name
    payerFsp: Fsp  # noqa: N815  # the specification's name
    payeeFsp: Fsp  # noqa: N815  # the specification's name
    individualTransfers: Annotated[list[IndividualTransfer], Field(min_length=1, max_length=MOST)]  # noqa: N815  # the specification's name
    expiration: DateTime


class IndividualResult(Body):
    """Done where there is a fulfilment."""

    transferId: Id  # noqa: N815  # the specification's name
    fulfilment: Hash | None = None
    errorInformation: ErrorInformation | None = None  # noqa: N815  # the specification's name


Results = Annotated[list[IndividualResult], Field(default_factory=list, max_length=MOST)]


class BulkTransferred(Body):
    """PUT /bulkTransfers/{ID}."""

    bulkTransferState: Literal["RECEIVED", "PENDING", "ACCEPTED", "PROCESSING", "COMPLETED", "REJECTED"]  # noqa: N815  # the specification's name
    individualTransferResults: Results  # noqa: N815  # the specification's name
    completedTimestamp: DateTime | None = None  # noqa: N815  # the specification's name
