"""Whole ways through a real mosquitto: recordings, wildcards, passwords, TLS, guessing, outages."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client

from tests.meter import mqtt_messages as said
from tests.meter.mqtt_messages import Told
from tests.meter.servers import HOST, now
from tests.meter.test_mqtt import publish, publisher
from tests.shared import free_port, program, running_mosquitto
from tradelane.meter import dialect
from tradelane.meter.mqtt import Broker, MqttMeter, MqttSource
from tradelane.meter.mqtt_look import read_once
from tradelane.meter.reading import BadAnswer, MeterError, Quality, Reading, Unreachable


def look(
    port: int, topic: str, name: str | None = None, told: Told | None = None, patience: float = 20
) -> list[Reading]:
    """One look while a device publishes ``told`` again and again."""

    async def main() -> list[Reading]:
        with publisher(port) as client:
            known = None if name is None else dialect.load(name)
            looking = asyncio.create_task(read_once(Broker(HOST, port), topic, known, patience, now))
            while not looking.done():
                for where, body in told or []:
                    client.publish(where, body, 1)
                await asyncio.wait({looking}, timeout=0.6)
            return looking.result()

    return asyncio.run(main())


def values(reading: Reading) -> dict[str, Any]:
    return {name: value for name, value in reading.values.items() if value is not None}


@pytest.mark.parametrize(
    ("recording", "expected"),
    [("shelly_shelly_pro_3em", said.PRO_3EM), ("shelly_shelly_plus_1pm", said.PLUS_1PM)],
)
def test_a_recorded_shelly(mosquitto: int, recording: str, expected: dict[str, Any]) -> None:
    """By its status topics, and by a notification whose dialect has to be guessed."""
    status, notification = (tell(recording, "house/shelly") for tell in (said.shelly, said.shelly_rpc))
    for told, name in ((status, "shelly"), (notification, None)):
        (reading,) = look(mosquitto, "house/shelly/#", name, told)
        assert (reading.meter, reading.profile, reading.quality) == ("shelly", "shelly", Quality.GOOD)
        assert values(reading) == expected


GUESSES: list[tuple[str, str, bytes]] = [
    ("tasmota", "tele/plug/SENSOR", said.text(said.TASMOTA)),
    ("zigbee2mqtt", "zigbee2mqtt/plug", said.text(said.ZIGBEE)),
    ("esphome", "shed/sensor/power/state", b"12.5"),
    ("victron", "N/c0ffee/grid/30/Ac/Power", b'{"value": 5}'),
    ("openems", "edge/edge0/channel/_sum/GridActivePower", b"-1500"),
    ("sparkplug", "spBv1.0/plant/DBIRTH/edge/roof", said.sparkplug(said.metric("power_w", 2.5))),
    ("shelly-gen1", "shellies/p/relay/0/power", b"60"),
    ("json", "anywhere/at/all", b'{"power_w": 5}'),
]


def test_the_dialect_is_guessed_where_only_one_fits(mosquitto: int) -> None:
    with publisher(mosquitto) as client:
        for _, topic, body in GUESSES:
            publish(client, topic, body, retain=True)
        publish(client, "shellies/t/emeter/0/voltage", b"230", retain=True)
        publish(client, "plug/elsewhere", said.text(said.ZIGBEE), retain=True)
    for name, topic, _ in GUESSES:
        (reading, *_) = look(mosquitto, topic)
        assert (reading.profile, reading.quality) == (name, Quality.STALE), topic
    with pytest.raises(BadAnswer, match="may be shelly-3em or shelly-gen1: name one with --dialect"):
        look(mosquitto, "shellies/t/#")
    with pytest.raises(BadAnswer, match="nothing that was heard is a value in dialect json"):
        look(mosquitto, "plug/elsewhere")
    with pytest.raises(BadAnswer, match="no dialect knows what was heard"):
        look(mosquitto, "plug/#", patience=0.7)


def good(reading: Reading) -> bool:
    return reading.quality is Quality.GOOD


def stale(reading: Reading) -> bool:
    return reading.quality is Quality.STALE


async def until(stream: Any, wanted: Callable[[Reading], bool], again: Callable[[], object]) -> Reading:
    """The first reading that is wanted, while ``again`` publishes."""
    while True:
        waiting = asyncio.ensure_future(anext(stream))
        while not waiting.done():
            again()
            await asyncio.wait({waiting}, timeout=0.05)
        reading: Reading = waiting.result()
        if wanted(reading):
            return reading


def hearing(source: MqttSource, use: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        stream = source.readings()
        async with aclosing(stream):
            await use(stream)

    asyncio.run(main())


def test_many_meters_from_one_subscription(mosquitto: int) -> None:
    source = MqttSource(Broker(HOST, mosquitto), [MqttMeter("meters/+/state", dialect.load("json"))], now=now)

    async def use(stream: Any) -> None:
        def again() -> None:
            for k in range(40):
                client.publish(f"meters/m{k}/state", b'{"power_w": %d}' % k, 1)

        heard: dict[str, Any] = {}
        while len(heard) < 40:
            reading = await until(stream, lambda one: one.meter not in heard, again)
            heard[reading.meter] = reading.values["power_w"]
        assert heard == {f"m{k}": k for k in range(40)}
        will = "meters/m7/availability"
        gone = await until(
            stream, lambda r: r.quality is Quality.STALE, lambda: publish(client, will, "offline")
        )
        assert gone.meter == "m7", "its last will was subscribed to once it was heard"

    with publisher(mosquitto) as client:
        hearing(source, use)


def test_victron_is_asked_to_go_on(mosquitto: int) -> None:
    source = MqttSource(Broker(HOST, mosquitto), [MqttMeter("N/c0ffee/#", dialect.load("victron"))], now=now)

    async def use(stream: Any) -> None:
        reading = await anext(stream)
        assert reading.values == {"power_w": 5}

    def answer(client: Client, _data: Any, message: Any) -> None:
        client.publish("N/c0ffee/grid/30/Ac/Power", b'{"value": 5}')
        asked.append((message.topic, message.payload))

    asked: list[tuple[str, bytes]] = []
    with publisher(mosquitto) as client:
        client.on_message = answer
        client.subscribe("R/#")
        hearing(source, use)
    assert asked[0] == ("R/c0ffee/keepalive", b"")


def test_a_broker_that_is_killed_comes_back(tmp_path: Path) -> None:
    """Also subscriptions that were added on the way: last wills, described topics."""
    port, failures = free_port(), list[MeterError]()
    meters = [MqttMeter("meters/+/state", dialect.load("json"))]
    source = MqttSource(
        Broker(HOST, port), meters, now=now, seed=3, failed=lambda _s, error: failures.append(error)
    )

    async def use(stream: Any) -> None:
        for _ in range(2):
            with running_mosquitto(tmp_path, port), publisher(port) as client:
                say = partial(client.publish, "meters/a/state", b'{"power_w": 1}', 1)
                leave = partial(client.publish, "meters/a/availability", "offline", 1)
                await until(stream, good, say)
                await until(stream, stale, leave)
                await until(stream, good, say)
            lost = await until(stream, stale, lambda: None)
            assert set(lost.values.values()) == {None}

    hearing(source, use)
    assert all(isinstance(error, Unreachable) for error in failures) and failures


def test_user_and_password(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", passwords, "ada", "pass word"], check=True)
    passwords.chmod(0o600)
    with running_mosquitto(tmp_path, settings=f"password_file {passwords}") as port:
        with publisher(port) as client:
            publish(client, "meters/a/state", b'{"power_w": 5}', retain=True)
        json = dialect.load("json")
        (reading,) = asyncio.run(
            read_once(Broker(HOST, port, "ada", "pass word"), "meters/a/state", json, 10, now)
        )
        assert reading.values["power_w"] == 5
        with pytest.raises(Unreachable, match=r"[Nn]ot authori[sz]ed"):
            asyncio.run(read_once(Broker(HOST, port, "ada", "wrong"), "meters/a/state", json, 1, now))


def openssl(folder: Path, *arguments: str) -> None:
    command = [program("openssl"), *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def certificate(folder: Path, name: str) -> None:
    """A key and a certificate by the authority ``ca`` of the folder, good for 127.0.0.1."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key"]
    if name == "ca":
        openssl(folder, "req", "-x509", *key, "-out", "ca.crt", "-subj", "/CN=test authority", "-days", "2")
        return
    openssl(folder, "req", *key, "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signing)


def test_tls_with_our_certificate(tmp_path: Path) -> None:
    for name in ("ca", "server", "client"):
        certificate(tmp_path, name)
    tls = "\n".join(
        [
            *[f"cafile {tmp_path / 'ca.crt'}", f"certfile {tmp_path / 'server.crt'}"],
            *[f"keyfile {tmp_path / 'server.key'}", "require_certificate true"],
        ]
    )
    json, ca = dialect.load("json"), tmp_path / "ca.crt"
    ours = tmp_path / "client.crt", tmp_path / "client.key"
    with running_mosquitto(tmp_path, settings=tls) as port:
        with publisher(port, (ca, *ours)) as client:
            publish(client, "meters/a/state", b'{"power_w": 5}', retain=True)
        broker = Broker(HOST, port, ca_file=ca, cert_file=ours[0], key_file=ours[1])
        (reading,) = asyncio.run(read_once(broker, "meters/a/state", json, 10, now))
        assert reading.values["power_w"] == 5
        for stranger in (Broker(HOST, port), Broker(HOST, port, tls=True), Broker(HOST, port, ca_file=ca)):
            with pytest.raises(Unreachable):
                asyncio.run(read_once(stranger, "meters/a/state", json, 0.6, now))


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk")
    for broker, words in [
        (Broker(HOST, ca_file=tmp_path / "none"), "none: no authority's certificate: No such file"),
        (Broker(HOST, ca_file=tmp_path / "junk"), "junk: no authority's certificate"),
        (Broker(HOST, cert_file=tmp_path / "junk"), "junk: no certificate with its key"),
    ]:
        with pytest.raises(MeterError, match=words):
            MqttSource(broker, [], now=now)
