"""`python3 dev.py bench`: run the benchmarks, print the table, and with --write put it into the docs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.harness import Benchmark, Result, Unmeasurable, load, measure, report, with_measured

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent.parent / "docs" / "BENCHMARKS.md"


def arguments(argv: Sequence[str], names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="run this one (may be repeated)")
    parser.add_argument(
        "--write", action="store_true", help=f"put the table into {PAGE.parent.name}/{PAGE.name}"
    )
    parser.add_argument("--list", action="store_true", help="print the names and goals, measure nothing")
    asked = parser.parse_args(argv)
    if asked.only and asked.write:
        parser.error("--write writes the whole table, so it does not go with --only")
    return asked


def run(benchmarks: Sequence[Benchmark]) -> list[Result]:
    """Each in turn; one that cannot be measured here is skipped aloud."""
    results = []
    for one in benchmarks:
        try:
            result = measure(one)
        except Unmeasurable as reason:
            print(f"{one.name}: SKIPPED, {reason}", flush=True)
        else:
            print(f"{one.name}: {result.ratio:.3g} × {result.floor_name}", flush=True)
            results.append(result)
    return results


def main(argv: Sequence[str]) -> int:
    """0 when every goal is met, 1 when one is not or nothing could be measured."""
    benchmarks = load(FOLDER)
    asked = arguments(argv, [one.name for one in benchmarks])
    if asked.list:
        print("\n".join(f"{one.name} (goal: at most {one.goal:g} × its floor)" for one in benchmarks))
        return 0
    results = run([one for one in benchmarks if not asked.only or one.name in asked.only])
    print("\n" + report(results))
    if asked.write:
        if len(results) < len(benchmarks):
            print(f"{PAGE.name} left as it was: not every benchmark could be measured here")
            return 1
        PAGE.write_text(with_measured(PAGE.read_text(), report(results)))
    return 0 if results and all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
