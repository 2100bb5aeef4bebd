"""Smart meters that speak by themselves, on a real pseudo-terminal and behind a real TCP converter."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import pytest

from tests.meter import push_frames as frames
from tests.meter.servers import HOST, capture, now
from tests.meter.test_push_frames import MADE, p1_telegram, powers
from tests.shared import free_port
from tradelane.meter.modbus_url import SerialAddress, TcpAddress
from tradelane.meter.push_port import open_port
from tradelane.meter.push_url import PushAddress, push_address
from tradelane.meter.reading import BadAnswer, LinkDown, MeterError, Quality, Reading, Unreachable
from tradelane.meter.serial_push import PushMeter, PushSource, hear_once

Speaking = Callable[[str, bytes], AbstractAsyncContextManager[PushAddress]]
"""A meter that says these bytes, again and again, to whoever listens."""
PIECE = 200


def pieces(said: bytes) -> list[bytes]:
    return [said[at : at + PIECE] for at in range(0, len(said), PIECE)]


@asynccontextmanager
async def on_a_port(protocol: str, said: bytes) -> AsyncIterator[PushAddress]:
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    waiting: list[bytes] = []

    def speak() -> None:
        waiting.extend([] if waiting else pieces(said))
        waiting[0] = waiting[0][os.write(ours, waiting[0]) :]
        if not waiting[0]:
            del waiting[0]

    loop = asyncio.get_running_loop()
    loop.add_writer(ours, speak)
    try:
        yield push_address(f"{protocol}://{os.ttyname(theirs)}")
    finally:
        loop.remove_writer(ours)
        os.close(ours)
        os.close(theirs)


@asynccontextmanager
async def behind_a_converter(protocol: str, said: bytes) -> AsyncIterator[PushAddress]:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                for piece in pieces(said):
                    writer.write(piece)
                    await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(speak, HOST, 0)
    try:
        yield push_address(f"{protocol}+tcp://{HOST}:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()


BOTH = pytest.mark.parametrize("speaking", [on_a_port, behind_a_converter])
RECORDED = [
    ("sml", "sml_easymeter_q3a_a1064v1009"),
    ("sml", "sml_emh_ed300l_delivery"),
    ("sml", "sml_iskra_mt175_ehz"),
    ("p1", "dsmr_v4_2"),
    ("p1", "dsmr_v5"),
    ("han", "han_kamstrup_se_list_real_sample"),
]


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


def source(at: PushAddress, *meters: PushMeter, told: list[str], silence_s: float = 60.0) -> PushSource:
    def failed(_: str, error: MeterError) -> None:
        told.append(str(error))

    return PushSource(at, meters, now=now, sleep=no_wait, seed=1, failed=failed, silence_s=silence_s)


async def heard(of: PushSource, count: int) -> list[Reading]:
    async with asyncio.timeout(30), aclosing(of.readings()) as readings:
        return [await anext(readings) for _ in range(count)]


def bytes_of(protocol: str, name: str) -> bytes:
    body = capture(name)
    if protocol == "p1":
        return str(body["telegram"]).encode()
    raw = bytes.fromhex(body["hex"])
    return frames.hdlc_frame(raw) if protocol == "han" else raw


@BOTH
@pytest.mark.parametrize(("protocol", "name"), RECORDED)
def test_a_recorded_meter_is_read_over_the_line(speaking: Speaking, protocol: str, name: str) -> None:
    said = bytes_of(protocol, name)

    async def main() -> list[Reading]:
        async with speaking(protocol, said) as at:
            return await heard(source(at, PushMeter("cellar"), told=[]), 2)

    first = asyncio.run(main())[0]
    assert (first.meter, first.profile, first.quality) == ("cellar", protocol, Quality.GOOD)
    assert first.values["power_w"] == powers(protocol, said)[0]


@BOTH
@pytest.mark.parametrize("protocol", MADE)
def test_one_look_names_the_meter_as_its_frame_does(speaking: Speaking, protocol: str) -> None:
    async def main() -> list[Reading]:
        async with speaking(protocol, MADE[protocol](42)) as at:
            return await hear_once(at, 30, now)

    (reading,) = asyncio.run(main())
    ids = {"sml": "0a01454d480001234567", "p1": "AB", "han": "7359992890941742"}
    assert (reading.meter, reading.values["power_w"]) == (ids[protocol], 42)


def telegram_of(device: str, power: int) -> bytes:
    return frames.p1_telegram(f"0-0:96.1.1({device.encode().hex()})", f"1-0:1.7.0({power}*W)")


@BOTH
def test_several_meters_on_a_line_are_told_apart_by_their_ids(speaking: Speaking) -> None:
    told: list[str] = []

    async def main() -> list[Reading]:
        async with speaking("p1", telegram_of("A1", 1) + telegram_of("B2", 2) + telegram_of("C3", 3)) as at:
            return await heard(source(at, PushMeter("a", "A1"), PushMeter("b", "B2"), told=told), 6)

    readings = asyncio.run(main())
    assert {(one.meter, one.values["power_w"]) for one in readings} == {("a", 1), ("b", 2)}
    assert [one for one in told if "nobody named device 'C3'" in one] == told[:1]


def test_a_meter_without_an_id_is_one_device_only() -> None:
    async def main() -> list[Reading]:
        async with behind_a_converter("p1", telegram_of("A1", 1) + telegram_of("B2", 2)) as at:
            return await heard(source(at, PushMeter("a"), told=[]), 4)

    assert [one.values["power_w"] for one in asyncio.run(main())] == [1] * 4


def test_a_line_that_ends_is_told_once_and_opened_again() -> None:
    told: list[str] = []

    async def main() -> list[Reading]:
        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(p1_telegram(7) + p1_telegram(8)[:-20])
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(speak, HOST, 0)
        at = push_address(f"p1+tcp://{HOST}:{server.sockets[0].getsockname()[1]}")
        found = await heard(source(at, PushMeter("m"), told=told), 4)
        server.close()
        return found

    readings = asyncio.run(main())
    assert [one.quality for one in readings] == [Quality.GOOD, Quality.STALE] * 2
    assert readings[1].values == {"power_w": None}
    assert all("the line was lost" in one for one in told) and told


def test_a_silent_line_makes_its_meter_s_values_unknown() -> None:
    told: list[str] = []

    async def main() -> list[Reading]:
        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(p1_telegram(7))
            await writer.drain()

        server = await asyncio.start_server(speak, HOST, 0)
        at = push_address(f"p1+tcp://{HOST}:{server.sockets[0].getsockname()[1]}")
        found = await heard(source(at, PushMeter("m"), told=told, silence_s=0.5), 2)
        server.close()
        return found

    assert [one.quality for one in asyncio.run(main())] == [Quality.GOOD, Quality.STALE]
    assert "no whole frame came in time" in told[0]


def test_refused_frames_are_told() -> None:
    told: list[str] = []

    async def main() -> list[Reading]:
        spoilt = p1_telegram(7).replace(b"00.007", b"00.009")
        async with behind_a_converter("p1", spoilt * 3 + p1_telegram(7)) as at:
            return await heard(source(at, PushMeter("m"), told=told), 3)

    assert [one.values["power_w"] for one in asyncio.run(main())] == [7] * 3
    assert "frames refused so far, the last: checksum wrong" in told[0]


def test_one_look_says_why_there_is_no_reading() -> None:
    async def look(said: bytes) -> None:
        async with on_a_port("p1", said) as at:
            await hear_once(at, 0.5, now)

    with pytest.raises(BadAnswer, match="checksum wrong"):
        asyncio.run(look(p1_telegram(7).replace(b"00.007", b"00.009")))
    with pytest.raises(Unreachable, match="no whole frame"):
        asyncio.run(look(b"."))


@pytest.mark.parametrize("url", [f"sml+tcp://{HOST}:PORT", "sml:///dev/no-such-port"])
def test_a_line_that_cannot_be_opened_is_down(url: str) -> None:
    with pytest.raises(LinkDown):
        asyncio.run(open_port(push_address(url.replace("PORT", str(free_port()))), 5))


def test_an_address_says_what_is_spoken_and_where() -> None:
    assert push_address("sml:///dev/ttyUSB0") == PushAddress("sml", SerialAddress("/dev/ttyUSB0", 9600))
    assert push_address("p1:///dev/ttyUSB0").line == SerialAddress("/dev/ttyUSB0", 115_200)
    old = PushAddress("p1", SerialAddress("/dev/ttyUSB0", 9600, "E"), 7)
    assert push_address("p1:///dev/ttyUSB0?baud=9600&bits=7&parity=E") == old
    assert push_address("han:///dev/ttyUSB0?parity=E").line == SerialAddress("/dev/ttyUSB0", 2400, "E")
    assert push_address("han+tcp://h:23") == PushAddress("han", TcpAddress("h", 23))
    assert [str(push_address(url)) for url in ("sml:///dev/x", "p1+tcp://h:9")] == [
        "sml:///dev/x",
        "p1+tcp://h:9",
    ]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("d0:///dev/x", "is not sml:///dev/… or sml"),
        ("p1+udp://h:1", "is not sml"),
        ("p1+tcp://h", "has no port"),
        ("p1://dev/x", "has no device"),
        ("p1:///dev/x?baud=1", "baud '1'"),
        ("p1:///dev/x?bits=9", "bits '9'"),
        ("p1:///dev/x?bits=7&bits=7", "bits"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        push_address(url)
