from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim import config
from firmware_sim.clock import instant_of
from firmware_sim.street import StreetError, row_of_rooftops
from firmware_sim.sun import Place

ROOFTOP = """
[[rooftop]]
name = "a"
transport = "modbus"
zone = "NL"
latitude = 52.37
longitude = 4.9
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "street.toml"
    path.write_text(text)
    return path


def test_the_example_in_the_documentation_is_a_street(tmp_path: Path) -> None:
    lines = (config.__doc__ or "").splitlines()
    example = "\n".join(line[4:] for line in lines if line.startswith("    "))
    street, clock = config.load(written(tmp_path, example))
    assert clock == {
        "origin": instant_of("2026-06-21T08:00Z"),
        "wall_origin": 1_782_028_800_000,
        "speed": 90,
    }
    assert street.mqtt is not None
    assert (street.mqtt.embedded, street.mqtt.port) == (True, 18830)
    spec = street.specs[0]
    assert (spec.name, spec.transport, spec.port, spec.unit) == ("solar00", "modbus", 15020, 1)
    assert (spec.place, spec.kwp, spec.seed) == (Place("NL", 52.37, 4.9), 6.2, 42)
    assert street.faults[0].meter == "solar00"
    assert street.since == instant_of("2026-06-21T00:00Z")


def test_what_is_left_out_comes_from_the_seed(tmp_path: Path) -> None:
    street, clock = config.load(written(tmp_path, "seed = 7" + ROOFTOP.replace('"a"', '"solar00"')))
    (by_flags,) = row_of_rooftops(7, 1, 0, 0, (Place("NL", 52.37, 4.9),))
    assert street.specs == (by_flags,)
    assert clock == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sed = 1", "sed is not a key; there are clock, faults, mqtt"),
        ("seed = 'one'", "seed must be of type int"),
        ("seed = true", "seed must be of type int"),
        ("seed = ", "Invalid value"),
        ("[clock]\nspeed = -1", "clock.speed must be a number from 0"),
        ("[clock]\norigin = 'today'", "clock.origin: 'today' is no ISO 8601"),
        ("[mqtt]\nevery_s = 1", "give either broker or embedded_port"),
        ("[mqtt]\nbroker = 'localhost'", "'localhost' is not HOST:PORT"),
        (ROOFTOP.replace('"a"', '"a/b"'), "rooftop[0].name: 'a/b' is no name"),
        (ROOFTOP.replace("modbus", "smoke"), "rooftop[0].transport: 'smoke' is neither"),
        (ROOFTOP.replace("52.37", "152.37"), "rooftop[0].latitude must be a number from -90 to 90"),
        (ROOFTOP.replace('zone = "NL"', ""), "rooftop[0].zone is missing"),
        (ROOFTOP + "colour = 'red'", "rooftop[0].colour is not a key"),
        (ROOFTOP + ROOFTOP, "two rooftops are called a"),
        (ROOFTOP + "port = 1502" + ROOFTOP.replace('"a"', '"b"') + "port = 1502", "listen on port 1502"),
        ("faults = ['b:silence@2026-06-21T11:00Z+1m']" + ROOFTOP, "no such rooftop"),
        ("faults = ['a:silence']" + ROOFTOP, "faults[0]: 'a:silence' is not"),
        (
            "faults = ['a:exception2@2026-06-21T11:00Z+1m']" + ROOFTOP.replace("modbus", "mqtt"),
            "a speaks MQTT",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(StreetError) as refusal:
        config.load(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_rooftops_take_places_and_ports_in_turn() -> None:
    places = (Place("NL", 52.0, 5.0), Place("GB", 54.0, -1.0))
    row = row_of_rooftops(1, 3, 15020, 2, places)
    assert [spec.name for spec in row] == ["solar00", "solar01", "solar02", "solar03", "solar04"]
    assert [spec.port for spec in row] == [15020, 15021, 15022, 0, 0]
    assert [spec.place.zone for spec in row] == ["NL", "GB", "NL", "GB", "NL"]
    assert [spec.transport for spec in row] == ["modbus"] * 3 + ["mqtt"] * 2
    assert all(3 <= spec.kwp < 10 for spec in row)
    assert len({spec.seed for spec in row}) == 5
