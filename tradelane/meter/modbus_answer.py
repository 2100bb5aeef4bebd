"""A Modbus answer, checked at the door: function code, byte count, length, or what the device refuses.

From the Modbus application protocol 1.1b3, sections 6.3, 6.4 and 7.
"""

from __future__ import annotations

import struct

from tradelane.meter.reading import BadAnswer, IllegalAddress, MeterError, Unreachable

ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 2, 3, 4
GATEWAY_NO_PATH, GATEWAY_NO_ANSWER = 10, 11
_EXCEPTION = 0x80


class Refused(Exception):
    """The device answered in good order that it will not: ``error`` says what that means."""

    def __init__(self, error: MeterError) -> None:
        super().__init__(str(error))
        self.error = error


def registers(answer: bytes, function: int, count: int) -> list[int]:
    """The ``count`` registers that were asked for. BadAnswer when it is another answer, or none; Refused."""
    if len(answer) == 2 and answer[0] == function | _EXCEPTION:
        raise Refused(_meaning(answer[1]))
    if answer[0] != function:
        raise BadAnswer(f"answered with function {answer[0]}, not {function}")
    if len(answer) < 2 or answer[1] != 2 * count or len(answer) != 2 + 2 * count:
        raise BadAnswer(f"answered with {len(answer) - 2} bytes, not {2 * count}")
    return list(struct.unpack_from(f">{count}H", answer, 2))


def _meaning(exception: int) -> MeterError:
    """Some devices say 3 or 4 where 2 is meant: that a register is not theirs, or that it is too many."""
    if exception in (ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE):
        return IllegalAddress(f"refused (exception {exception})")
    if exception in (GATEWAY_NO_PATH, GATEWAY_NO_ANSWER):
        return Unreachable(f"the gateway gets no answer from the unit (exception {exception})")
    return BadAnswer(f"refused (exception {exception})")
