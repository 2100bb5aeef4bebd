"""A contract's goods at the border, told to the e-hub step by step, each under a key of its own.

Always true: what customs takes is what the assessment kept at the hub says, held before the goods are
shipped, or the declaration is refused.
"""

from __future__ import annotations

from tradelane.gateway import border
from tradelane.gateway.catalogue import Catalogue
from tradelane.market.units import Money
from tradelane.settlement import accounts
from tradelane.settlement.contract import Contract
from tradelane.settlement.ehub.client import HubClient, HubRefused
from tradelane.settlement.ehub.wire_declarations import DeclarationAnswer, Declare
from tradelane.settlement.settle import charged_at_border

UNKNOWN = 404


class Crossing:
    """Every method may be repeated. Raises HubRefused, HubUnreachable, ValueError."""

    def __init__(self, hub: HubClient, catalogue: Catalogue) -> None:
        self._hub = hub
        self._catalogue = catalogue

    async def hold(self, contract: Contract) -> bool:
        """Have the landed price kept, and hold what customs will charge; whether there is anything."""
        if not charged_at_border(contract):
            return False
        asked = border.asked(contract, self._catalogue)
        shown = await self._hub.customs.assess(f"{contract.id}/assess", asked)
        due = Money(shown.duty.money.nano + shown.tax.money.nano, shown.duty.currency)
        if due.nano:
            held = border.held_for_customs(contract.id)
            await self._hub.reserve(
                f"{held}/reserve",
                reservation=held,
                account=accounts.member(contract.buyer, due.currency),
                amount=due,
                contract=contract.id,
            )
        return due.nano > 0

    async def let_go(self, contract: str) -> None:
        """Give back what was held for customs."""
        held = border.held_for_customs(contract)
        await self._hub.release(f"{held}/release", reservation=held)

    async def declare(self, contract: Contract, held: bool) -> Declare:
        """Lodge the declaration; what was declared."""
        question = border.declared(contract, self._catalogue, held)
        await self._hub.customs.declare(f"{contract.id}/declare", question)
        return question

    async def settled_by_hand(self, contract: Contract, lots: int, held: bool) -> None:
        """As ``arrived``, for a contract whose goods customs may never have heard of."""
        try:
            await self.arrived(contract, lots)
        except HubRefused as refused:
            if refused.status != UNKNOWN:
                raise
            if held:
                await self.let_go(contract.id)

    async def arrived(self, contract: Contract, lots: int) -> DeclarationAnswer | None:
        """Tell customs when fewer than all lots came; what was charged for the others goes back."""
        if lots == contract.sent:
            return None
        if not lots:
            return await self._hub.customs.invalidate(f"{contract.id}/never-came", contract.id, "never came")
        fewer = border.arrived(contract, lots)
        return await self._hub.customs.amend(f"{contract.id}/arrived", contract.id, fewer)
