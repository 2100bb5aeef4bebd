"""What the meters' firmware knows to be true, against what was read, metered and paid for.

A counter only rises, so a reading's value is the truth at some instant between asking and answering: not
later than the gateway's time of it, not earlier than the meter's own time where it tells one, or the time of
the reading before. At a boundary between two readings the metered counter, and the truth, lie between theirs:
the bound is what the house exported from the first of those instants to the last. Intervals share their
boundaries, so over a whole run only the two outermost boundaries count, however many intervals it has.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.ledgers import rows
from tests.shared import ROOT

Truth = dict[tuple[str, int], int]
"""Wh exported by a meter up to an instant (ms)."""


@dataclass(frozen=True)
class Seen:
    """An export counter as it was read: ``asked`` and ``at`` (market ms) have the true instant between."""

    asked: int
    at: int
    wh: int


@dataclass(frozen=True)
class Span:
    """``wh`` metered from ``start`` to ``end`` (market ms)."""

    meter: str
    start: int
    end: int
    wh: int


def seen(folder: Path) -> dict[str, list[Seen]]:
    """Each meter's export counter, reading by reading, in order of time."""
    found: defaultdict[str, list[Seen]] = defaultdict(list)
    for row in rows(folder, "edge", "SELECT meter, body FROM readings ORDER BY meter, seq"):
        body = json.loads(row["body"])
        wh, meter = body["values"].get("export_wh"), row["meter"]
        at = _ms(body["gateway_time"])
        if body["quality"] != "good" or wh is None or (found[meter] and at <= found[meter][-1].at):
            continue
        before = found[meter][-1].at if found[meter] else at
        found[meter].append(Seen(_ms(body["device_time"]) if body["device_time"] else before, at, wh))
    return dict(found)


def metered(folder: Path) -> dict[str, list[Span]]:
    """Each meter's intervals, one after the other without a gap."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for row in rows(folder, "edge", "SELECT * FROM metered ORDER BY meter, interval_start"):
        span = Span(row["meter"], row["interval_start"], row["interval_end"], row["export_wh"])
        assert not found[span.meter] or found[span.meter][-1].end == span.start
        found[span.meter].append(span)
    return dict(found)


def whole(spans: Sequence[Span]) -> Span:
    return Span(spans[0].meter, spans[0].start, spans[-1].end, sum(span.wh for span in spans))


def around(readings: Sequence[Seen], instant: int) -> tuple[Seen, Seen]:
    after = next(k for k, one in enumerate(readings) if one.at >= instant)
    return readings[max(after - 1, 0)], readings[after]


def interpolated(readings: Sequence[Seen], instant: int) -> int:
    """The counter at ``instant``, on the straight line between the readings around it, cut to whole Wh."""
    before, after = around(readings, instant)
    if after.at == instant:
        return after.wh
    return before.wh + (after.wh - before.wh) * (instant - before.at) // (after.at - before.at)


def instants(readings: Sequence[Seen], span: Span) -> set[int]:
    """Where the truth about ``span`` has to be known."""
    ends = [(boundary, *around(readings, boundary)) for boundary in (span.start, span.end)]
    return {instant for boundary, before, after in ends for instant in (before.asked, boundary, after.at)}


def bound(truth: Truth, readings: Sequence[Seen], span: Span) -> int:
    """Wh by which ``span`` may be off the truth: the export around its ends, and 1 for every cut to Wh."""
    ends = (around(readings, boundary) for boundary in (span.start, span.end))
    return 1 + sum(
        truth[span.meter, after.at] - truth[span.meter, before.asked] + 1 for before, after in ends
    )


def told(folder: Path, at: Iterable[int]) -> Truth:
    """``firmware_sim``'s truth at each instant."""
    texts = [datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") for ms in sorted(at)]
    command = [sys.executable, "-m", "firmware_sim", "truth", "--config", str(folder / "street.toml")]
    done = subprocess.run([*command, "--at", *texts], cwd=ROOT, capture_output=True, text=True, check=True)
    found: Truth = {}
    for line in map(json.loads, done.stdout.splitlines()):
        for rooftop in line["rooftops"]:
            found[rooftop["name"], _ms(line["at"])] = rooftop["export_wh"]
    return found


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
