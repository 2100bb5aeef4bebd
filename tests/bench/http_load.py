"""HTTP asked as fast as it answers: requests made beforehand, over some connections that are kept open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(frozen=True)
class Answers:
    """``seconds`` for all of them, and each one's own, in order of its end."""

    seconds: float
    latencies: Sequence[float]

    def slowest(self, share: float) -> float:
        """The latency in s that only ``share`` of the answers exceed."""
        return sorted(self.latencies)[int(len(self.latencies) * (1 - share)) - 1]


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: hub", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def ask(port: int, requests: Sequence[bytes], connections: int, status: bytes) -> Answers:
    """AssertionError when an answer has another status, such as ``b"201"``."""
    return asyncio.run(_ask(port, iter(requests), connections, status))


async def _ask(port: int, requests: Iterator[bytes], connections: int, status: bytes) -> Answers:
    latencies: list[float] = []
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request in requests:
            asked = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(HEAD_END)
            start = head.lower().index(LENGTH) + len(LENGTH)
            body = await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
            latencies.append(time.perf_counter() - asked)
            assert head[9:12] == status, head + body
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(one(*pair) for pair in streams))
    return Answers(time.perf_counter() - started, latencies)
