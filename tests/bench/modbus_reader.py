"""Reads a Modbus street at 1 Hz for a while and prints what it cost, as one JSON object.

``python -m tests.bench.modbus_reader MODE SECONDS UNITS PORT …``. MODE ``stored``: poller, decoder, and the
edge's reading log with twenty commits a second; ``read``: no log; ``bare``: pymodbus in a loop, the registers
dropped. Processor time is of the whole process, all threads, after a warm-up. ``decoded`` and ``stored`` are
the times from the question to the reading, and on to the commit that holds it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.modbus_street import ADDRESS, COUNT, HOST
from tradelane.gateway.clock import system_wall
from tradelane.meter.modbus import ModbusMeter, ModbusSource
from tradelane.meter.modbus_line import ModbusLine
from tradelane.meter.modbus_url import TcpAddress
from tradelane.meter.profile import Profile, parse
from tradelane.meter.reading import Reading

WARM_UP_S = 5.0
PERIOD_S = 1.0
COMMIT_S, HEADS_EVERY = 0.03, 33
TIMEOUT_S = 1.0
PROFILE = f"""
name = "street"
vendor = "Test"
model = "three-phase inverter"
[[sunspec]]
model = 103
address = {ADDRESS}
"""
Keep = Callable[[Reading, float], None]
"""(reading, when its question was asked)."""


def resident_mb() -> float:
    """In megabytes of 10⁶ bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


class Tally:
    """What there was since the end of the warm-up."""

    def __init__(self) -> None:
        self.reads = 0
        self.waits: dict[str, list[float]] = {"decoded": [], "stored": []}
        self._cpu = self._wall = 0.0

    def start(self) -> None:
        self.reads = 0
        for waits in self.waits.values():
            waits.clear()
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def came(self, asked: float) -> None:
        self.reads += 1
        self.waits["decoded"].append(time.perf_counter() - asked)

    def report(self) -> dict[str, float]:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        found = {
            "cpu_us_per_read": 1e6 * cpu / self.reads,
            "cores": cpu / wall,
            "reads_per_s": self.reads / wall,
            "resident_mb": resident_mb(),
        }
        for name, waits in self.waits.items():
            ordered = sorted(waits)
            for part in (50, 99) if ordered else ():
                found[f"{name}_p{part}_ms"] = 1000 * ordered[len(ordered) * part // 100]
        return found


class Timed(ModbusLine):
    """Remembers when it was last asked."""

    asked = 0.0

    async def read(
        self, unit: int, function: int, address: int, count: int, patience_s: float | None = None
    ) -> list[int]:
        self.asked = time.perf_counter()
        return await super().read(unit, function, address, count, patience_s)


def names(port: int, units: int) -> list[str]:
    return [f"m{port}-{unit}" for unit in range(1, units + 1)]


async def poll(port: int, units: int, profile: Profile, keep: Keep) -> None:
    line = Timed(TcpAddress(HOST, port), TIMEOUT_S)
    meters = [ModbusMeter(name, unit, profile) for unit, name in enumerate(names(port, units), 1)]
    source = ModbusSource(line, meters, period_s=PERIOD_S, now=system_wall, sleep=asyncio.sleep, seed=port)
    async for reading in source.readings():
        keep(reading, line.asked)


async def read(ports: list[int], units: int, tally: Tally) -> None:
    profile = parse(PROFILE, "street.toml")
    async with asyncio.TaskGroup() as group:
        for port in ports:
            group.create_task(poll(port, units, profile, lambda reading, asked: tally.came(asked)))


@asynccontextmanager
async def storing(meters: list[str], tally: Tally) -> AsyncIterator[Keep]:
    """What keeps readings in an edge's reading log, in a file of its own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tradelane.gateway.file import RoleFile
    from tradelane.gateway.migrations import HEAD, PLACE
    from tradelane.gateway.reading_log import ReadingLog

    with tempfile.TemporaryDirectory() as folder:
        file = RoleFile(Path(folder) / "edge.db", PLACE, HEAD)
        file.open()
        log = ReadingLog(file, {meter: Ed25519PrivateKey.generate() for meter in meters})
        waiting: list[float] = []

        def keep(reading: Reading, asked: float) -> None:
            log.take(reading, reading.gateway_time)
            tally.came(asked)
            waiting.append(asked)

        async def store() -> None:
            for turn in itertools.count(1):
                await asyncio.sleep(COMMIT_S)
                asked = waiting.copy()
                waiting.clear()
                await log.flush(keep_heads=turn % HEADS_EVERY == 0)
                stored = time.perf_counter()
                tally.waits["stored"] += [stored - one for one in asked]

        flushing = asyncio.create_task(store())
        try:
            yield keep
        finally:
            flushing.cancel()
            await asyncio.wait([flushing])
            file.close()


async def stored(ports: list[int], units: int, tally: Tally) -> None:
    profile = parse(PROFILE, "street.toml")
    meters = [name for port in ports for name in names(port, units)]
    async with storing(meters, tally) as keep, asyncio.TaskGroup() as group:
        for port in ports:
            group.create_task(poll(port, units, profile, keep))


async def bare(ports: list[int], units: int, tally: Tally) -> None:
    from pymodbus.client import AsyncModbusTcpClient

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

    async def ask(port: int, late_s: float) -> None:
        client = AsyncModbusTcpClient(HOST, port=port, timeout=TIMEOUT_S, retries=0)
        await client.connect()
        await asyncio.sleep(late_s)
        loop = asyncio.get_running_loop()
        until = loop.time()
        while True:
            until += PERIOD_S
            for unit in range(1, units + 1):
                asked = time.perf_counter()
                answer = await client.read_holding_registers(ADDRESS, count=COUNT, device_id=unit)
                assert len(answer.registers) == COUNT
                tally.came(asked)
            await asyncio.sleep(max(0.0, until - loop.time()))

    await asyncio.gather(*(ask(port, PERIOD_S * index / len(ports)) for index, port in enumerate(ports)))


async def measured(mode: str, seconds: float, units: int, ports: list[int]) -> None:
    tally = Tally()
    work = {"stored": stored, "read": read, "bare": bare}[mode]
    reading = asyncio.create_task(work(ports, units, tally))
    await asyncio.wait([reading], timeout=WARM_UP_S)
    tally.start()
    done, _ = await asyncio.wait([reading], timeout=seconds)
    for failed in done:
        failed.result()
    print(json.dumps(tally.report()), flush=True)
    while not reading.done():
        reading.cancel()  # pymodbus alone may swallow it
        await asyncio.wait([reading], timeout=0.1)


if __name__ == "__main__":
    mode, seconds, units, *ports = sys.argv[1:]
    asyncio.run(measured(mode, float(seconds), int(units), [int(port) for port in ports]))
