"""A configuration's meters as sources: one per connection, one for the broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tradelane.gateway.clock import Clock
from tradelane.gateway.config import load
from tradelane.gateway.sections import EdgeSection
from tradelane.gateway.sources import sources
from tradelane.meter.inbox import Message
from tradelane.meter.modbus import ModbusSource
from tradelane.meter.mqtt import MqttSource
from tradelane.meter.reading import MeterError, Source, UnknownProfile


def made(*meters: dict[str, Any], mqtt: dict[str, Any] | None = None) -> list[Source]:
    section = EdgeSection.model_validate({"meters": meters, "mqtt": mqtt})
    return list(sources(section, Clock()))


def modbus(name: str, host: str = "192.0.2.1", port: int = 502, **more: Any) -> dict[str, Any]:
    return {"name": name, "transport": "modbus", "host": host, "port": port} | more


def test_meters_behind_one_address_share_its_connection() -> None:
    """Many devices take a single client; on a serial line there is one bus."""
    found = made(modbus("a", unit=1), modbus("c", "192.0.2.2"), modbus("b", unit=2), modbus("d", port=503))
    assert len(found) == 3 and all(isinstance(source, ModbusSource) for source in found)


def test_all_topics_come_from_one_broker() -> None:
    topics = [{"name": n, "transport": "mqtt", "topic": f"meters/{n}/state"} for n in ("a", "b", "c")]
    found = made(*topics, modbus("d"), mqtt={"host": "192.0.2.9"})
    assert [type(source) for source in found] == [ModbusSource, MqttSource]


def test_no_meters_no_sources() -> None:
    assert made() == []


def test_one_s_own_profiles_are_found_by_name_in_the_folder_the_configuration_names(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    own = '[[register]]\nvalue = "power_w"\naddress = 1\ntype = "int16"\n'
    (tmp_path / "mine/acme.toml").write_text(
        f'name = "acme"\nvendor = "Acme"\nmodel = "A"\nrole = "grid"\n{own}'
    )
    site = tmp_path / "site.toml"
    meter = '[[edge.meters]]\nname = "a"\ntransport = "modbus"\nhost = "192.0.2.1"\nprofile = "acme"\n'
    site.write_text(f'data_dir = "data"\n[edge]\nzone_url = "http://192.0.2.9"\nprofiles = "mine"\n{meter}')
    edge = load(site).edge
    assert edge is not None
    assert edge.profiles == tmp_path / "mine"
    assert [type(source) for source in sources(edge, Clock())] == [ModbusSource]
    with pytest.raises(UnknownProfile, match="acme"):
        list(sources(edge.model_copy(update={"profiles": None}), Clock()))


def test_a_profile_nobody_knows_is_told_at_the_start() -> None:
    with pytest.raises(UnknownProfile, match="no-such-meter"):
        made(modbus("a", profile="no-such-meter"))
    topic = {"name": "a", "transport": "mqtt", "topic": "t", "dialect": "no-such-dialect"}
    with pytest.raises(UnknownProfile, match="no-such-dialect"):
        made(topic, mqtt={"host": "192.0.2.9"})


def test_meters_of_a_subscription_need_no_topic_and_fields_no_dialect(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("pass\n")
    mqtt = {"host": "192.0.2.9", "user": "ada", "password_file": secret}
    fields = [{"value": "power_w", "topic": "b/now", "unit": "kW"}, {"value": "import_wh", "path": "total"}]
    (found,) = made(
        {"name": "a", "transport": "mqtt"},
        {"name": "b", "transport": "mqtt", "topic": "b/sum", "fields": fields},
        mqtt=mqtt | {"subscriptions": [{"topic": "meters/+/state"}]},
    )
    assert isinstance(found, MqttSource)
    assert found.router.topics() == ["b/now", "b/sum", "meters/+/state"]
    for topic, payload in (
        ("b/now", b"1.5"),
        ("b/sum", b'{"total": 7}'),
        ("meters/a/state", b'{"power_w": 2}'),
    ):
        (reading,) = found.router.hear(Message(topic, payload, False, 0))
        assert (reading.meter, [v for v in reading.values.values() if v is not None]) in (
            *[("b", [1500]), ("b", [7]), ("a", [2])],
        )


@pytest.mark.parametrize("key", ["password_file", "ca_file", "cert_file"])
def test_a_file_of_the_broker_s_that_cannot_be_used_is_told_at_the_start(key: str) -> None:
    mqtt = {"host": "192.0.2.9", "user": "ada", key: "/no/file"}
    with pytest.raises(MeterError, match=r"^/no/file: "):
        made({"name": "a", "transport": "mqtt", "topic": "t"}, mqtt=mqtt)
