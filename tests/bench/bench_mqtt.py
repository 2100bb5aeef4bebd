"""What a thousand MQTT meters cost to listen to, at one message a second and QoS 1, against paho's bare loop.

Broker and publisher are processes of their own and do not count. In per cent of a core: processor time, so
that who else is busy on the machine changes little.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench.harness import Pair, Unmeasurable, benchmark
from tests.shared import running_mosquitto, stop

STREET = [sys.executable, "-m", "tests.bench.mqtt_street"]


def listening(role: str, port: int) -> float:
    done = subprocess.run([*STREET, role, str(port)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unmeasurable(done.stderr.strip().splitlines()[-1])
    return float(done.stdout)


@benchmark("mqtt", goal=2)
def mqtt() -> Pair:
    held = ExitStack()
    atexit.register(held.close)
    folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
    port = held.enter_context(running_mosquitto(folder))
    held.callback(stop, subprocess.Popen([*STREET, "publish", str(port)]))
    return Pair(
        lambda: listening("ours", port),
        lambda: listening("bare", port),
        "paho and json alone",
        unit="% of a core",
        repetitions=3,
        warm_up=0,
    )
