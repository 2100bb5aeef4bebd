"""A Modbus line: one connection or one serial port, with one or several units on it.

Always true: one request in flight; after a timeout or a garbled answer a TCP connection is closed, and a
line with serial frames is left alone until it is silent, before the next request; a unit that left a request
unanswered is believed again only after an answer of another length, so that a late answer, which on serial
frames looks like any other, is never taken for the next one.
"""

from __future__ import annotations

import asyncio

from tradelane.meter.modbus_answer import Refused, registers
from tradelane.meter.modbus_url import Address, TcpAddress
from tradelane.meter.modbus_wire import Wire
from tradelane.meter.reading import BadAnswer, IllegalAddress, LinkDown, MeterError, Unreachable

QUIET_S = 0.05
"""Seconds without a byte after which a line with serial frames counts as silent."""
MOST_DRAINING = 20
"""Stretches of QUIET_S after which a line that will not fall silent is given up."""


class ModbusLine:
    """Opens itself when needed. ``connect_delay_s``: seconds a device wants between connection and question.

    ``timeout_s`` is for connecting and for each answer.
    """

    def __init__(self, address: Address, timeout_s: float = 1.0, connect_delay_s: float = 0.0) -> None:
        self.address, self.timeout_s, self.connect_delay_s = address, timeout_s, connect_delay_s
        self._wire: Wire | None = None
        self._one_in_flight = asyncio.Lock()
        self._unsettled = False
        self._unanswered: dict[int, int] = {}

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
            wire = await self._ready()
            if self._unanswered.get(unit) == count:
                await self._prove(wire, unit, function, address, count, patience)
            return await self._ask(wire, unit, function, address, count, patience)

    async def close(self) -> None:
        """Safe to call at any time; the next read opens a new connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _ready(self) -> Wire:
        wire = self._wire
        if wire is None or not wire.connected:
            await self.close()
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

    async def _prove(
        self, wire: Wire, unit: int, function: int, address: int, count: int, patience: float
    ) -> None:
        """Ask for another length than the one that is still owed: that answer cannot be the late one."""
        try:
            await self._ask(wire, unit, function, address, count - 1 or 2, patience)
        except IllegalAddress:
            await self._drain(wire)

    async def _ask(
        self, wire: Wire, unit: int, function: int, address: int, count: int, patience: float
    ) -> list[int]:
        try:
            words = registers(await wire.ask(unit, function, address, count, patience), function, count)
        except Refused as refused:
            if isinstance(refused.error, Unreachable):
                self._unanswered[unit] = count
            raise self._told(refused.error, unit, address, count) from None
        except BaseException as error:
            self._unsettled = True
            self._unanswered[unit] = count
            if isinstance(self.address, TcpAddress):
                await self.close()
            if isinstance(error, BadAnswer):
                raise self._told(error, unit, address, count) from None
            raise
        self._unanswered.pop(unit, None)
        return words

    def _told(self, error: MeterError, unit: int, address: int, count: int) -> MeterError:
        return type(error)(f"{self} unit {unit}, {count} registers from {address}: {error}")


class ModbusConnection(ModbusLine):
    """A Modbus TCP connection to a device, or to a gateway with several units behind it."""

    def __init__(self, host: str, port: int, timeout_s: float = 1.0) -> None:
        super().__init__(TcpAddress(host, port), timeout_s)
