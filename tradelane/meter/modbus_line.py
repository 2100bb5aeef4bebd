"""A Modbus line: one connection or one serial port, with one or several units on it.

Always true: one request in flight; after a timeout or a garbled answer a TCP connection is closed, and a
line with serial frames is left alone until it is silent, before the next request; a unit that left a request
unanswered is believed again only after an answer of another length, and a refusal of its only when repeated,
so that a late answer, which on serial frames looks like any other, is never taken for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tradelane.meter.modbus_answer import Refused, registers
from tradelane.meter.modbus_url import Address, TcpAddress
from tradelane.meter.modbus_wire import Wire
from tradelane.meter.profile import Profile
from tradelane.meter.reading import BadAnswer, Closed, LinkDown, MeterError, Unreachable

QUIET_S = 0.05
"""Seconds without a byte after which a line with serial frames counts as silent."""
MOST_DRAINING = 20
"""Stretches of QUIET_S after which a line that will not fall silent is given up."""
HELD = "another client probably holds it: end other readers of this device"


class ModbusLine:
    """Opens itself when needed. ``connect_delay_s``: seconds a device wants between connection and question.

    ``timeout_s`` is for connecting and for each answer. ``single_client``: who finds the device silent is
    told that somebody else may be connected to it.
    """

    def __init__(
        self,
        address: Address,
        timeout_s: float = 1.0,
        connect_delay_s: float = 0.0,
        *,
        single_client: bool = False,
    ) -> None:
        self.address, self.timeout_s, self.connect_delay_s = address, timeout_s, connect_delay_s
        self._single_client = single_client
        self._answered = False
        self._wire: Wire | None = None
        self._one_in_flight = asyncio.Lock()
        self._unsettled = False
        self._unanswered: dict[int, int] = {}

    @classmethod
    def to(cls, address: Address, profiles: Iterable[Profile | None], timeout_s: float = 1.0) -> ModbusLine:
        """A line that minds what the devices of these profiles want of whoever connects."""
        known = [one for one in profiles if one is not None]
        delay_ms = max((one.connect_delay_ms for one in known), default=0)
        single = any(one.single_client for one in known)
        return cls(address, timeout_s, delay_ms / 1000, single_client=single)

    def __str__(self) -> str:
        return str(self.address)

    async def read(
        self, unit: int, function: int, address: int, count: int, patience_s: float | None = None
    ) -> list[int]:
        """``count`` registers from ``address``; function 3 holding, 4 input.

        ``patience_s``: seconds to wait for each answer, if less than ``timeout_s``. LinkDown when no
        connection can be made, Unreachable when the unit is silent, IllegalAddress on exceptions 2, 3 and
        4, BadAnswer on anything else that is not the answer asked for.
        """
        patience = self.timeout_s if patience_s is None else min(patience_s, self.timeout_s)
        patience += self.address.transfer_s(count)
        async with self._one_in_flight:
            try:
                wire = await self._ready()
                return await self._believed(wire, unit, function, address, count, patience)
            except Refused as refused:
                if isinstance(refused.error, Unreachable):
                    self._unanswered[unit] = count
                raise self._told(refused.error, unit, address, count) from None
            except Unreachable as error:
                if not self._held(error):
                    raise
                raise type(error)(f"{error}; {HELD}") from None

    async def close(self) -> None:
        """Safe to call at any time; the next read opens a new connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _ready(self) -> Wire:
        wire = self._wire
        if wire is None or not wire.connected:
            await self.close()
            self._answered = False
            wire = Wire(self.address, self.timeout_s)
            await wire.open()
            self._wire = wire
            await asyncio.sleep(self.connect_delay_s)
        if self._unsettled and self.address.rtu:
            await self._drain(wire)
        self._unsettled = False
        if self.address.silence_s:
            await asyncio.sleep(self.address.silence_s)
        return wire

    async def _drain(self, wire: Wire) -> None:
        """Whatever comes while nothing is asked, the wire throws away."""
        for _ in range(MOST_DRAINING):
            heard = wire.heard
            await asyncio.sleep(QUIET_S)
            if wire.heard == heard:
                return
        await self.close()
        raise LinkDown(f"{self}: the line does not fall silent")

    async def _believed(
        self, wire: Wire, unit: int, function: int, address: int, count: int, patience: float
    ) -> list[int]:
        """The answer, after what may be the late one to an earlier question: a refusal, or one as long."""
        owed = self._unanswered.get(unit)
        if owed is not None:
            asked = count if owed != count else count - 1 or 2
            try:
                words = await self._ask(wire, unit, function, address, asked, patience)
            except Refused:
                await self._drain(wire)
            else:
                if asked == count:
                    return words
        try:
            return await self._ask(wire, unit, function, address, count, patience)
        except Refused:
            self._unanswered.pop(unit, None)
            raise

    async def _ask(
        self, wire: Wire, unit: int, function: int, address: int, count: int, patience: float
    ) -> list[int]:
        try:
            words = registers(await wire.ask(unit, function, address, count, patience), function, count)
        except Refused:
            self._answered = True
            raise
        except BaseException as error:
            self._unsettled = True
            self._unanswered[unit] = count
            if isinstance(self.address, TcpAddress):
                await self.close()
            if isinstance(error, BadAnswer):
                raise self._told(error, unit, address, count) from None
            raise
        self._unanswered.pop(unit, None)
        self._answered = True
        return words

    def _held(self, error: Unreachable) -> bool:
        """Whether it looks as if somebody else had the device: it takes a single client, or it closes the
        connection before it has answered anything on it."""
        if not isinstance(self.address, TcpAddress) or self._answered:
            return False
        return self._single_client or isinstance(error, Closed)

    def _told(self, error: MeterError, unit: int, address: int, count: int) -> MeterError:
        return type(error)(f"{self} unit {unit}, {count} registers from {address}: {error}")


class ModbusConnection(ModbusLine):
    """A Modbus TCP connection to a device, or to a gateway with several units behind it."""

    def __init__(self, host: str, port: int, timeout_s: float = 1.0) -> None:
        super().__init__(TcpAddress(host, port), timeout_s)
