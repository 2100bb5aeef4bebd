"""Sparkplug B: the names and numbers in its protobuf payloads, and what its births said of aliases.

Only what a reading needs is decoded: payload timestamp (1) and metrics (2); of a metric its name (1), alias
(2), datatype (4), whether it is historical (5) or null (7), and a number (10 to 14). The rest is skipped.
Written after org.eclipse.tahu.protobuf and the encoding of protocol buffers; groups (wire types 3 and 4) are
refused.

Known limits: data that names its metrics by alias only is not understood before a birth was heard, and no
birth is asked for, since that would be a command to the device.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tradelane.meter.reading import BadAnswer

VARINT, I64, LEN, I32 = 0, 1, 2, 5
PREFIX = "spBv1.0/"
SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatypes Int8 to Int64 → their width: negative ones travel as unsigned numbers."""
MOST_NODES = 10_000


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``value`` None when it is null or no number."""

    name: str
    alias: int | None
    datatype: int | None
    historical: bool
    value: int | float | None


@dataclass(frozen=True, slots=True)
class Payload:
    """``timestamp`` in Unix ms, as the publisher says."""

    timestamp: int | None
    metrics: tuple[Metric, ...]


def wire(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Field number, wire type and raw value of each field; ValueError when the bytes are no message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, kind, value
            continue
        if kind == LEN:
            size, at = _varint(data, at)
        elif kind in (I64, I32):
            size = 8 if kind == I64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(data):
            raise ValueError("cut short")
        yield tag >> 3, kind, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise ValueError("a number without end")


def decode(data: bytes) -> Payload:
    """ValueError when the bytes are no Sparkplug payload."""
    timestamp, metrics = None, []
    for field, kind, value in wire(data):
        if field == 1 and isinstance(value, int):
            timestamp = value
        elif field == 2 and kind == LEN and isinstance(value, bytes):
            metrics.append(_metric(value))
    return Payload(timestamp, tuple(metrics))


def _metric(data: bytes) -> Metric:
    name, whole = "", {}
    value: int | float | None = None
    for field, kind, raw in wire(data):
        if isinstance(raw, int):
            whole[field] = raw
            value = raw if field in (10, 11, 14) else value
        elif field == 1 and kind == LEN:
            name = raw.decode("utf-8")
        elif (field, kind) in ((12, I32), (13, I64)):
            value = struct.unpack("<f" if kind == I32 else "<d", raw)[0]
    value = None if whole.get(7) else value
    return Metric(name, whole.get(2), whole.get(4), bool(whole.get(5)), value)


def signed(value: int | float | None, datatype: int | None) -> int | float | None:
    """An integer as its datatype means it: Int8 to Int32 travel in an unsigned 32-bit field."""
    width = SIGNED.get(datatype or 0)
    if width is None or not isinstance(value, int):
        return value
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


@dataclass(frozen=True, slots=True)
class Said:
    """The newest values by the metrics' names, and when the publisher said them (Unix ms)."""

    values: dict[str, int | float]
    time: int | None


class Births:
    """What each edge node's births said: alias → name and datatype, and name → datatype."""

    def __init__(self) -> None:
        self._aliases: dict[str, dict[int, str]] = {}
        self._types: dict[str, dict[str, int]] = {}

    def hear(self, topic: str, data: bytes) -> Said:
        """The values of a BIRTH or DATA message. BadAnswer when it is none, or nothing in it has a name."""
        levels = topic.split("/")
        if len(levels) < 4:
            raise BadAnswer(f"{topic}: not a Sparkplug topic")
        try:
            body = decode(data)
        except ValueError as error:
            raise BadAnswer(f"{topic}: not a Sparkplug payload: {error}") from None
        node, device = f"{levels[1]}/{levels[3]}", "/".join(levels[4:5])
        if levels[2].endswith("BIRTH"):
            self._born(node, device, levels[2], body)
        return self._said(topic, node, device, body)

    def _born(self, node: str, device: str, kind: str, body: Payload) -> None:
        if kind == "NBIRTH" or len(self._aliases) > MOST_NODES:
            self._aliases[node] = {}
            self._types = {k: types for k, types in self._types.items() if not k.startswith(f"{node}/")}
        aliases, types = self._aliases.setdefault(node, {}), self._types.setdefault(f"{node}/{device}", {})
        for metric in body.metrics:
            if metric.alias is not None and metric.name:
                aliases[metric.alias] = metric.name
            if metric.datatype is not None:
                types[metric.name] = metric.datatype

    def _said(self, topic: str, node: str, device: str, body: Payload) -> Said:
        aliases, types = self._aliases.get(node, {}), self._types.get(f"{node}/{device}", {})
        values: dict[str, int | float] = {}
        unnamed = 0
        for metric in body.metrics:
            name = metric.name or aliases.get(metric.alias if metric.alias is not None else -1, "")
            value = signed(metric.value, metric.datatype or types.get(name))
            unnamed += not name
            if name and value is not None and not metric.historical:
                values[name] = value
        if unnamed and not values:
            raise BadAnswer(f"{topic}: its metrics have no names, and no birth was heard yet")
        return Said(values, body.timestamp)


def device(topic: str) -> str | None:
    """Who speaks on a Sparkplug topic: ``group/node`` or ``group/node/device``; None on any other."""
    levels = topic.split("/")
    if not topic.startswith(PREFIX) or len(levels) < 4:
        return None
    return "/".join([levels[1], *levels[3:5]])


def dead(topic: str) -> str | None:
    """Who an NDEATH or DDEATH message says is gone."""
    return device(topic) if topic.split("/")[2:3] in (["NDEATH"], ["DDEATH"]) else None
