"""The serial line, asked with frames made by hand; rtu and eastron speak through it."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from firmware_sim import eastron, rtu
from firmware_sim.bus import Bus, answer
from firmware_sim.clock import instant_of
from firmware_sim.faults import Fault, Kind
from firmware_sim.rooftop import Rooftop, Spec
from firmware_sim.street import DEFAULT_PLACES

NOON = instant_of("2026-06-21T12:00Z")
HOUR = 3_600_000
POWER = rtu.Request(1, rtu.INPUT, 52, 2)


def meter(*kinds: Kind) -> Rooftop:
    spec = Spec("m", "rtu", DEFAULT_PLACES[0], 6.0, 42, map="eastron")
    return Rooftop(spec, 1, NOON, tuple(Fault("m", kind, NOON, NOON + HOUR) for kind in kinds))


def test_the_checksum_is_that_of_a_known_frame() -> None:
    assert rtu.crc(bytes.fromhex("010300000001")) == bytes.fromhex("840a")


def test_a_request_is_found_behind_noise_and_half_a_request_is_kept() -> None:
    frame = rtu.frame(1, struct.pack(">BHH", 4, 52, 2))
    pending = bytearray(b"\xff\x00" + frame + frame[:5])
    assert rtu.requests(pending) == [POWER]
    assert pending == frame[:5]


def test_power_and_counters_are_the_true_ones() -> None:
    true = meter().truth(NOON)
    words = eastron.input_registers(meter(), NOON)
    (watts,) = struct.unpack(">f", struct.pack(">2H", *words[52:54]))
    (sent,) = struct.unpack(">f", struct.pack(">2H", *words[74:76]))
    assert watts == pytest.approx((true.load_mw - true.solar_mw) / 1000)
    assert sent * 1000 == pytest.approx(true.counters.wh()["export_wh"], abs=1)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (Kind.EXCEPTION2, b"\x01\x84\x02"),
        (Kind.HOLE, b"\x01\x04\x04"),
        (Kind.WRONG_UNIT, b"\x02\x04\x04"),
        (Kind.SILENCE, b""),
        (Kind.FLAP, b""),
    ],
)
def test_a_fault_shows_in_the_frame(kind: Kind, head: bytes) -> None:
    assert answer(meter(kind), POWER, NOON)[:3] == head


def test_a_hole_refuses_what_touches_it_and_more_than_fifty_registers_are_refused() -> None:
    assert answer(meter(Kind.HOLE), rtu.Request(1, 4, 60, 20), NOON)[1:3] == b"\x84\x02"
    assert answer(meter(), rtu.Request(1, 4, 0, 51), NOON)[1:3] == b"\x84\x02"


def test_port_and_connection_give_the_same_frame_and_the_link_goes(tmp_path: Path) -> None:
    link = tmp_path / "line"
    request, due = rtu.frame(1, struct.pack(">BHH", 4, 52, 2)), answer(meter(), POWER, NOON)

    async def main() -> list[bytes]:
        bus = Bus([meter()], lambda: NOON)
        path = bus.open_port(link)
        port = await bus.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        found = [await reader.readexactly(len(due))]
        writer.close()
        found.append(await asyncio.to_thread(by_port, path))
        await bus.stop()
        return found

    def by_port(path: str) -> bytes:
        with Path(path).open("r+b", buffering=0) as line:
            line.read(len(due))
            line.write(request)
            return line.read(len(due))

    assert asyncio.run(main()) == [due, due]
    assert not link.is_symlink()
