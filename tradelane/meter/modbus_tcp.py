"""Modbus TCP: the only module that knows pymodbus.

Always true: one request in flight per connection; after a timeout, a torn or a wrong answer the connection
is closed, so that a late answer can never be taken for the next one; lengths and types are checked.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from tradelane.meter.reading import BadAnswer, IllegalAddress, LinkDown, Unreachable

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3
GATEWAY_NO_PATH, GATEWAY_NO_ANSWER = 10, 11
_EXCEPTION = 0x80


class ModbusConnection:
    """One TCP connection to a device or a gateway with several units behind it; opens itself when needed."""

    def __init__(self, host: str, port: int, timeout_s: float = 1.0) -> None:
        self.host, self.port, self.timeout_s = host, port, timeout_s
        self._client: AsyncModbusTcpClient | None = None
        self._one_in_flight = asyncio.Lock()

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def read(self, unit: int, function: int, address: int, count: int) -> list[int]:
        """``count`` registers from ``address``; function 3 holding, 4 input.

        LinkDown when no connection can be made, Unreachable when the unit is silent, IllegalAddress on
        exceptions 2 and 3, BadAnswer on anything else that is not the answer asked for.
        """
        async with self._one_in_flight:
            client = await self._open()
            try:
                answer = await self._ask(client, unit, function, address, count)
                return self._checked(answer, unit, function, address, count)
            except IllegalAddress:
                raise
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Safe to call at any time; the next read opens a new connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _open(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        from pymodbus.client import AsyncModbusTcpClient

        # what pymodbus would log, the errors raised here already say
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        await self.close()
        client = AsyncModbusTcpClient(
            self.host, port=self.port, timeout=self.timeout_s, retries=0, reconnect_delay=0
        )
        try:
            connected = await client.connect()
        except BaseException:
            client.close()
            raise
        if not connected:
            client.close()
            raise LinkDown(f"{self}: no connection")
        self._client = client
        return client

    async def _ask(
        self, client: AsyncModbusTcpClient, unit: int, function: int, address: int, count: int
    ) -> Any:
        from pymodbus.exceptions import ModbusException

        ask = client.read_holding_registers if function == 3 else client.read_input_registers
        try:
            return await ask(address, count=count, device_id=unit)
        except (ModbusException, OSError) as error:
            raise Unreachable(f"{self} unit {unit}: no answer for register {address} ({error})") from None

    def _checked(self, answer: Any, unit: int, function: int, address: int, count: int) -> list[int]:
        asked = f"{self} unit {unit}, {count} registers from {address}"
        code = getattr(answer, "function_code", None)
        if code == function | _EXCEPTION:
            self._refused(getattr(answer, "exception_code", 0), asked)
        if code != function:
            raise BadAnswer(f"{asked}: answered with function {code}")
        registers = getattr(answer, "registers", None)
        if not isinstance(registers, list) or len(registers) != count:
            length = len(registers) if isinstance(registers, list) else "no"
            raise BadAnswer(f"{asked}: answered with {length} registers")
        if not all(isinstance(word, int) and 0 <= word <= 0xFFFF for word in registers):
            raise BadAnswer(f"{asked}: answered with something that is not a register")
        return registers

    def _refused(self, exception: int, asked: str) -> None:
        if exception in (ILLEGAL_ADDRESS, ILLEGAL_VALUE):
            raise IllegalAddress(f"{asked}: refused (exception {exception})")
        if exception in (GATEWAY_NO_PATH, GATEWAY_NO_ANSWER):
            raise Unreachable(f"{asked}: the gateway gets no answer from the unit (exception {exception})")
        raise BadAnswer(f"{asked}: refused (exception {exception})")
