"""One market for all tests of a module: started once, its loop runs while a test asks something of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.gateway.marketplace import CONFIG, START, Marketplace

T = TypeVar("T")


class Standing:
    """``run(use)`` runs ``use`` on the market's own loop."""

    def __init__(self, runner: asyncio.Runner, market: Marketplace) -> None:
        self._runner = runner
        self.market = market

    def run(self, use: Callable[[Marketplace], Coroutine[Any, Any, T]]) -> T:
        return self._runner.run(use(self.market))


@contextmanager
def standing(folder: Path, config: str = CONFIG, now: int = START) -> Iterator[Standing]:
    with asyncio.Runner() as runner:
        market = Marketplace(folder, config, now)
        runner.run(market.start())
        try:
            yield Standing(runner, market)
        finally:
            runner.run(market.stop())
