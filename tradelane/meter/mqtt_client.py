"""paho's client, reading what has come in one go.

paho asks the socket for each byte of a packet's head, and looks for work again after every packet: some eight
system calls a message. Here one call takes all that is there, and all packets in it are handled. Only
``_sock_recv`` is not of paho's public interface; without it everything would work as before, and slower.
"""

from __future__ import annotations

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

CHUNK = 65_536


class BufferedClient(Client):
    """A client whose reads are buffered; the rest is paho's."""

    def __init__(self) -> None:
        super().__init__(CallbackAPIVersion.VERSION2)
        self._held = b""
        self._at = 0

    def reconnect(self) -> MQTTErrorCode:
        self._held, self._at = b"", 0
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle packets until nothing is held back that no call to select would tell of."""
        while True:
            done = super().loop_read(max_packets)
            if done != MQTTErrorCode.MQTT_ERR_SUCCESS or self._at >= len(self._held):
                return done

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._at >= len(self._held):
            self._held, self._at = super()._sock_recv(max(bufsize, CHUNK)), 0
        start = self._at
        self._at = min(start + bufsize, len(self._held))
        return self._held[start : self._at]
