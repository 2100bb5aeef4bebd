"""Sparkplug B: payloads against a twin that writes the wire format, births, aliases and deaths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.mqtt_messages import block, metric, sparkplug, varint
from tests.meter.servers import NOW
from tradelane.meter import dialect
from tradelane.meter.inbox import Message
from tradelane.meter.reading import BadAnswer, Quality, Reading
from tradelane.meter.router import MqttMeter, Router
from tradelane.meter.sparkplug import Births, decode, signed

WHOLE = st.integers(0, 2**64 - 1)
METRICS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=20),
        st.none() | WHOLE | st.floats(allow_nan=False, width=64),
        st.none() | WHOLE,
        st.none() | st.integers(0, 34),
    ),
    max_size=8,
)


@given(METRICS, WHOLE)
def test_what_the_twin_writes_is_read(metrics: list[tuple[str, float, int, int]], time: int) -> None:
    wire = sparkplug(*(metric(n, v, alias=a, datatype=d) for n, v, a, d in metrics), time=time)
    payload = decode(wire)
    assert payload.timestamp == time
    assert [(m.name or None, m.value, m.alias, m.datatype) for m in payload.metrics] == [
        (n or None, v, a, d) for n, v, a, d in metrics
    ]


@given(st.binary(max_size=60))
def test_any_bytes_are_a_payload_or_refused(data: bytes) -> None:
    try:
        Births().hear("spBv1.0/g/DDATA/n/d", data)
    except BadAnswer as error:
        assert str(error).startswith("spBv1.0/g/DDATA/n/d: ")


@given(st.integers(1, 4), st.integers(-(2**63), 2**63 - 1))
def test_signed_integers_come_back(datatype: int, value: int) -> None:
    width = 8 << (datatype - 1)
    held = (value + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)
    assert signed(held % 2 ** max(32, width), datatype) == held
    assert signed(value, 8) == value and signed(1.5, datatype) == 1.5


def test_a_float_of_four_bytes_and_fields_that_are_not_needed() -> None:
    single = block(1, b"power_w") + varint(12 << 3 | 5) + b"\x00\x00\xc0\x3f"
    extra = block(9, b"properties") + varint(3 << 3) + varint(5)
    assert [m.value for m in decode(block(2, single + extra)).metrics] == [1.5]
    with pytest.raises(ValueError, match="wire type 3"):
        decode(varint(5 << 3 | 3))


def hear(router: Router, topic: str, payload: bytes) -> list[Reading]:
    return router.hear(Message(f"spBv1.0/plant/{topic}", payload, False, NOW))


def test_short_messages_are_understood_after_a_birth() -> None:
    router = Router([MqttMeter("spBv1.0/plant/#", dialect.load("sparkplug"))])
    short = sparkplug(metric(None, 2**32 - 70, alias=7))
    assert hear(router, "DDATA/edge/roof", short) == [] and router.malformed == 1
    assert "no birth" in str(router.faults[0][1])
    hear(router, "NBIRTH/edge", sparkplug(metric("bdSeq", 0)))
    born = sparkplug(metric("grid/power_w", 5, alias=7, datatype=3), metric("import_wh", 9, alias=8))
    (reading,) = hear(router, "DBIRTH/edge/roof", born)
    assert (reading.meter, reading.device_time) == ("roof", 1_750_000_000_000)
    assert {k: v for k, v in reading.values.items() if v is not None} == {"power_w": 5, "import_wh": 9}
    (reading,) = hear(router, "DDATA/edge/roof", short)
    assert reading.values["power_w"] == -70, "Int32 travels unsigned"
    hear(router, "DBIRTH/edge/barn", sparkplug(metric("import_wh", 1)))
    (gone,) = hear(router, "DDEATH/edge/barn", b"")
    assert (gone.meter, gone.quality) == ("barn", Quality.STALE)
    (gone,) = hear(router, "NDEATH/edge", sparkplug(metric("bdSeq", 0)))
    assert gone.meter == "roof"
    assert hear(router, "NDEATH/other", b"") == []


def test_other_names_are_mapped_and_history_is_not_news() -> None:
    mapped = dialect.Mapped("spBv1.0/plant/DDATA/edge/roof", "Meter/P total.kW", "power_w", unit="kW")
    router = Router([MqttMeter(mapped.topic, dialect.of_mapping([mapped]), "hall")])
    (reading,) = hear(router, "DDATA/edge/roof", sparkplug(metric("Meter/P total.kW", 1.5)))
    assert reading.values == {"power_w": 1500}
    late = block(1, b"Meter/P total.kW") + varint(5 << 3) + b"\x01" + varint(10 << 3) + varint(9)
    assert hear(router, "DDATA/edge/roof", block(2, late)) == []
