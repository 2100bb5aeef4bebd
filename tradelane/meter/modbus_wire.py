"""Modbus on the wire: the only module that knows pymodbus.

Always true: what comes back is the answer of the unit that was asked, whole, and as bytes; what it says is
``modbus_answer``'s to check. A connection that breaks is told at once, not after the timeout.
"""

from __future__ import annotations

import asyncio
import logging
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from tradelane.meter.echo import Echo
from tradelane.meter.modbus_url import Address, SerialAddress, TcpAddress
from tradelane.meter.reading import Closed, LinkDown, Unreachable

if TYPE_CHECKING:
    from pymodbus.client.base import ModbusBaseClient

INPUT = 4


class Wire:
    """One open connection. ``heard`` counts the pieces of data that have come over it."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        """Touches nothing yet; call ``open``. Needs a running event loop."""
        self.heard = 0
        self._echo = Echo()
        self._asking = False
        self._address = address
        self._client = self._make(timeout_s)

    def _make(self, timeout_s: float) -> ModbusBaseClient:
        from pymodbus import FramerType
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

        # what pymodbus would log, the errors raised here already say
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        common: dict[str, Any] = {
            "timeout": timeout_s,
            "retries": 0,
            "reconnect_delay": 0,
            "trace_packet": self._traced,
            "trace_connect": self._connection,
        }
        client: ModbusBaseClient
        match self._address:
            case TcpAddress(host, port, rtu):
                framer = FramerType.RTU if rtu else FramerType.SOCKET
                client = AsyncModbusTcpClient(host, port=port, framer=framer, **common)
            case SerialAddress(device, baud, parity, stopbits):
                client = AsyncModbusSerialClient(
                    device, baudrate=baud, parity=parity, stopbits=stopbits, **common
                )
        if self._address.rtu:
            client.ctx.framer = _echo_skipping()(_unread_answers()(False), self._echo)
        else:
            client.ctx.framer.decoder = _unread_answers()(False)
        return client

    @property
    def connected(self) -> bool:
        return self._client.connected

    async def open(self) -> None:
        """Raises LinkDown."""
        try:
            connected = await self._client.connect()
        except BaseException:
            self.close()
            raise
        if not connected:
            self.close()
            raise LinkDown(f"{self._address}: {_why_not(self._address)}")

    def close(self) -> None:
        self._client.close()

    async def ask(self, unit: int, function: int, address: int, count: int, timeout_s: float) -> bytes:
        """The answer from its function code on. Unreachable when none comes in ``timeout_s`` seconds."""
        from pymodbus.exceptions import ConnectionException, ModbusException

        client = self._client
        client.ctx.comm_params.timeout_connect = timeout_s
        self._asking = True
        ask = client.read_input_registers if function == INPUT else client.read_holding_registers
        try:
            answer = await ask(address, count=count, device_id=unit)
        except (ConnectionException, OSError):
            raise Closed(f"{self._address} unit {unit}: the connection was lost") from None
        except ModbusException:
            what = "nothing but our own echo" if self._echo.alone else "no answer"
            raise Unreachable(
                f"{self._address} unit {unit}: {what} for register {address} in {timeout_s:.2g} s"
            ) from None
        finally:
            self._asking = False
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # wait_for, inside pymodbus, forgets a cancellation that comes with the answer
            raise asyncio.CancelledError
        said: bytes = answer.said  # type: ignore[attr-defined]  # _unread_answers makes nothing else
        return said

    def _traced(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._echo.asked(data)
        else:
            self.heard += 1
        return data

    def _connection(self, made: bool) -> None:
        from pymodbus.exceptions import ConnectionException

        waiting = self._client.ctx.response_future
        if not made and self._asking and not waiting.done():
            waiting.set_exception(ConnectionException("the connection was lost"))


def _why_not(address: Address) -> str:
    """Why a connection was not made, as far as it can be seen from here; pymodbus does not pass it on."""
    if isinstance(address, TcpAddress):
        return "no connection"
    if not os.path.exists(address.device):  # noqa: PTH110  # in the event loop: one quick call
        return "no such port: is the adapter plugged in?"
    if not os.access(address.device, os.R_OK | os.W_OK):
        return "no permission: is your user in the group dialout?"
    return "the port cannot be opened: it is no serial port, or another program has it"


@cache
def _echo_skipping() -> type[Any]:
    """pymodbus's framer of serial lines, after our own echo. pymodbus can skip it too, but only on lines that
    are said to echo: on others it takes the beginning of an answer for one."""
    from pymodbus.framer import FramerRTU

    class Framer(FramerRTU):
        def __init__(self, decoder: Any, echo: Echo) -> None:
            super().__init__(decoder)
            self._echo = echo

        def handleFrame(self, data: bytes, exp_devid: int, exp_tid: int) -> tuple[int, Any]:  # noqa: N802  # the name in pymodbus
            skipped = self._echo.length(data)
            if skipped is None:
                return 0, None
            used, answer = super().handleFrame(data[skipped:], exp_devid, exp_tid)
            if not used:
                return 0, answer
            self._echo.passed()
            return skipped + used, answer

    return Framer


@cache
def _unread_answers() -> type[Any]:
    """A pymodbus decoder that leaves answers as they came.

    Its own would pass on lists that are too short, break the connection with a traceback on a function it
    does not know, and unpack register by register.
    """
    from pymodbus.pdu import DecodePDU, ModbusPDU

    class Answer(ModbusPDU):
        def __init__(self, said: bytes) -> None:
            super().__init__()
            self.said = said

    class Unread(DecodePDU):
        def decode(self, frame: bytes) -> Answer:
            return Answer(frame)

    return Unread
