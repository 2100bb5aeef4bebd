"""Serial frames, on a real pseudo-terminal and through a transparent converter, with devices as they are."""

from __future__ import annotations

import asyncio
import struct
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.meter.rtu_servers import Opened, Talk, Write, converter, frame, serial, words_frame
from tests.meter.servers import now
from tests.meter.test_modbus import TWO_VALUES, no_wait, take
from tradelane.meter import profile
from tradelane.meter.modbus import Health, ModbusMeter, ModbusSource, read_at
from tradelane.meter.modbus_line import ModbusLine
from tradelane.meter.modbus_url import SerialAddress
from tradelane.meter.reading import BadAnswer, IllegalAddress, LinkDown, MeterError, Reading, Unreachable

QUICK_S = 0.1
BOTH = pytest.mark.parametrize("opened", [serial, converter])
"""The serial port itself, and TCP with serial frames."""
Became = list[int] | type[MeterError]


def own(unit: int, address: int, count: int) -> list[int]:
    return [100 * unit + address] * count


async def well(unit: int, function: int, address: int, count: int, write: Write) -> None:
    write(words_frame(unit, function, own(unit, address, count)))


def asked(opened: Opened, talk: Talk, *questions: tuple[int, int, int]) -> list[Became]:
    """What became of reading (unit, address, count), one after the other on one line."""

    async def main() -> list[Became]:
        became: list[Became] = []
        async with opened(talk) as address:
            line = ModbusLine(address, QUICK_S)
            for unit, start, count in questions:
                try:
                    became.append(await line.read(unit, 3, start, count))
                except MeterError as error:
                    became.append(type(error))
            await line.close()
        return became

    return asyncio.run(main())


@BOTH
def test_units_on_one_line_answer_for_themselves(opened: Opened) -> None:
    assert asked(opened, well, (1, 7, 2), (2, 7, 2), (1, 500, 125)) == [
        own(1, 7, 2),
        own(2, 7, 2),
        own(1, 500, 125),
    ]


@BOTH
def test_a_profile_is_read_from_a_serial_line(opened: Opened) -> None:
    async def main() -> list[Reading]:
        async with opened(well) as address:
            return await read_at(address, 1, TWO_VALUES, now)

    (reading,) = asyncio.run(main())
    assert reading.values == {"power_w": 110, "import_wh": 110 << 16 | 110}


@BOTH
@pytest.mark.parametrize("next_unit", [1, 2])
def test_an_answer_later_than_the_next_question_is_never_read_as_its_answer(
    opened: Opened, next_unit: int
) -> None:
    """Nothing on serial frames says which question an answer is to: this one fits in unit and length."""
    owed: list[bytes] = []

    async def late_once(unit: int, function: int, address: int, count: int, write: Write) -> None:
        if address == 100:
            owed.append(words_frame(unit, function, own(unit, address, count)))
            return
        while owed:
            write(owed.pop())
        await well(unit, function, address, count, write)

    first, *rest = asked(opened, late_once, (1, 100, 2), *[(next_unit, 200, 2)] * 3)
    assert first is Unreachable
    assert rest[-1] == own(next_unit, 200, 2)
    assert all(became == rest[-1] for became in rest if isinstance(became, list))


@BOTH
def test_an_answer_that_comes_while_nobody_waits_is_drained(opened: Opened) -> None:
    async def a_little_late(unit: int, function: int, address: int, count: int, write: Write) -> None:
        if address == 100:
            await asyncio.sleep(1.2 * QUICK_S)
        await well(unit, function, address, count, write)

    became = asked(opened, a_little_late, (1, 100, 2), (1, 200, 2), (1, 300, 2))
    assert became == [Unreachable, own(1, 200, 2), own(1, 300, 2)]


@BOTH
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (frame(2, bytes([3, 4, 0, 1, 0, 1])), Unreachable),
        (frame(1, bytes([3, 4, 0, 1, 0, 1]))[:-1] + b"\0", Unreachable),
        (frame(1, bytes([4, 4, 0, 1, 0, 1])), BadAnswer),
        (frame(1, bytes([3, 2, 0, 1])), BadAnswer),
        (frame(1, bytes([3, 6, 0, 1, 0, 1, 0, 1])), BadAnswer),
        (frame(1, bytes([0x83, 2])), IllegalAddress),
        (b"", Unreachable),
    ],
    ids=["other-unit", "checksum", "function", "short", "long", "refused", "silence"],
)
def test_an_answer_that_is_not_the_one_asked_for_is_refused_and_the_next_is_right(
    opened: Opened, body: bytes, error: type[MeterError]
) -> None:
    async def wrong_once(unit: int, function: int, address: int, count: int, write: Write) -> None:
        if address == 0:
            write(body)
        else:
            await well(unit, function, address, count, write)

    assert asked(opened, wrong_once, (1, 0, 2), (1, 9, 2)) == [error, own(1, 9, 2)]


@BOTH
def test_a_line_that_never_falls_silent_is_down_until_it_does(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradelane.meter.modbus_line.MOST_DRAINING", 3)
    quiet = asyncio.Event()

    async def babble(unit: int, function: int, address: int, count: int, write: Write) -> None:
        if address == 200:
            await well(unit, function, address, count, write)
        while not quiet.is_set():
            write(b"\xff")
            await asyncio.sleep(0.01)

    async def main() -> list[int]:
        async with opened(babble) as address:
            line = ModbusLine(address, QUICK_S)
            with pytest.raises(Unreachable):
                await line.read(1, 3, 100, 2)
            with pytest.raises(LinkDown, match="does not fall silent"):
                await line.read(1, 3, 100, 2)
            quiet.set()
            words = await line.read(1, 3, 200, 2)
            await line.close()
            return words

    assert asyncio.run(main()) == own(1, 200, 2)


@BOTH
def test_a_gap_that_garbles_the_next_answer_is_never_asked_for(opened: Opened) -> None:
    """Some firmware answers a question over unused registers well, and the next one with what it has left."""
    garbled = False

    async def fragile(unit: int, function: int, address: int, count: int, write: Write) -> None:
        nonlocal garbled
        words = [9999] * count if garbled else own(unit, 0, count)
        garbled = address <= 11 < address + count
        write(words_frame(unit, function, words))

    closed = profile.parse(
        'name = "a"\nvendor = "a"\nmodel = "a"\nrole = "grid"\n'
        '[[register]]\nvalue = "power_w"\naddress = 10\ntype = "int16"\n'
        '[[register]]\nvalue = "current_l1_a"\naddress = 12\ntype = "int16"\n',
        "a.toml",
    )

    async def main(known: profile.Profile) -> list[list[Reading]]:
        async with opened(fragile) as address:
            return [await read_at(address, 1, known, now) for _ in range(2)]

    assert {reading.values["power_w"] for (reading,) in asyncio.run(main(closed))} == {100}
    assert {reading.values["power_w"] for (reading,) in asyncio.run(main(TWO_VALUES))} == {100, 9999}


def test_a_serial_port_that_was_pulled_out_is_read_again_when_it_is_back(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"

    async def main() -> list[list[Reading]]:
        source = ModbusSource(
            ModbusLine(SerialAddress(str(port)), QUICK_S),
            [ModbusMeter("m", 1, TWO_VALUES)],
            period_s=0.01,
            now=now,
            sleep=no_wait,
            seed=1,
        )
        found = []
        async with aclosing(source.readings()) as stream:
            for expected in (Health.READING, Health.FAILED, Health.READING):
                if expected is Health.FAILED:
                    found.append(await take(stream, 1))
                else:
                    async with serial(well) as address:
                        port.unlink(missing_ok=True)
                        port.symlink_to(str(address))
                        found.append(await take(stream, 1))
                assert source.health == {"m": expected}
        return found

    before, gone, back = asyncio.run(main())
    assert before[0].values == back[0].values
    assert set(gone[0].values.values()) == {None}


def test_a_port_that_is_not_there_or_is_none_is_down_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    whys = {
        "/dev/no-such-port": "plugged in",
        "/dev/null": "no serial port",
        str(tmp_path / "file"): "no serial",
    }
    for path, why in whys.items():
        with pytest.raises(LinkDown, match=why):
            asyncio.run(read_at(SerialAddress(path), 1, TWO_VALUES, now))


@BOTH
@pytest.mark.parametrize("pieces", [1, 3, 20])
def test_an_adapter_that_echoes_the_question_is_read_past_its_echo(opened: Opened, pieces: int) -> None:
    """The echo in one piece with the answer, or in several; the base of SunSpec, whose echo looks long."""

    async def echoing(unit: int, function: int, address: int, count: int, write: Write) -> None:
        whole = frame(unit, struct.pack(">BHH", function, address, count))
        whole += words_frame(unit, function, own(unit, address, count))
        size = -(-len(whole) // pieces)
        for start in range(0, len(whole), size):
            write(whole[start : start + size])
            await asyncio.sleep(0.001)

    questions = [(1, 7, 2), (2, 40_000, 2), (1, 500, 125), (3, 256, 2)]
    assert asked(opened, echoing, *questions) == [own(*question) for question in questions]


@BOTH
def test_who_hears_only_the_own_echo_is_told_so(opened: Opened) -> None:
    async def alone(unit: int, function: int, address: int, count: int, write: Write) -> None:
        write(frame(unit, struct.pack(">BHH", function, address, count)))

    async def main() -> None:
        async with opened(alone) as address:
            line = ModbusLine(address, QUICK_S)
            with pytest.raises(Unreachable, match="nothing but our own echo for register 7"):
                await line.read(1, 3, 7, 2)
            await line.close()

    asyncio.run(main())


@BOTH
@pytest.mark.parametrize("count", [2, 3])
def test_a_refusal_later_than_the_next_question_is_not_its_answer(opened: Opened, count: int) -> None:
    """A refusal has no length to know it by: the register would be a hole for good."""
    owed: list[bytes] = []

    async def late_once(unit: int, function: int, address: int, count: int, write: Write) -> None:
        if address == 100:
            owed.append(frame(unit, bytes([function | 0x80, 2])))
            return
        while owed:
            write(owed.pop())
        await well(unit, function, address, count, write)

    assert asked(opened, late_once, (1, 100, 2), (1, 200, count)) == [Unreachable, own(1, 200, count)]


@BOTH
def test_a_refusal_that_is_repeated_is_believed(opened: Opened) -> None:
    async def refuses(unit: int, function: int, address: int, count: int, write: Write) -> None:
        if address == 200:
            write(frame(unit, bytes([function | 0x80, 2])))
        elif address != 100:
            await well(unit, function, address, count, write)

    became = asked(opened, refuses, (1, 100, 2), (1, 200, 3), (1, 300, 3))
    assert became == [Unreachable, IllegalAddress, own(1, 300, 3)]


@BOTH
def test_on_a_line_that_echoes_nothing_before_the_echo_is_an_answer(opened: Opened) -> None:
    """Another question's late answer, then our echo, then ours: of the same length, and believed at once."""
    late = words_frame(2, 3, [9999] * 2)

    async def echoing(unit: int, function: int, address: int, count: int, write: Write) -> None:
        before = late if address == 200 else b""
        write(before + frame(unit, struct.pack(">BHH", function, address, count)))
        await well(unit, function, address, count, write)

    assert asked(opened, echoing, (2, 100, 2), (2, 200, 2)) == [own(2, 100, 2), own(2, 200, 2)]
