"""A gateway of all roles whose pages have something to show, and what its routes say its pages are."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.gateway.desk_market import LATER, potatoes, two_busy_gates
from tests.gateway.marketplace import POTATOES, POWER, Marketplace, in_market
from tests.gateway.pages import HOUSEHOLDS
from tests.gateway.processes import Gateway
from tests.gateway.test_desk_approvals import proposed, two_operators
from tests.gateway.test_phone_money import joined
from tests.gateway.test_routes import routes
from tradelane.gateway.app import create_app
from tradelane.gateway.clock import system_wall
from tradelane.gateway.config import load
from tradelane.market.units import MINUTE, Money, iso
from tradelane.settlement.ledger import Transfer

SAMPLES = {
    "/desk/data/{table}": ["/desk/data/prices", "/desk/data/flows?from=2026-06-21&place=NL%3EGB"],
    "/desk/lane/{name}": ["/desk/lane/NL%3EGB"],
    "/desk/product/{name:path}": [
        f"/desk/product/{POWER}?zone=NL",
        f"/desk/product/{POTATOES}?view=all",
    ],
    "/desk/proof/{clearing:path}": [f"/desk/proof/{POWER}"],
    "/me/goods/{product:path}": [f"/me/goods/{POTATOES}"],
}
"""Pages whose path names something, and addresses of them."""
NO_PAGES = {
    "/desk/product",  # only leads to one
    "/healthz",
    "/language",
    "/metrics",
    "/me/app.webmanifest",
    "/me/events",
    "/me/money/receipts.csv",
    "/me/worker.js",
    "/static/{version}/{name}",
}


class Place:
    """A gateway as a process of its own on the market in ``folder``, at the time where that ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        clock = f'[clock]\norigin = "{iso(LATER + MINUTE)}"\nwall_origin = {system_wall()}\n'
        config = HOUSEHOLDS + two_operators(folder) + clock
        with ThreadPoolExecutor(1) as apart:  # a browser has a loop of its own in this thread
            apart.submit(in_market, folder, _filled, config=config).result()
        self.config = folder / "market.toml"
        self._gateway = self._run(0)
        self.url: str = self._gateway.event("listening")["url"]

    def _run(self, port: int) -> Gateway:
        return Gateway(["run", "--config", str(self.config), "--port", str(port)])

    def stop(self) -> None:
        self._gateway.process.send_signal(signal.SIGTERM)
        self._gateway.ended()

    def start_again(self) -> None:
        """On the same port."""
        self._gateway = self._run(int(self.url.rpartition(":")[2]))
        self._gateway.event("listening")

    def close(self) -> None:
        self._gateway.process.kill()
        self._gateway.process.wait()


async def _filled(market: Marketplace) -> None:
    await two_busy_gates(market)
    await potatoes(market)
    await proposed(market)
    await joined(market, "rosa")
    sale = Transfer("t1", "balancing:EUR", "member:rosa:EUR", Money.parse("0.40", "EUR"), "sale", "sun")
    await market.hub.settle("s1", settlement="s1", contract="c1", transfers=[sale])


def addresses(config: Path, more: dict[str, list[str]]) -> list[str]:
    """Of every page that the routes have; one that names something is in SAMPLES, or in ``more``."""
    known = SAMPLES | more
    found: list[str] = []
    for method, path in sorted(routes(create_app(load(config)).routes)):
        if method == "GET" and not path.startswith("/api/") and path not in NO_PAGES:
            assert "{" not in path or path in known, f"{path} needs an address in SAMPLES"
            found += known.get(path, [path])
    return found
