"""Where a configuration says a Modbus meter is: by host and port, or by the URL of its line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tradelane.gateway.clock import Clock
from tradelane.gateway.cross_checks import cross_checks
from tradelane.gateway.sections import ClockSection, EdgeSection
from tradelane.gateway.sources import address_of, dark_at, sources
from tradelane.meter.modbus_url import SerialAddress, TcpAddress

NOON, MIDNIGHT = 1_782_036_000_000, 1_782_079_200_000
"""10:00 and 22:00 UTC on 21 June 2026."""
MILAN = {"lat": 45.46, "lon": 9.19}


def section(*meters: dict[str, Any]) -> EdgeSection:
    tables = [{"name": f"m{i}", "transport": "modbus"} | meter for i, meter in enumerate(meters)]
    return EdgeSection.model_validate({"meters": tables})


def faults(edge: EdgeSection) -> list[str]:
    class Sections:
        clock, zone, hub = ClockSection(), None, None

    Sections.edge = edge  # type: ignore[attr-defined]  # a class attribute, as the others
    return [reason for at, reason in cross_checks(Sections()) if "meters" in at]  # type: ignore[arg-type]  # has edge


def test_a_meter_is_where_its_host_or_its_url_says() -> None:
    edge = section(
        {"host": "192.0.2.1", "port": 1502},
        {"url": "tcp://192.0.2.1:1502"},
        {"url": "rtu+tcp://192.0.2.1"},
        {"url": "serial:///dev/ttyUSB0?baud=19200&parity=E"},
    )
    assert [address_of(meter) for meter in edge.meters] == [
        TcpAddress("192.0.2.1", 1502),
        TcpAddress("192.0.2.1", 1502),
        TcpAddress("192.0.2.1", 8899, rtu=True),
        SerialAddress("/dev/ttyUSB0", 19200, "E"),
    ]
    assert len(list(sources(edge, Clock()))) == 3


def test_a_wrong_url_is_told_with_its_key() -> None:
    with pytest.raises(ValidationError, match=r"meters\.0\.url\n.*baud '9601'"):
        section({"url": "serial:///dev/ttyUSB0?baud=9601"})


@pytest.mark.parametrize(
    ("meter", "told"),
    [
        ({}, ["missing: a Modbus meter has a host or a url"]),
        ({"host": "h", "url": "tcp://h"}, ["a meter has a host or a url, not both"]),
        ({"host": "h"}, []),
        ({"url": "tcp://h"}, []),
    ],
)
def test_a_meter_has_one_place(meter: dict[str, Any], told: list[str]) -> None:
    assert faults(section(meter)) == told


def test_it_is_dark_where_the_meter_is_and_never_where_nobody_knows() -> None:
    here, nowhere = section({"host": "h", **MILAN}, {"host": "h"}).meters
    assert [dark_at(here)(instant) for instant in (NOON, MIDNIGHT)] == [False, True]
    assert [dark_at(nowhere)(instant) for instant in (NOON, MIDNIGHT)] == [False, False]
