"""Reading in one go what paho reads byte by byte: the same messages, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from tests.meter.mqtt_messages import varint
from tests.shared import free_port
from tradelane.meter.mqtt_client import BufferedClient

MESSAGES = st.lists(st.tuples(st.sampled_from(["a", "b/c"]), st.binary(max_size=300)), max_size=12)


class Wire:
    """A socket that has received ``chunks``; it counts how often it is asked."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks, self.asked = chunks, 0

    def recv(self, size: int) -> bytes:
        self.asked += 1
        if not self.chunks:
            raise BlockingIOError
        chunk = self.chunks.pop(0)
        if chunk[size:]:
            self.chunks.insert(0, chunk[size:])
        return chunk[:size]

    def close(self) -> None:
        self.chunks = []


def publish(topic: str, payload: bytes) -> bytes:
    """A PUBLISH packet at QoS 0 (MQTT 3.1.1, section 3.3)."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + payload
    return b"\x30" + varint(len(body)) + body


def heard(client: Client, wire: Wire) -> list[tuple[str, bytes]]:
    """What a client makes of a wire, woken as long as there is something on it."""
    said: list[tuple[str, bytes]] = []

    def on_message(_client: Client, _data: Any, message: Any) -> None:
        said.append((message.topic, message.payload))

    client.on_message = on_message
    client._sock = wire  # type: ignore[assignment]  # all of a socket that reading needs
    while wire.chunks:
        assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    return said


@given(MESSAGES, st.data())
def test_however_the_stream_is_cut_the_messages_are_paho_s(
    messages: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(publish(topic, payload) for topic, payload in messages)
    cuts = data.draw(st.lists(st.integers(1, max(1, len(stream) - 1)), max_size=6, unique=True))
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(edges) if a < b]
    plain = Client(CallbackAPIVersion.VERSION2)
    assert heard(plain, Wire(list(chunks))) == heard(BufferedClient(), Wire(list(chunks))) == messages


def test_a_burst_is_read_in_one_call() -> None:
    messages = [("meters/a/state", b"x" * 200)] * 50
    wire = Wire([b"".join(publish(*message) for message in messages)])
    assert heard(BufferedClient(), wire) == messages
    assert wire.asked == 1


def test_a_broken_connection_leaves_nothing_for_the_next() -> None:
    client = BufferedClient()
    heard(client, Wire([publish("a", b"whole") + publish("a", b"half")[:-2]]))
    client.connect_async("127.0.0.1", free_port())
    with pytest.raises(ConnectionRefusedError):
        client.reconnect()
    assert heard(client, Wire([publish("b", b"new")])) == [("b", b"new")]
