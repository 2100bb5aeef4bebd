"""``demo``: what may be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """``intervals``: stop after so many market time units, None for never. ``port`` 0: any free one.

    ``speed``: market seconds per second. ``data_dir`` None: a folder that is removed at the end unless
    ``keep``. ``mqtt``: publish to this broker (host, port) in place of one of the demo's own.
    """

    intervals: int | None
    speed: int
    seed: int
    port: int
    headless: bool
    browser: bool
    data_dir: Path | None
    keep: bool
    mqtt: tuple[str, int] | None
    as_json: bool
