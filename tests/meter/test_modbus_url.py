"""URLs of Modbus lines."""

from __future__ import annotations

import pytest

from tradelane.meter.modbus_answer import Refused, registers
from tradelane.meter.modbus_url import SerialAddress, TcpAddress, address
from tradelane.meter.reading import Unreachable


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("tcp://192.0.2.1", TcpAddress("192.0.2.1", 502)),
        ("tcp://inverter.example:1502/", TcpAddress("inverter.example", 1502)),
        ("tcp://[2001:db8::1]:1502", TcpAddress("2001:db8::1", 1502)),
        ("rtu+tcp://192.0.2.1", TcpAddress("192.0.2.1", 8899, rtu=True)),
        ("rtu+tcp://192.0.2.1:4196", TcpAddress("192.0.2.1", 4196, rtu=True)),
        ("serial:///dev/ttyUSB0", SerialAddress("/dev/ttyUSB0", 9600, "N", 1)),
        ("serial:///dev/ttyS1?baud=19200&parity=e&stopbits=2", SerialAddress("/dev/ttyS1", 19200, "E", 2)),
    ],
)
def test_a_url_says_where_and_how(url: str, meant: TcpAddress | SerialAddress) -> None:
    assert address(url) == meant


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "does not start with"),
        ("udp://h", "does not start with"),
        ("192.0.2.1:502", "does not start with"),
        ("tcp://", "no host"),
        ("tcp://:502", "no host"),
        ("tcp://h:0", "no port from 1"),
        ("tcp://h:65536", "no port from 1"),
        ("tcp://h:x", "no port from 1"),
        ("tcp://h/path", "more than a host"),
        ("tcp://h?baud=9600", "more than a host"),
        ("tcp://me@h", "more than a host"),
        ("tcp://[::1", "not a URL"),
        ("serial://ttyUSB0", "three strokes"),
        ("serial:ttyUSB0", "three strokes"),
        ("serial:///", "three strokes"),
        ("serial:///dev/ttyS0?baud=9601", "baud '9601' is not one of 300, "),
        ("serial:///dev/ttyS0?baud=", "baud '' is not one of"),
        ("serial:///dev/ttyS0?parity=M", "parity 'M' is not N, E or O"),
        ("serial:///dev/ttyS0?stopbits=3", "stopbits '3' is not 1 or 2"),
        ("serial:///dev/ttyS0?speed=9600", "'speed' in "),
        ("serial:///dev/ttyS0?baud=9600&baud=300", "the same thing twice"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        address(url)


def test_frames_on_a_slow_line_take_their_time() -> None:
    """Characters have 11 bits; frames end with 3.5 characters of silence, never less than 1.75 ms."""
    slow, quick = SerialAddress("/dev/ttyS0", 1200), SerialAddress("/dev/ttyS0", 115200)
    assert slow.silence_s == pytest.approx(0.0321, abs=1e-4)
    assert quick.silence_s == 0.00175
    assert slow.transfer_s(125) == pytest.approx((8 + 5 + 250) * 11 / 1200)
    assert TcpAddress("h").transfer_s(125) == TcpAddress("h", rtu=True).silence_s == 0


def test_a_gateway_whose_unit_is_silent_says_so() -> None:
    with pytest.raises(Refused) as refused:
        registers(bytes([0x83, 11]), 3, 2)
    assert isinstance(refused.value.error, Unreachable)


def test_registers_come_as_they_were_sent() -> None:
    assert registers(bytes([4, 4, 0x12, 0x34, 0xFF, 0xFE]), 4, 2) == [0x1234, 0xFFFE]
