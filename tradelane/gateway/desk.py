"""Where members' signed messages enter a zone: registration, orders, cancels, meter statements.

Always true: a message is checked, then journaled and stored in one transaction, and only then answered.
Repeating a message gives its first answer; the same id with other content is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select

from tradelane.gateway import door_codes, halting, journal, order_rows, statements
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket, Refused
from tradelane.gateway.hub_accounts import open_member_account
from tradelane.gateway.intake import (
    AmendMessage,
    Asked,
    CancelMessage,
    MemberMessage,
    MineMessage,
    OrderMessage,
    StatementMessage,
    check_asked_now,
    check_order,
    check_signature,
    check_statement,
    read_amendment,
    read_order,
)
from tradelane.gateway.overview import OwnView
from tradelane.gateway.own import own_view
from tradelane.gateway.own_money import MoneyMessage, OwnMoney, own_money
from tradelane.gateway.refusals import refuse
from tradelane.gateway.tables import members, orders
from tradelane.market.order import Refusal
from tradelane.market.product import Product
from tradelane.settlement import accounts
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.problem import Problem

Json = dict[str, Any]
M = TypeVar("M", CancelMessage, AmendMessage)


@dataclass(frozen=True, slots=True)
class Registered:
    """A member as it made itself known. It trades in one zone: its account is in that zone's currency."""

    public_key: str
    zone: str


class Desk:
    """``changed`` is called when something came in that may let a contract move."""

    def __init__(
        self, file: RoleFile, catalogue: Catalogue, clock: Clock, hub: HubClient, goods: GoodsMarket,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._file = file
        self._catalogue = catalogue
        self._clock = clock
        self._hub = hub
        self._goods = goods
        self._changed = changed
        self._members: dict[str, Registered] = {}
        self._closed: set[str] = set()

    async def restore(self) -> None:
        """Take up the members where the journal left them."""
        for row in await self._file.read(lambda conn: conn.execute(select(members)).all()):
            self._members[row.id] = Registered(row.public_key, row.zone)

    def close(self, product: str) -> None:
        """Take no more orders for ``product``, from this instant on."""
        self._closed.add(product)

    async def register(self, message: MemberMessage) -> Json:
        if message.zone not in self._catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        check_signature(message, message.public_key)
        currency = self._catalogue.zones[message.zone].currency
        known = self._members.get(message.id)
        if known is None:
            await self._open_account(message, currency)
            known = await self._file(lambda conn: self._add_member(conn, message))
            self._members[message.id] = known
        if known.public_key != message.public_key:
            raise Problem.field(409, "member-exists", "id", "another key is registered under this id")
        if known.zone != message.zone:
            raise Problem.field(409, "member-exists", "zone", f"this member is registered in {known.zone}")
        return {
            "id": message.id,
            "zone": message.zone,
            "account": accounts.member(message.id, currency),
        }

    async def _open_account(self, message: MemberMessage, currency: str) -> None:
        """A member is known once its account is open, so the e-hub is asked for each member once."""
        try:
            await open_member_account(self._hub, message.id, message.name, currency)
        except HubRefused as refused:
            raise Problem(502, "hub-refused", "The e-hub does not open an account", str(refused)) from refused
        except HubUnreachable as error:
            raise _unreachable(error) from error

    def _add_member(self, conn: Connection, message: MemberMessage) -> Registered:
        """Who stands under this id now: the first to come."""
        row = conn.execute(select(members).where(members.c.id == message.id)).first()
        if row is not None:
            return Registered(row.public_key, row.zone)
        now = self._clock.now()
        body = {
            "id": message.id,
            "name": message.name,
            "zone": message.zone,
            "public_key": message.public_key,
        }
        journal.append(conn, "member", body, now)
        conn.execute(insert(members).values(**body, registered_at=now))
        return Registered(message.public_key, message.zone)

    def _member(self, id: str) -> Registered:
        known = self._members.get(id)
        if known is None:
            refuse(Refusal.UNKNOWN_MEMBER)
        return known

    def asker(self, message: MineMessage) -> Registered:
        """Who asks what only a member may: only it can ask, and only now."""
        member = self._member(message.member)
        check_signature(message, member.public_key)
        check_asked_now(message, self._clock.now())
        return member

    async def mine(self, message: MineMessage) -> OwnView:
        """What only this member may see."""
        self.asker(message)
        return await self._file.read(
            lambda conn: own_view(conn, self._catalogue, self._clock, message.member)
        )

    async def money(self, message: MoneyMessage) -> OwnMoney:
        """What stands at the e-hub for this member."""
        member = self.asker(message)
        currency = self._catalogue.zones[member.zone].currency
        try:
            return await own_money(self._hub, message.member, currency, message.after)
        except HubRefused as refused:
            raise Problem(502, "hub-refused", "The e-hub does not answer this", str(refused)) from refused
        except HubUnreachable as error:
            raise _unreachable(error) from error

    async def door_codes(self, message: door_codes.DoorMessage) -> door_codes.DoorCodes:
        """What the member shows at its door for what it bought."""
        self.asker(message)
        rows = await self._file.read(lambda conn: door_codes.expected(conn, message.member))
        try:
            return await door_codes.fetch(self._hub, rows)
        except HubUnreachable as error:
            raise _unreachable(error) from error

    async def order(self, message: OrderMessage) -> Json:
        member = self._member(message.member)
        check_signature(message, member.public_key)
        if message.zone not in self._catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        if message.zone != member.zone:
            raise Problem.field(422, "wrong-zone", "zone", f"this member trades in {member.zone}")
        asked = read_order(message, self._catalogue)
        now, wall = self._clock.now(), self._clock.wall()
        try:
            answer = await self._file(lambda conn: self._take_order(conn, asked, now, wall))
        except Refused as refused:
            refuse(refused.refusal)
        if asked.product.gate is None:
            self._changed()
        return answer

    def _take_order(self, conn: Connection, asked: Asked, now: int, wall: int) -> Json:
        """In one transaction, so that of equal orders at once one has effect and each gets its answer."""
        earlier = order_rows.first_answer(conn, asked)
        if earlier is not None:
            return earlier
        check_order(asked, self._catalogue, now)
        halting.check(conn, asked.product)
        if asked.product.gate is None:
            return order_rows.answer(asked, *self._goods.submit(conn, asked, now, wall))
        if asked.product.id in self._closed:
            refuse(Refusal.GATE_CLOSED)
        seq = journal.append(conn, "order", asked.body(), now)
        order_rows.add(conn, asked, seq, "open", now, wall)
        return order_rows.answer(asked, seq, 0)

    async def cancel(self, message: CancelMessage) -> Json:
        return await self._on_book(message, self._take_cancel)

    async def amend(self, message: AmendMessage) -> Json:
        answer = await self._on_book(message, self._take_amend)
        self._changed()
        return answer

    async def _on_book(self, message: M, take: Callable[[Connection, M, int, int], Json]) -> Json:
        """Let a member do something to an order of its own that stands on a goods book."""
        check_signature(message, self._member(message.member).public_key)
        now, wall = self._clock.now(), self._clock.wall()
        try:
            return await self._file(lambda conn: take(conn, message, now, wall))
        except Refused as refused:
            refuse(refused.refusal)

    def _take_cancel(self, conn: Connection, message: CancelMessage, now: int, wall: int) -> Json:
        row, product = self._standing(conn, message.id, message.member)
        if row.state != "cancelled":
            self._check_open(product, now)
            self._goods.cancel(conn, message.id, product, message.member, now, wall)
            row, _ = self._standing(conn, message.id, message.member)
        return {"id": message.id, "cancelled": product.quantity_text(row.quantity - row.filled)}

    def _take_amend(self, conn: Connection, message: AmendMessage, now: int, wall: int) -> Json:
        _, product = self._standing(conn, message.order, message.member)
        asked = read_amendment(message, product)
        earlier = order_rows.first_amended(conn, asked)
        if earlier is not None:
            return earlier
        self._check_open(product, now)
        halting.check(conn, product)
        return order_rows.amended(asked, *self._goods.amend(conn, asked, now, wall))

    def _standing(self, conn: Connection, id: str, member: str) -> tuple[Any, Product]:
        """A member's own goods order as it stands, or stood."""
        row = conn.execute(select(orders).where(orders.c.id == id)).first()
        product = Refusal.UNKNOWN_ORDER if row is None else self._catalogue.find(row.product)
        if row is None or isinstance(product, Refusal) or product.gate is not None:
            refuse(Refusal.UNKNOWN_ORDER)
        if row.member != member:
            refuse(Refusal.NOT_OWNER)
        return row, product

    def _check_open(self, product: Product, now: int) -> None:
        if not self._catalogue.is_open(product, now):
            refuse(Refusal.UNKNOWN_ORDER)

    async def statement(self, message: StatementMessage) -> Json:
        member = self._member(message.member)
        return await self._metered(message, member, statements.take_statement)

    async def correction(self, message: StatementMessage) -> Json:
        member = self._member(message.member)
        return await self._metered(message, member, statements.take_correction)

    async def _metered(self, message: StatementMessage, member: Registered, take: statements.Take) -> Json:
        check_signature(message, member.public_key)
        now = self._clock.now()
        interval = check_statement(message, self._catalogue.mtu, now)
        head = statements.signed_head(message, member.public_key)
        final = self._catalogue.final(interval.end)
        seq = await self._file(
            lambda conn: take(conn, statements.Stated(message, interval, head, now, final))
        )
        self._changed()
        return {"member": message.member, "start": message.start, "seq": seq}


def _unreachable(error: HubUnreachable) -> Problem:
    return Problem(503, "hub-unreachable", "The e-hub cannot be reached", str(error))
