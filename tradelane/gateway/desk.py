"""Where members' signed messages enter a zone: registration, orders, cancels, meter statements.

Always true: a message is checked, then journaled and stored in one transaction, and only then answered.
Repeating a message gives its first answer; the same id with other content is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from tradelane.gateway import journal
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket, Refused
from tradelane.gateway.hub_accounts import open_member_account
from tradelane.gateway.intake import (
    CancelMessage,
    MemberMessage,
    OrderMessage,
    StatementMessage,
    check_order,
    check_signature,
    check_statement,
    refuse,
)
from tradelane.gateway.tables import members, orders, statements
from tradelane.market.order import Refusal
from tradelane.market.product import Product
from tradelane.market.units import Interval
from tradelane.settlement import accounts
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.problem import Problem

Json = dict[str, Any]


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
        """Take up the members and the goods books where the journal left them."""
        await self._file(lambda conn: self._goods.replay(conn, self._clock.now()))
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
            raise Problem(503, "hub-unreachable", "The e-hub cannot be reached", str(error)) from error

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

    async def order(self, message: OrderMessage) -> Json:
        member = self._member(message.member)
        check_signature(message, member.public_key)
        if message.zone != member.zone:
            raise Problem.field(422, "wrong-zone", "zone", f"this member trades in {member.zone}")
        earlier = await self._file.read(lambda conn: self._same_order(conn, message))
        if earlier is not None:
            return earlier
        now, wall = self._clock.now(), self._clock.wall()
        open_goods = {p.id for p in self._catalogue.open_goods(now)}
        order, product, kind = check_order(message, self._catalogue, open_goods, now)
        if product.id in self._closed:
            refuse(Refusal.GATE_CLOSED)
        if product.gate is None:
            try:
                seq, outcome = await self._file(
                    lambda conn: self._goods.submit(conn, order, product, kind, now, wall)
                )
            except Refused as refused:
                refuse(refused.refusal)
            self._changed()
            traded = sum(t.sent if order.side.sign > 0 else t.received for t in outcome.trades)
            return {"id": order.id, "seq": seq, "filled": product.quantity_text(traded)}
        row = {
            "id": order.id,
            "product": product.id,
            "zone": order.zone,
            "member": order.member,
            "side": order.side.value,
            "price": order.price,
            "quantity": order.quantity,
        }
        seq = await self._file(lambda conn: self._take_order(conn, row, message.read_wall, now, wall))
        return {"id": order.id, "seq": seq, "filled": "0"}

    def _same_order(self, conn: Connection, message: OrderMessage) -> Json | None:
        """The first answer to an order that was sent before; a changed one under its id is refused."""
        row = conn.execute(select(orders).where(orders.c.id == message.id)).first()
        if row is None:
            return None
        product = self._catalogue.find(row.product)
        assert isinstance(product, Product)
        first = (row.member, row.product, row.zone, row.side, product.price_text(row.price))
        try:
            again = (
                message.member,
                message.product,
                message.zone,
                message.side,
                product.price_text(product.ticks(message.price)),
            )
            same = first == again and product.lots(message.quantity) == row.quantity
        except ValueError:
            same = False
        if not same:
            refuse(Refusal.DUPLICATE_ID)
        return {"id": row.id, "seq": row.seq, "filled": product.quantity_text(row.filled)}

    def _take_order(self, conn: Connection, row: Json, read_wall: int | None, now: int, wall: int) -> int:
        existing = conn.execute(select(orders.c.seq).where(orders.c.id == row["id"])).scalar()
        if existing is not None:
            raise Problem.field(409, "in-progress", "id", "this order is being taken; ask again")
        seq = journal.append(conn, "order", row, now)
        conn.execute(
            insert(orders).values(
                **row, seq=seq, state="open", at=now, received_wall=wall, read_wall=read_wall
            )
        )
        return seq

    async def cancel(self, message: CancelMessage) -> Json:
        check_signature(message, self._member(message.member).public_key)
        query = select(orders.c.product).where(orders.c.id == message.id)
        name = await self._file.read(lambda conn: conn.execute(query).scalar())
        product = self._catalogue.find(name or "")
        if isinstance(product, Refusal) or product.gate is not None:
            refuse(Refusal.UNKNOWN_ORDER)
        now = self._clock.now()
        try:
            outcome = await self._file(
                lambda conn: self._goods.cancel(conn, message.id, product, message.member, now)
            )
        except Refused as refused:
            refuse(refused.refusal)
        return {"id": message.id, "cancelled": product.quantity_text(outcome.cancelled)}

    async def statement(self, message: StatementMessage) -> Json:
        check_signature(message, self._member(message.member).public_key)
        interval = check_statement(message, self._catalogue.mtu, self._clock.now())
        seq = await self._file(lambda conn: self._take_statement(conn, message, interval))
        self._changed()
        return {"member": message.member, "start": message.start, "seq": seq}

    def _take_statement(self, conn: Connection, message: StatementMessage, interval: Interval) -> int:
        key = (statements.c.member == message.member, statements.c.interval_start == interval.start)
        row = conn.execute(select(statements).where(*key)).first()
        if row is not None:
            if (row.import_wh, row.export_wh) != (message.import_wh, message.export_wh):
                raise Problem.field(409, "statement-exists", "start", "this interval has another statement")
            return int(row.seq)
        seq = journal.append(conn, "statement", message.signed(), self._clock.now())
        conn.execute(
            insert(statements).values(
                member=message.member,
                interval_start=interval.start,
                interval_end=interval.end,
                import_wh=message.import_wh,
                export_wh=message.export_wh,
                quality=message.quality,
                signature=message.signature,
                read_wall=message.read_wall,
                seq=seq,
            )
        )
        return seq
