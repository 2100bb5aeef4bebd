"""Where meters are looked for: only what was named, bounded, and at a measured pace."""

from __future__ import annotations

import asyncio

import pytest

from tests.meter.serial_line import serial_meter
from tests.meter.servers import bare, device, now, served, sunspec
from tradelane.meter.modbus_scan import Search, search
from tradelane.meter.modbus_url import SerialAddress, TcpAddress
from tradelane.meter.scan import Pace, hosts_in, targets, units_in

HOST = "127.0.0.1"
WANTED = Search((1, 3), now, None, 0.5, 0.3)


def test_a_network_is_its_hosts_and_none_wider_than_24_bits() -> None:
    assert len(hosts_in("192.168.1.0/24")) == 254 and hosts_in("10.0.0.7/32") == ("10.0.0.7",)
    for wide in ("192.168.0.0/16", "192.168.0.0/23", "fd00::/64", "0.0.0.0/0"):
        with pytest.raises(ValueError, match="too wide"):
            hosts_in(wide)
    with pytest.raises(ValueError, match="is not a network"):
        hosts_in("cellar")


def test_no_more_is_asked_than_was_named() -> None:
    assert targets(["a", "b", "a"], [502, 502]) == (TcpAddress("a", 502), TcpAddress("b", 502))
    with pytest.raises(ValueError, match="257 hosts"):
        targets(map(str, range(257)), [502])
    with pytest.raises(ValueError, match="9 ports"):
        targets(["a"], range(1, 10))


def test_units_are_numbers_and_ranges() -> None:
    assert units_in("3, 1,5-7,6") == (3, 1, 5, 6, 7)
    for wrong in ("0", "248", "7-5", "x", "", "1,"):
        with pytest.raises(ValueError, match="is not a unit"):
            units_in(wrong)


def test_steps_keep_their_pace_and_a_pause_earns_no_burst() -> None:
    pace = Pace(4)
    assert [pace.wait_s(10.0) for _ in range(3)] == [0, 0.25, 0.5]
    assert [pace.wait_s(99.0) for _ in range(2)] == [0, 0.25]


def test_a_sunspec_device_under_every_unit_is_found_once() -> None:
    words = {40000: sunspec("Acme", (203, [1] * 105))}

    async def main() -> None:
        async with served(device(1, words), device(3, words)) as port:
            (found,) = await search([TcpAddress(HOST, port), TcpAddress(HOST, 1)], WANTED)
        assert (found.model, found.unit, found.also) == ("Acme Model", 1, (3,))
        assert found.readings and found.profile is None

    asyncio.run(main())


def test_a_model_is_told_by_the_clues_of_its_profile() -> None:
    async def main() -> None:
        async with served(device(3, {0: [0] * 11 + [1648] + [0] * 90})) as port:
            (found,) = await search([TcpAddress(HOST, port)], Search((3,), now))
        assert (found.profile, found.unit) == ("cg-em24-e1", 3)
        assert found.readings

    asyncio.run(main())


def test_nothing_but_reading_is_asked_of_a_device() -> None:
    functions: set[int] = set()

    async def answer(unit: int, function: int, address: int, count: int) -> bytes:
        functions.add(function)
        return bytes([function | 0x80, 2])

    async def main() -> None:
        async with bare(answer) as port:
            first, second = await search([TcpAddress(HOST, port)], WANTED)
        assert "try --profile" in first.trouble and not second.readings
        assert functions <= {3, 4}

    asyncio.run(main())


def test_a_meter_on_a_serial_line_is_found_at_its_unit() -> None:
    async def main() -> None:
        heard: list[bytes] = []
        with serial_meter(3, dict.fromkeys(range(400), 0), heard) as port:
            wanted = Search((1, 2, 3, 4), now, "eastron-sdm630", 0.5, 0.05)
            (found,) = await search([SerialAddress(port, 115200)], wanted)
        assert (found.unit, found.profile) == (3, "eastron-sdm630")
        assert found.readings and {request[1] for request in heard} <= {3, 4}

    asyncio.run(main())
