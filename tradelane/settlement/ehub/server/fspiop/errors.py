"""FSPIOP's numbered errors (definition 1.1, tables 111 to 118) and how a refusal is written."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

LONGEST_DESCRIPTION = 128


class Fault(Enum):
    """The code, its name in the specification, and the HTTP status where it is answered at once."""

    COMMUNICATION = ("1000", "Communication error", 503)
    UNREACHABLE = ("1001", "Destination communication error", 503)
    INTERNAL = ("2001", "Internal server error", 500)
    NOT_IMPLEMENTED = ("2002", "Not implemented", 501)
    UNAVAILABLE = ("2003", "Service currently unavailable", 503)
    TIMED_OUT = ("2004", "Server timed out", 503)
    BUSY = ("2005", "Server busy", 503)
    CLIENT = ("3000", "Generic client error", 400)
    VERSION = ("3001", "Unacceptable version requested", 406)
    UNKNOWN_URI = ("3002", "Unknown URI", 404)
    ADD_PARTY = ("3003", "Add Party information error", 400)
    VALIDATION = ("3100", "Generic validation error", 400)
    SYNTAX = ("3101", "Malformed syntax", 400)
    MISSING = ("3102", "Missing mandatory element", 400)
    TOO_MANY = ("3103", "Too many elements", 400)
    TOO_LARGE = ("3104", "Too large payload", 400)
    SIGNATURE = ("3105", "Invalid signature", 400)
    MODIFIED = ("3106", "Modified request", 400)
    UNKNOWN_ID = ("3200", "Generic ID not found", 400)
    DESTINATION = ("3201", "Destination FSP Error", 400)
    PAYER_FSP = ("3202", "Payer FSP ID not found", 400)
    PAYEE_FSP = ("3203", "Payee FSP ID not found", 400)
    PARTY = ("3204", "Party not found", 404)
    QUOTE = ("3205", "Quote ID not found", 404)
    TRANSFER = ("3208", "Transfer ID not found", 404)
    BULK_QUOTE = ("3209", "Bulk quote ID not found", 404)
    BULK_TRANSFER = ("3210", "Bulk transfer ID not found", 404)
    EXPIRED = ("3300", "Generic expired error", 400)
    QUOTE_EXPIRED = ("3302", "Quote expired", 400)
    TRANSFER_EXPIRED = ("3303", "Transfer expired", 400)
    LIQUIDITY = ("4001", "Payer FSP insufficient liquidity", 400)
    PAYEE_REJECTED_QUOTE = ("5103", "Payee FSP rejected quote", 400)
    PAYEE_REJECTED = ("5105", "Payee FSP rejected transaction", 400)
    PAYEE_CURRENCY = ("5106", "Payee unsupported currency", 400)

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]

    @property
    def status(self) -> int:
        return self.value[2]


class Refused(Exception):
    """A refusal on its way to a participant: in the answer, or as an error callback."""

    def __init__(
        self, fault: Fault, detail: str = "", extensions: Sequence[tuple[str, str]] = (), status: int = 0
    ) -> None:
        super().__init__(f"{fault.title} - {detail}" if detail else fault.title)
        self.fault = fault
        self.status = status or fault.status
        self.extensions = tuple(extensions)

    def body(self) -> dict[str, Any]:
        """``errorInformation`` as ErrorInformationObject of the specification."""
        text = str(self)[:LONGEST_DESCRIPTION]
        information: dict[str, Any] = {"errorCode": self.fault.code, "errorDescription": text}
        if self.extensions:
            listed = [{"key": key, "value": value} for key, value in self.extensions]
            information["extensionList"] = {"extension": listed}
        return {"errorInformation": information}
