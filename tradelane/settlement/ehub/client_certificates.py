"""A member's client of certificates of origin. What holds for ``member_client`` holds here."""

from __future__ import annotations

from tradelane.settlement.certificate import Status
from tradelane.settlement.ehub.asking import Ask, Command
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_certificates import (
    CancelCertificates,
    CertificateAction,
    CertificateBundle,
    Issuance,
    ReportProduction,
    TransferCertificates,
)


class CertificatesClient:
    """Each command under the key its caller chose."""

    def __init__(self, command: Command, ask: Ask) -> None:
        self._command = command
        self._ask = ask

    async def report(self, key: str, question: ReportProduction) -> Issuance:
        """Certificates for what a device made."""
        return await self._command("/production", key, question, Issuance)

    async def transfer(self, key: str, question: TransferCertificates) -> CertificateAction:
        return await self._command("/certificates/transfer", key, question, CertificateAction)

    async def cancel(self, key: str, question: CancelCertificates) -> CertificateAction:
        return await self._command("/certificates/cancel", key, question, CertificateAction)

    async def held(
        self, *, status: Status | None = None, after: str | None = None, limit: int = 100
    ) -> Page[CertificateBundle]:
        """The member's own."""
        query = {"certificate_status": status, "after": after, "limit": limit}
        return await self._ask("/certificates", Page[CertificateBundle], query)
